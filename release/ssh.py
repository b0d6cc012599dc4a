"""OpenSSH to an environment's servers: host keys pinned, the login key on disk only as long as it is needed."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

__all__ = ["LOGIN_USER", "Login", "Server", "heeded", "quoted", "stop_on_signals", "unheeded"]

LOGIN_USER = "deploy"
PREFIX = "slipway-login-"
YOUNG = 60.0  # seconds in which a directory may not be held yet by the process that makes it

# Nothing of the caller's own SSH set-up may change what a release does: no configuration file, no agent, no other key.
OPTIONS = (
    "BatchMode=yes",
    "CheckHostIP=no",
    "ControlMaster=no",
    "ControlPath=none",
    "GlobalKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "LogLevel=ERROR",
    "PreferredAuthentications=publickey",
    "ServerAliveCountMax=4",
    "ServerAliveInterval=15",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
)


@dataclass(frozen=True)
class Server:
    """A server as the stack names it: where it is and the host key it must show."""

    name: str
    host: str
    host_key: str

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Server:
        """Read one entry of the stack's `servers`."""
        return cls(name=str(given["name"]), host=str(given["host"]), host_key=str(given["host_key"]).strip())


class Login:
    """The login key and the pinned host keys, in a private directory that goes when the block ends."""

    def __init__(self, *, key: str, servers: Iterable[Server]) -> None:
        self._key = key if key.endswith("\n") else key + "\n"
        self._servers = tuple(servers)
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Login:
        _forget_interrupted(Path(tempfile.gettempdir()))
        self._directory = tempfile.TemporaryDirectory(prefix=PREFIX)  # 0700 by definition
        self._held = os.open(self._directory.name, os.O_RDONLY)
        fcntl.flock(self._held, fcntl.LOCK_SH)
        self._write("key", self._key)
        self._write("known_hosts", "".join(f"{server.name} {server.host_key}\n" for server in self._servers))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._directory is not None:
            self._directory.cleanup()
            os.close(self._held)  # last: what is held nobody else removes
            self._directory = None

    def argv(self, server: Server, *, command: str, terminal: bool = False, dial: int = 10) -> list[str]:
        """The ssh command line that runs `command` (already quoted for a shell) on this server."""
        if self._directory is None:
            raise RuntimeError("the login is closed")
        folder = self._directory.name
        own = (
            f"UserKnownHostsFile={folder}/known_hosts",
            f"HostKeyAlias={server.name}",
            f"ConnectTimeout={dial}",
        )
        options = [word for option in (*OPTIONS, *own) for word in ("-o", option)]
        tty = "-t" if terminal else "-T"
        return ["ssh", "-F", "none", tty, "-e", "none", "-i", f"{folder}/key", *options,
                "-l", LOGIN_USER, "--", server.host, command]  # fmt: skip

    def _write(self, name: str, text: str) -> None:
        assert self._directory is not None
        descriptor = os.open(os.path.join(self._directory.name, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            file.write(text)


def _forget_interrupted(place: Path) -> None:
    """Remove the keys of logins whose process was killed: the kernel let go of their directories when it died."""
    for path in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            status = path.lstat()
            if status.st_uid == os.getuid() and time.time() - status.st_mtime > YOUNG:
                _remove_unless_held(path)


def _remove_unless_held(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    finally:
        os.close(directory)


def quoted(words: Sequence[str]) -> str:
    """Words as one shell command line that means exactly these words."""
    return " ".join(shlex.quote(word) for word in words)


_asked: list[str] = []


def stop_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the program as Ctrl-C does, so that every `with` block is left in order."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _interrupt)


def unheeded() -> KeyboardInterrupt | None:
    """A stop nobody has heard of: Python drops what is raised while it clears something away."""
    return KeyboardInterrupt(_asked[0]) if _asked else None


def heeded() -> None:
    """The stop that was asked for is being done."""
    _asked.clear()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _asked.append(signal.Signals(number).name)
    raise KeyboardInterrupt(_asked[-1])
