"""Where one smoke test keeps what it needs to take itself away again, also after it was killed."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from rehearsal.paths import REPOSITORY
from rehearsal.shadow import add_stack, make_shadow
from tests.live.account import Refused

STATE = Path(os.environ.get("LIVE_SMOKE_DIR") or REPOSITORY / ".live-smoke").absolute()
RECORD = "record.json"
PROJECT = "gallery"


@dataclass(frozen=True)
class Record:
    """What is known of one smoke test before anything of it exists."""

    stack: str
    cloud: str  # the API it is in: it can be taken away only there
    region: str
    domain: str
    hourly: float
    started: float
    addresses: tuple[str, ...]  # reserved addresses without a machine that others had before
    pulumi: int = 0  # the process that changes the stack now, or did last

    @property
    def prefix(self) -> str:
        """How everything it makes is named."""
        return f"slipway-{self.stack}"

    @property
    def hosts(self) -> list[str]:
        """Two names, so that a redirect can be seen; none where there is no domain."""
        return [f"{self.stack}.{self.domain}", f"www.{self.stack}.{self.domain}"] if self.domain else []


@dataclass
class Place:
    """The directory of one smoke test: record, project of its own, state of the engine, passphrase."""

    directory: Path
    record: Record

    @classmethod
    def make(cls, record: Record) -> Place:
        """A new one: the record first, as long as there is nothing to forget."""
        place = cls(STATE / record.stack, record)
        place.directory.mkdir(parents=True, mode=0o700)
        place.note()
        (place.directory / "state").mkdir()
        passphrase = place.directory / "passphrase"
        passphrase.touch(mode=0o600)
        passphrase.write_text(secrets.token_urlsafe(24))
        debris = shutil.ignore_patterns("__pycache__", "*.sqlite3", "media")
        shutil.copytree(REPOSITORY / "examples" / PROJECT, place.gallery, ignore=debris)
        make_shadow(project=REPOSITORY, shadow=place.project, plugins=_plugins())
        add_stack(shadow=place.project, stack=record.stack, config=place._settings())
        return place

    @classmethod
    def all(cls) -> Iterator[Place]:
        """Those that were not taken away yet, the oldest first."""
        files = sorted(STATE.glob(f"*/{RECORD}"), key=lambda file: file.stat().st_mtime)
        for file in files:
            given = json.loads(file.read_text())
            yield cls(file.parent, Record(**{**given, "addresses": tuple(given["addresses"])}))

    @staticmethod
    @contextmanager
    def alone() -> Iterator[None]:
        """One smoke test of a checkout at a time: another one's is no leftover."""
        STATE.mkdir(parents=True, exist_ok=True)
        with (STATE / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused(f"{STATE}: another smoke test is at work there, let it end") from None
            yield

    @property
    def gallery(self) -> Path:
        return self.directory / PROJECT

    @property
    def project(self) -> Path:
        return self.directory / "project"

    @property
    def log(self) -> Path:
        return self.directory / "pulumi.log"

    @property
    def environment(self) -> dict[str, str]:
        """What makes `pulumi` and `slipway` mean this place."""
        return {
            **os.environ,
            "SLIPWAY_PROJECT": str(self.project),
            "PULUMI_BACKEND_URL": f"file://{self.directory / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.directory / "passphrase"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PATH": f"{os.environ['PATH']}:{REPOSITORY / 'bin'}",
        }

    def note(self, **known: Any) -> None:
        """Write down what is known, so that it is there however this process ends."""
        self.record = replace(self.record, **known)
        fresh = self.directory / f".{RECORD}"
        fresh.write_text(json.dumps(asdict(self.record), indent=1) + "\n")
        fresh.replace(self.directory / RECORD)

    def forget(self) -> None:
        """All of it is gone at the cloud."""
        shutil.rmtree(self.directory)

    def _settings(self) -> dict[str, Any]:
        own = {"cloud": "digitalocean", "region": self.record.region}
        named = {"domain": self.record.domain, "hosts": self.record.hosts} if self.record.domain else {}
        sizes = {"server-size": "small", "database-size": "small"}
        return (
            own | named | sizes | {"project": os.path.relpath(self.gallery, REPOSITORY), "settings": "gallery.settings"}
        )


def new(*, cloud: str, region: str, domain: str, hourly: float, addresses: set[str]) -> Record:
    """A record with a name nobody else has."""
    stack = f"live-{secrets.token_hex(3)}"
    return Record(stack, cloud, region, domain, hourly, time.time(), tuple(sorted(addresses)))


def _plugins() -> dict[str, Any]:
    """What the project of this terminal says about plugins, where it has one of its own."""
    given = os.environ.get("SLIPWAY_PROJECT")
    declared = YAML(typ="safe").load(Path(given, "Pulumi.yaml").read_text()) if given else {}
    return dict(declared.get("plugins") or {})
