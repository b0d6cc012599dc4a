"""Commands on an environment's server, through its agent."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

from release.cli.refusal import Refusal
from release.cli.stack import Stack
from release.ssh import Login, Server, quoted

__all__ = ["Line", "ask", "line", "run"]

PIECE = 1 << 18
NO_SSH = "ssh: is not on PATH, install the OpenSSH client"
AGENT = ("sudo", "-n", "python3", "/usr/local/bin/slipway-agent")


def run(stack: Stack, *, verb: str, words: Sequence[str]) -> int:
    """Run a verb of the agent with our own stdin, stdout and stderr; its exit code is ours."""
    server = stack.servers[0]
    # A terminal only where a person sits at both ends: it would put carriage returns into a redirected dump.
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    with Login(key=stack.login_key, servers=stack.servers) as login:
        argv = login.argv(server, command=_command(stack, verb, words), terminal=terminal)
        return _waited(_started(argv))


def ask(stack: Stack, server: Server, *, verb: str) -> dict[str, Any]:
    """The JSON object a verb of the agent prints."""
    with Login(key=stack.login_key, servers=[server]) as login:
        process = _started(login.argv(server, command=_command(stack, verb)), capture=True)
        out, err = process.communicate()
    if process.returncode != 0:
        raise Refusal(f"{server.name}: {_last(err) or f'the agent ended with code {process.returncode}'}")
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return answer


@dataclass(frozen=True)
class Line:
    """A verb of the agent at the other end of pipes."""

    incoming: IO[bytes]
    outgoing: IO[bytes]
    _process: subprocess.Popen[bytes]
    _said: IO[bytes]

    def hear(self) -> dict[str, Any]:
        """The next JSON line; one that is none, or none at all, is told in the words the other side left."""
        told = self.incoming.readline()
        with suppress(ValueError):
            message = json.loads(told)
            if isinstance(message, dict):
                return message
        raise Refusal(self.last_words() or "ended without a word")

    def say(self, message: Mapping[str, Any]) -> None:
        """One JSON line; who has ended meanwhile tells why when it is heard."""
        with suppress(BrokenPipeError):
            self.outgoing.write(json.dumps(message).encode() + b"\n")
            self.outgoing.flush()

    def exactly(self, size: int) -> Iterator[bytes]:
        """So many bytes in pieces; fewer are a refusal."""
        while size:
            piece = self.incoming.read(min(PIECE, size))
            if not piece:
                raise Refusal(self.last_words() or "the line ended early, nothing of this was kept, try again")
            size -= len(piece)
            yield piece

    def last_words(self) -> str:
        """Why the other side ended."""
        self.incoming.close()
        self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace")
        if "invalid choice" in said:
            return "its agent is older than this slipway, renew it: pulumi up --replace '**:Command::release'"
        return _last(said)


@contextmanager
def line(stack: Stack, *, verb: str, words: Sequence[str]) -> Iterator[Line]:
    """A verb of the agent to talk with in bytes; ended with the block, however that ends."""
    server = stack.servers[0]
    with Login(key=stack.login_key, servers=stack.servers) as login, tempfile.TemporaryFile() as said:
        argv = login.argv(server, command=_command(stack, verb, words))
        try:
            process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
        except FileNotFoundError:
            raise Refusal(NO_SSH) from None
        assert process.stdin
        assert process.stdout
        try:
            yield Line(process.stdout, process.stdin, process, said)
        finally:
            process.terminate()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()


def _command(stack: Stack, verb: str, words: Sequence[str] = ()) -> str:
    return quoted([*AGENT, verb, "--site", stack.site, *words])


def _started(argv: Sequence[str], *, capture: bool = False) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE if capture else None
    try:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL if capture else None, stdout=pipe, stderr=pipe, text=True
        )
    except FileNotFoundError:
        raise Refusal(NO_SSH) from None


def _waited(process: subprocess.Popen[str]) -> int:
    """The exit code, as a shell gives it."""
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    return code if code >= 0 else 128 - code


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
