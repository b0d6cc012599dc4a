"""Processes that outlive who started them, each recorded by its exact identity and ended by nothing else."""

import fcntl
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rehearsal import paths
from rehearsal.system import cgroups


@dataclass(frozen=True, kw_only=True)
class Record:
    """One process: its number means it only together with its start, in ticks since this boot."""

    kind: str
    name: str
    pid: int
    start: int
    boot: str
    cgroup: str
    argv: tuple[str, ...]

    @property
    def file(self) -> Path:
        """Where the record is kept."""
        return paths.record(self.kind, self.name)


def spawn(
    kind: str,
    name: str | int,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    descriptors: Sequence[int] = (),
    log: Path | None = None,
) -> Record:
    """Start a process in its own session and control group, or find the recorded one that still runs."""
    known = find(kind, name)
    if known and alive(known):
        return known
    group = f"{kind}-{name}"
    cgroups.kill(group)
    pid = _start(
        cgroups.starting_in(group, argv),
        log=log or paths.log(group),
        environment=environment,
        directory=directory,
        descriptors=descriptors,
    )
    record = Record(
        kind=kind, name=str(name), pid=pid, start=start_ticks(pid) or 0, boot=_boot(), cgroup=group, argv=tuple(argv)
    )
    write_json(record.file, asdict(record))
    return record


def _start(
    command: list[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None,
    directory: Path | None,
    descriptors: Sequence[int],
) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=directory or "/",
            start_new_session=True,
            pass_fds=descriptors,
        ).pid


def find(kind: str, name: str | int) -> Record | None:
    """The record of a process, running or not."""
    return _load(paths.record(kind, name))


def recorded(kind: str | None = None) -> list[Record]:
    """All records, or those of one kind."""
    found = [record for file in sorted(paths.RUN.glob("*.json")) if (record := _load(file))]
    return [record for record in found if kind in (None, record.kind)]


def _load(file: Path) -> Record | None:
    try:
        fields: dict[str, Any] = json.loads(file.read_text())
        return Record(**{**fields, "argv": tuple(fields["argv"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def alive(record: Record) -> bool:
    """Whether exactly this process still runs."""
    return record.boot == _boot() and record.start != 0 and start_ticks(record.pid) == record.start


def end(record: Record, *, grace: float = 3, first: signal.Signals | int = signal.SIGTERM) -> None:
    """Ask the process to end, then end it and all it started; forget it."""
    if alive(record):
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(record.pid)
            try:
                if alive(record):  # the number is still its own, and the handle now holds on to that
                    signal.pidfd_send_signal(handle, first)
                    select.select([handle], [], [], grace)
            finally:
                os.close(handle)
    cgroups.kill(record.cgroup)
    with suppress(ChildProcessError):
        os.waitpid(record.pid, os.WNOHANG)
    record.file.unlink(missing_ok=True)


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when it is gone or only waits to be collected."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def write_json(file: Path, content: Any) -> None:
    """Replace a JSON file at once, so that nobody ever reads half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content, indent=1))
    unfinished.rename(file)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock that counts between processes; held by nobody when its holder is gone."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def wait_until(check: Any, *, limit: float, step: float = 0.05) -> bool:
    """Poll a condition until it holds; False when the time is over."""
    deadline = time.monotonic() + limit
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(step)
    return True
