"""Where an environment keeps its uploads: a bucket, or the disk of its server."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import queue
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from release.bucket import ACL, Bucket
from release.cli.media_plan import UNFINISHED, Entry, checked
from release.cli.refusal import Refusal
from release.cli.remote import Line, line
from release.cli.stack import Stack

__all__ = ["Store", "opened"]

PIECE = 1 << 18
MIB = 1 << 20
PARTS = (8, 5, 16, 10, 15, 25, 32, 50, 64, 100, 128)  # MiB, as clients cut large uploads; django-storages' first


class Store(Protocol):
    """What both kinds can do."""

    threads: int

    def listing(self) -> dict[str, Entry]:
        """Every file there."""

    def same(self, key: str, entry: Entry, path: Path) -> bool:
        """Whether this file, of the same size, is what is there."""

    def put(self, key: str, path: Path) -> None:
        """Bring a file there."""

    def get(self, key: str, path: Path) -> None:
        """Take a file from there: whole, or not at all."""

    def remove(self, key: str) -> None:
        """Take it away there."""


@contextmanager
def opened(stack: Stack) -> Iterator[Store]:
    """The media storage of an environment."""
    media = stack.media
    if media["mode"] == "disk":
        with ExitStack() as lines:
            yield _Disk(stack, lines)
    else:
        yield _InBucket(Bucket.parse(media["bucket"]), public=media["mode"] == "public")


class _InBucket:
    threads = 8

    def __init__(self, bucket: Bucket, *, public: bool) -> None:
        self._bucket = bucket
        self._acl: ACL = "public-read" if public else "private"

    def listing(self) -> dict[str, Entry]:
        return checked({key: Entry(size, etag) for key, size, etag in self._bucket.listing()})

    def same(self, key: str, entry: Entry, path: Path) -> bool:
        if "-" not in entry.digest:
            return _md5(path) == entry.digest
        count = int(entry.digest.rpartition("-")[2])
        sizes = [size * MIB for size in PARTS if -(-entry.size // (size * MIB)) == count]
        return any(_of_parts(path, size) == entry.digest for size in sizes)

    def put(self, key: str, path: Path) -> None:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self._bucket.put(key, path, content_type=kind, acl=self._acl)

    def get(self, key: str, path: Path) -> None:
        content = self._bucket.stream(key)
        if content is None:
            raise Refusal(f"{key}: has gone meanwhile, run it again")
        _keep(path, content)

    def remove(self, key: str) -> None:
        self._bucket.remove(key)


class _Disk:
    """Several lines to the server, each of them one question and answer at a time."""

    threads = 4

    def __init__(self, stack: Stack, lines: ExitStack) -> None:
        self._where = stack.name
        self._free: queue.Queue[Line] = queue.Queue()
        for _ in range(self.threads):
            self._free.put(lines.enter_context(line(stack, verb="db", words=["--", "media"])))

    def listing(self) -> dict[str, Entry]:
        with self._asked(do="list") as (talk, _):
            found: dict[str, Entry] = {}
            while "key" in (told := talk.hear()):
                found[told["key"]] = Entry(told["size"])
            return checked(found)

    def same(self, key: str, entry: Entry, path: Path) -> bool:
        with self._asked(do="digest", key=key) as (_, told):
            return bool(told["digest"] == _md5(path))

    def put(self, key: str, path: Path) -> None:
        size = path.stat().st_size
        with self._asked(do="put", key=key, size=size) as (talk, _):
            with path.open("rb") as file, suppress(BrokenPipeError):  # the other side says why
                left = size
                while left:
                    piece = file.read(min(PIECE, left))
                    if not piece:
                        raise Refusal(f"{path}: has become smaller meanwhile, run it again")
                    talk.outgoing.write(piece)
                    left -= len(piece)
                talk.outgoing.flush()
            self._good(talk.hear())

    def get(self, key: str, path: Path) -> None:
        with self._asked(do="get", key=key) as (talk, told):
            _keep(path, talk.exactly(told["size"]))

    def remove(self, key: str) -> None:
        with self._asked(do="remove", key=key):
            return

    @contextmanager
    def _asked(self, **question: Any) -> Iterator[tuple[Line, dict[str, Any]]]:
        talk = self._free.get()
        talk.say(question)
        yield talk, self._good(talk.hear())
        self._free.put(talk)  # not after a failure: what it would say next answers another question

    def _good(self, told: dict[str, Any]) -> dict[str, Any]:
        if "error" in told:
            raise Refusal(f"{self._where}: {told['error']}")
        return told


def _keep(path: Path, content: Iterable[bytes]) -> None:
    """A whole file in place, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with open(descriptor, "wb") as file:
            file.writelines(content)
            os.fchmod(file.fileno(), 0o644)
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _of_parts(path: Path, size: int) -> str:
    """A bucket's digest of a file that came in parts."""
    digests = []
    with path.open("rb") as file:
        while part := file.read(size):
            digests.append(hashlib.md5(part, usedforsecurity=False).digest())
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"
