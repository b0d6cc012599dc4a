"""The control groups of this rehearsal: every process it starts is in one, so that all can be found and ended."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from rehearsal import paths

# The shell puts itself into the group before it becomes the command, so that not one child starts outside.
_INTO_GROUP = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1/cgroup.procs"; shift; n=$((n-1)); done; exec "$@"'


class CgroupError(RuntimeError):
    """This computer's control groups cannot hold a rehearsal"""


def hierarchies() -> list[Path]:
    """Where processes have to be put: cgroup2 first, then systemd's own hierarchy on hybrid hosts."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    unified = [Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"]
    named = [Path(fields[1]) for fields in mounts if fields[2] == "cgroup" and "name=systemd" in fields[3].split(",")]
    if not unified:
        raise CgroupError(
            "cgroups: needs a mounted cgroup2 (got none), mount one: mount -t cgroup2 none /sys/fs/cgroup"
        )
    return unified[:1] + named[:1]


def make(name: str) -> list[Path]:
    """The group's directory in every hierarchy."""
    directories = [hierarchy / paths.CGROUP / name for hierarchy in hierarchies()]
    for directory in directories:
        directory.mkdir(parents=True, exist_ok=True)
    return directories


def starting_in(name: str, argv: Sequence[str]) -> list[str]:
    """The command line that starts another one in the group."""
    places = [str(place) for place in make(name)]
    return ["/bin/sh", "-ec", _INTO_GROUP, "sh", str(len(places)), *places, *argv]


def members(name: str = "") -> list[int]:
    """The processes in a group and below it; without a name, of the whole rehearsal."""
    top = hierarchies()[0] / paths.CGROUP / name
    return [int(pid) for directory in _tree(top) for pid in _read(directory / "cgroup.procs").split()]


def remains() -> list[Path]:
    """The top directories of this rehearsal's groups that exist."""
    return [top for hierarchy in hierarchies() if (top := hierarchy / paths.CGROUP).is_dir()]


def kill(name: str = "", *, limit: float = 30) -> None:
    """End every process of a group at once, wait until they are gone, remove the group."""
    for hierarchy in hierarchies():
        top = hierarchy / paths.CGROUP / name
        deadline = time.monotonic() + limit
        while top.is_dir() and time.monotonic() < deadline:
            _kill_once(top)
            # a process on its way out is no longer listed and still holds its group
            with suppress(CgroupError):
                _remove(top)
                break
            time.sleep(0.02)
        _remove(top)


def _kill_once(top: Path) -> None:
    if (top / "cgroup.kill").exists():
        (top / "cgroup.kill").write_text("1")


def _remove(top: Path) -> None:
    for directory in reversed(list(_tree(top))):
        try:
            directory.rmdir()
        except FileNotFoundError:
            continue
        except OSError as problem:
            raise CgroupError(
                f"cgroups: {directory}: still in use ({problem.strerror}), see cgroup.procs below it"
            ) from None


def _tree(top: Path) -> Iterator[Path]:
    """The directory and everything below it, parents first."""
    if top.is_dir():
        yield top
        for child in sorted(top.iterdir()):
            if child.is_dir():
                yield from _tree(child)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # the group went away in between
        return ""
