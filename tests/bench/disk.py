"""`python -m tests.bench.disk`: releases without end on a small disk, and one that meets it full.

The agent's own code releases a stub app, release after release, onto a disk of fixed size (tmpfs; root and Linux): it
fetches, verifies, unpacks, compiles, links and prunes for real, while systemd, Caddy and Django are played. Usage is
printed after every tenth of them and must not grow. Then the disk is 95 % full: the next release has to be refused
with nothing touched; and one whose layer is larger than there is room fills the disk on the way: nothing of it may be
left. A control without pruning has to be seen growing. Exit status: 0 when all of it is so.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from release.host.agent import disk, tidy
from release.host.agent.journal import LONGEST
from release.host.agent.machine import Done, Local
from release.host.agent.site import Site
from release.host.agent.state import load
from tests.bench.sheet import Sheet
from tests.release.host import driver
from tests.release.host.bench import Recorded, document_for, pack, site_on

SIZE = 64  # MiB
MIB = 1 << 20
EVERY = 10  # releases after which the packages change: a look at every phase would differ
SLACK = 0.01  # of the disk: numbers of more digits, blocks that are not full
ALIVE = Done(0, "ActiveState=active\nNRestarts=0\nResult=success\n")
DJANGO = Done(0, '{"plan": [], "overrides": [], "applied": []}')


@dataclass
class Machine(Recorded):
    """Played, but for what fills a disk."""

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        limit: float | None = 600,
    ) -> Done:
        if "compileall" in argv or argv[0] == "sync":
            return Local().run(argv, check=check, input=input, env=env, limit=limit)
        return super().run(argv, check=check, input=input, env=env, limit=limit)


@dataclass
class Bed:
    """A site on a disk of its own, and a bucket beside it."""

    site: Site
    bucket: Path

    def release(self, document: dict[str, Any]) -> dict[str, Any]:
        """The agent's last word; a release that is refused ends with its error."""
        machine = Machine(self.site.root, {"-p ActiveState": ALIVE, "/usr/bin/python3 - ": DJANGO})
        talk = driver.Driver(machine, driver.Site())
        try:
            return talk.whole(document, self.bucket)
        except AssertionError:
            return next(message for message in talk.heard if "error" in message)
        finally:
            talk.end()

    def stub(self, number: int) -> dict[str, Any]:
        """A release of the stub app; its packages change with every tenth."""
        for packed in self.bucket.iterdir():
            packed.unlink()
        version = f"{number:06}"
        parts = {
            "dependencies": {f"site-packages/p{n}.py": f"X = '{number // EVERY}'\n" * 80 for n in range(40)},
            "code": {f"src/m{n}.py": f"VERSION = '{version}'\n" * 40 for n in range(20)}
            | {"overlay/slipway_wsgi.py": ""},
            "static": {f"static/f{n}.{version:0>12}.css": version * 400 for n in range(30)},
        }
        layers = {name: pack(files, directory=self.bucket) for name, files in parts.items()}
        sizes = {name: length(files) for name, files in parts.items()}
        return document_for(layers, sizes=sizes)

    @property
    def used(self) -> int:
        """Bytes on the disk, without the journal, which has a bound of its own."""
        found = os.statvfs(self.site.root)
        return (found.f_blocks - found.f_bfree) * found.f_frsize - self.journal

    @property
    def journal(self) -> int:
        path = self.site.state / "journal.jsonl"
        return path.stat().st_blocks * 512 if path.exists() else 0

    def listing(self) -> dict[str, int]:
        """All of the site, each with its time."""
        return {str(path): path.lstat().st_mtime_ns for path in sorted(self.site.home.rglob("*"))}


