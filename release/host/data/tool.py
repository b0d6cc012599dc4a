"""PostgreSQL's programs at the other end of pipes."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from .failure import Failure, said

__all__ = ["Feeding", "Tool"]


@dataclass
class Tool:
    """A program at the other end of pipes; what it complains of is kept."""

    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    stdin: int = subprocess.DEVNULL
    stdout: int = subprocess.DEVNULL

    def __enter__(self) -> Tool:
        self._said = tempfile.TemporaryFile()
        env = {**os.environ, **(self.env or {}), "LC_ALL": "C.UTF-8"}
        self._process = subprocess.Popen(self.argv, stdin=self.stdin, stdout=self.stdout, stderr=self._said, env=env)
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        self._process.kill()
        self._process.wait()
        self._said.close()

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout
        return self._process.stdout

    @property
    def lines(self) -> list[str]:
        self._said.seek(0)
        return self._said.read().decode(errors="replace").splitlines()

    def feed(self, piece: bytes) -> None:
        """Hand something over; a program that has ended says why."""
        assert self._process.stdin
        try:
            self._process.stdin.write(piece)
        except BrokenPipeError:
            self.end(failed=True)

    def stop(self) -> None:
        """End it at once; whoever reads its output sees the end of it."""
        self._process.kill()

    def end(self, *, failed: bool = False) -> None:
        """Wait for its end, which has to be a good one."""
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        if self._process.wait() or failed:
            raise Failure(said(self.lines, tool=self.argv[0]))


class Feeding(threading.Thread):
    """Feeds a tool from behind while its output is read; what fails there stops the tool, and is told by `end`."""

    def __init__(self, tool: Tool, content: Iterator[bytes]) -> None:
        super().__init__(daemon=True)
        self._tool, self._content = tool, content
        self._failure: Exception | None = None
        self.start()

    def run(self) -> None:
        """Everything, then the tool's own end."""
        try:
            for piece in self._content:
                self._tool.feed(piece)
            self._tool.end()
        except Exception as error:
            self._failure = error
            self._tool.stop()

    def end(self) -> None:
        """Wait for the last of it."""
        self.join()
        if self._failure:
            raise self._failure
