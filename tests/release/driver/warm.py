"""The driver's processes, forked off one that has already loaded what a driver loads; what they do is the same.

A process of its own each, with its own arguments, environment, stdin, stdout and stderr; only the interpreter's start
is done once. `python -m tests.release.driver.warm SOCKET` is the one they are forked off, it goes with its stdin.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from botocore.session import Session

from tests import botocore_data

REPOSITORY = Path(__file__).parents[3]
LOADED = "release.driver.arrive", "release.driver.confirm", "release.driver.rollout"


class Driver:
    """A running driver, as far as the tests need a `subprocess.Popen`."""

    def __init__(
        self, warm: Path, *, words: Sequence[str], environment: Mapping[str, str], document: str, place: Path
    ) -> None:
        place.mkdir()
        (place / "stdin").write_text(document)
        self._place, self.returncode = place, -1
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(str(warm))
        self._line.sendall(json.dumps([list(words), dict(environment), str(place)]).encode() + b"\n")
        self._said = self._line.makefile()
        self.pid = int(self._said.readline())

    def send_signal(self, number: int) -> None:
        if not self._ended(0):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Wait for its end: what it wrote."""
        if not self._said.closed:
            if not self._ended(timeout):
                raise subprocess.TimeoutExpired("release.driver", timeout)
            self.returncode = int(self._said.readline())
            self._said.close()
            self._line.close()
        return (self._place / "stdout").read_text(), (self._place / "stderr").read_text()

    def _ended(self, timeout: float) -> bool:
        return self._said.closed or bool(select.select([self._line], [], [], timeout)[0])


def serve(place: str) -> None:
    """Load, then fork for whoever asks."""
    for name in LOADED:
        __import__(name)
    botocore_data.keep()
    Session().create_client("s3", region_name="us-east-1")  # loads what it loads late
    signal.signal(signal.SIGCHLD, reap)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        print("ready", flush=True)
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            line = listener.accept()[0]
            if os.fork() == 0:
                listener.close()
                keep(line)
                os._exit(0)
            line.close()


def reap(*_: object) -> None:
    """Take leave of the keepers that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def keep(line: socket.socket) -> None:
    """Start one driver, say its process id and, at its end, its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    words, environment, place = json.loads(line.makefile().readline())
    started = os.fork()
    if not started:
        line.close()
        become(words, environment, Path(place))
    line.sendall(f"{started}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(started, 0)[1])
    line.sendall(f"{code}\n".encode())


def become(words: Sequence[str], environment: Mapping[str, str], place: Path) -> None:
    """From here on this is `python -m release.driver WORDS`, which ends the process itself."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        file = os.open(place / name, os.O_RDONLY if name == "stdin" else os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = words
    try:
        runpy.run_module("release.driver", run_name="__main__", alter_sys=True)
    except BaseException:
        traceback.print_exc()
    os._exit(70)  # it ends the process itself, here it did not


if __name__ == "__main__":
    serve(sys.argv[1])
