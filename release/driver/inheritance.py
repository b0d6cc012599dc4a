"""What a new machine takes over from the one before it: the certificates, and then the visitors."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable

from release.bucket import BucketError
from release.driver.archive import keep
from release.driver.certificates import Damaged, fit, packed, unpacked
from release.driver.documents import Wanted
from release.driver.holder import Holder
from release.ssh import Login

__all__ = ["Inheritance"]

PATIENCE = 30.0
FRESH = "Caddy asks for new ones once the address points here"


class Inheritance:
    """Looked for in the background from the moment a server says that it is new."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._before = Holder(server=wanted.servers[0], address=wanted.address, site=wanted.site, drain=wanted.drain)
        self._lock = threading.Lock()
        self._looking: threading.Thread | None = None
        self._store = b""
        self.notes: list[str] = []

    def look(self, *, login: Login) -> None:
        """Begin to look; asked twice is fine."""
        with self._lock:
            if self._looking is None:
                self._looking = threading.Thread(target=self._look, args=(login,), daemon=True)
                self._looking.start()

    def certificates(self) -> str:
        """A store for the wanted hosts as text, empty when there is none."""
        if self._looking is not None:
            self._looking.join(PATIENCE)
        return b64encode(self._store).decode()

    def rest(self) -> list[str]:
        """Let the machine before write nothing more; what there is to say. One that does not rest is a failure."""
        if not self.stands():
            return []
        self._before.rest()
        return ["database: the machine before has stopped writing; the site is without it until visitors come here"]

    def stands(self) -> bool:
        """Whether another machine serves the visitors, as far as it can be found out."""
        if self._looking is not None:
            self._looking.join(PATIENCE)
        return self._before.on_the_line

    def seal(self) -> None:
        """The last word before a commit."""
        self._before.seal()

    @property
    def has_predecessor(self) -> bool:
        """Whether another machine has the visitors still."""
        return self._before.on_the_line

    def pass_on(self) -> None:
        """The last act of a release on a new machine: the one before it leaves, the address follows."""
        self.notes += self._before.leave()

    def keep(self, store: str) -> None:
        """A copy of what a machine holds, for the day it is lost."""
        self.notes += keep(store, archive=self._wanted.archive)

    def end(self) -> None:
        """Leave nobody on the line."""
        self._before.end()

    def _look(self, login: Login) -> None:
        sources: list[tuple[str, Callable[[], dict[str, bytes]]]] = [
            ("the machine before", lambda: self._of_the_one_before(login)),
            ("the release bucket", self._wanted.archive.read),
        ]
        for origin, read in sources:
            store, named = self._fitting(origin, read)
            if named:
                self._store = packed(store)
                self.notes.append(f"certificates: carried over from {origin}: {', '.join(sorted(named))}")
                return
            if store and not self._store:
                self._store = packed(store)  # an account without a certificate is worth having

    def _of_the_one_before(self, login: Login) -> dict[str, bytes]:
        return unpacked(self._before.store) if self._before.greet(login=login) else {}

    def _fitting(self, origin: str, read: Callable[[], dict[str, bytes]]) -> tuple[dict[str, bytes], set[str]]:
        """What is good for the wanted hosts; a store that is not is worth a word and no more."""
        try:
            files = read()
        except (Damaged, BucketError) as error:
            self.notes.append(f"certificates: {origin}: {error}, {FRESH}")
            return {}, set()
        store, named = fit(files, hosts=self._wanted.hosts)
        if files and not named:
            self.notes.append(f"certificates: {origin}: holds none that is valid for {self._wanted.canonical}, {FRESH}")
        return store, named