def length(files: Mapping[str, str]) -> int:
    """Of an archive with these files: headers, and contents in blocks, in records of 20."""
    blocks = sum(1 + -(-len(content.encode()) // 512) for content in files.values()) + 2
    return -(-blocks // 20) * 20 * 512


def main() -> int:
    """Print what was found; every line that begins with ✗ is a failure."""
    parser = argparse.ArgumentParser(prog="tests.bench.disk", description=__doc__)
    parser.add_argument("--releases", type=int, default=500, help="how many (default 500)")
    given = parser.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("disk: needs root and Linux, it mounts a small disk", file=sys.stderr)
        return 2
    print(Sheet(f"slipway: {given.releases} releases on a disk of {SIZE} MiB", engine="the agent's own code").text())
    began = time.monotonic()
    with bed() as made:
        good = [endless(made, given.releases), refused(made, given.releases + 1), filled(made, given.releases + 2)]
        good.append(goes_on(made, given.releases + 3))
    with bed() as other, mock.patch.object(tidy, "prune", return_value=[]):
        good.append(told("a control without pruning is seen growing", not endless(other, min(given.releases, 100))))
    wrong = f"{good.count(False)} of {len(good)} not as it should"
    print(f"{given.releases} releases in {time.monotonic() - began:.0f} s, {wrong}")
    return 0 if all(good) else 1


@contextmanager
def bed() -> Iterator[Bed]:
    """A disk of this size, unmounted at the end."""
    with tempfile.TemporaryDirectory(prefix="slipway-disk-") as scratch:
        small, bucket = Path(scratch, "disk"), Path(scratch, "bucket")
        small.mkdir()
        bucket.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "slipway-disk", str(small)], check=True)
        try:
            yield Bed(site_on(small), bucket)
        finally:
            subprocess.run(["umount", str(small)], check=True)


def endless(made: Bed, releases: int) -> bool:
    """Release after release; whether usage at the end is that of the beginning."""
    step, seen = max(EVERY, releases // 10), []
    for number in range(1, releases + 1):
        said = made.release(made.stub(number))
        if "done" not in said or said.get("notes"):
            return told(f"release {number}: {said.get('error') or said.get('notes')}", False)
        if number % step == 0:
            seen.append(made.used)
            kept, layers = (len(list(place.iterdir())) for place in (made.site.releases, made.site.layers))
            print(f"  {number:>5} releases  {seen[-1] / MIB:6.2f} MiB  {kept} kept  {layers} layers  "
                  f"journal {made.journal / MIB:.2f} MiB", flush=True)  # fmt: skip
    grown = max(seen[1:], default=seen[0]) - seen[0]
    good = grown <= SLACK * SIZE * MIB and made.journal <= LONGEST + 4096
    return told(f"usage does not grow ({grown / MIB:+.2f} MiB from the first line to the fullest)", good)


def refused(made: Bed, number: int) -> bool:
    """The disk is 95 % full: the next release is refused, nothing is touched."""
    with ballast(made, free=SIZE * MIB // 20):
        before, serves = made.listing(), committed(made)
        said = made.release(made.stub(number))
        untouched = (made.listing(), committed(made)) == (before, serves)
    print(f"  {said.get('error')}")
    good = str(said.get("error")).startswith("disk: ") and said.get("serves") == serves and untouched
    return told("at 95 % full a release is refused before anything is touched", good)


def filled(made: Bed, number: int) -> bool:
    """A layer that is far larger than there is room, and no size to know it by: the disk fills up on the way."""
    document = made.stub(number)
    big = pack({"static/big.txt": "x" * (SIZE + 8) * MIB}, directory=made.bucket)
    layers = {**document["manifest"]["layers"], "static": big}
    before, serves = made.listing(), committed(made)
    said = made.release(document_for(layers))
    print(f"  {said.get('error')}")
    good = "the disk filled up" in str(said.get("error")) and said.get("serves") == serves
    whole = made.listing().keys() == before.keys()
    return told("a disk that fills up on the way leaves no half layer", good and whole)


def goes_on(made: Bed, number: int) -> bool:
    """With room again the next release goes well."""
    return told("with room again the next release goes well", "done" in made.release(made.stub(number)))


@contextmanager
def ballast(made: Bed, *, free: int) -> Iterator[None]:
    """A file that leaves this much."""
    file = made.site.root / "ballast"
    file.write_bytes(b"\0" * (disk.look(made.site.root).free - free))
    try:
        yield
    finally:
        file.unlink()


def committed(made: Bed) -> str:
    """What serves."""
    running = load(made.site).committed
    return running.release if running else ""


def told(what: str, good: bool) -> bool:
    print(f"{'✓' if good else '✗'} {what}", flush=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
