"""The agent's verbs."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from io import FileIO
from pathlib import Path

from .failure import Failure
from .machine import Local
from .site import Site

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run one verb as root on a server."""
    asked = _parser().parse_args(argv)
    try:
        return _run(asked)
    except Failure as failure:
        sys.stderr.write("\n".join([failure.cause, *failure.detail]) + "\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slipway-agent")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("release", "arrive", "hand-over", "reconcile"):
        verbs.add_parser(name)
    named = {
        name: verbs.add_parser(name)
        for name in ("status", "releases", "revert", "come-back", "logs", "manage", "shell", "db")
    }
    for verb in named.values():
        verb.add_argument("--site")
    named["logs"].add_argument("-n", "--lines", type=int, default=100)
    named["logs"].add_argument("-f", "--follow", action="store_true")
    named["logs"].add_argument("--since", default="")
    for name in ("manage", "shell", "db"):
        named[name].add_argument("command", nargs=argparse.REMAINDER)
    return parser


def _run(asked: argparse.Namespace) -> int:
    machine = Local()
    if asked.verb in ("release", "arrive", "hand-over"):
        return _converse(asked.verb, machine)
    if asked.verb == "reconcile":
        from .switch import reconcile

        for path in sorted(Path("/var/lib/slipway-agent").glob("*/state.json")):
            reconcile(Site(path.parent.name), machine)
        return 0
    from . import tools

    site = tools.only_site(machine.root, asked.site)
    if asked.verb == "status":
        sys.stdout.write(json.dumps(tools.status(site, machine)) + "\n")
        return 0
    if asked.verb == "releases":
        from .history import releases

        sys.stdout.write(json.dumps(releases(site, machine)) + "\n")
        return 0
    if asked.verb == "revert":
        from .switch import revert

        failed = revert(site, machine)
        sys.stdout.write(json.dumps({"reverted": failed.release if failed else None}) + "\n")
        return 0
    if asked.verb == "come-back":
        from .hand_over import come_back

        come_back(site, machine)
        return 0
    if asked.verb == "logs":
        tools.logs(site, lines=asked.lines, follow=asked.follow, since=asked.since)
    command = asked.command[1:] if asked.command[:1] == ["--"] else asked.command
    tools.enter(site, verb=asked.verb, command=command)


def _converse(verb: str, machine: Local) -> int:
    from .gate import Socket
    from .wire import Wire

    # A dropped login is the end of stdin, which is answered in order; the signals around it are not.
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    # Unbuffered: the reading thread may still wait for the driver when we end.
    wire = Wire(FileIO(0, closefd=False), sys.stdout.buffer)
    if verb == "arrive":
        from .tools import arrive

        return arrive(wire, machine)
    if verb == "hand-over":
        from .hand_over import hand_over

        return hand_over(wire, machine)
    from .release import release

    return release(wire, machine, Socket())
