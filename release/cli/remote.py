"""Commands on an environment's server, through its agent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from release.cli.refusal import Refusal
from release.cli.stack import Stack
from release.ssh import Login, Server, quoted

__all__ = ["ask", "run"]

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


def _command(stack: Stack, verb: str, words: Sequence[str] = ()) -> str:
    return quoted([*AGENT, verb, "--site", stack.site, *words])


def _started(argv: Sequence[str], *, capture: bool = False) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE if capture else None
    try:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL if capture else None, stdout=pipe, stderr=pipe, text=True
        )
    except FileNotFoundError:
        raise Refusal("ssh: is not on PATH, install the OpenSSH client") from None


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
