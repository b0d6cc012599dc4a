"""`slipway VERB STACK ...`: what a person does with an environment that stands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from release.cli.project import Project
from release.cli.refusal import Refusal, meant
from release.ssh import stop_on_signals

DESCRIPTION = """\
  check PROJECT              what slipway would make of a Django project; needs no stack
  build STACK                build its artifact and try it out here, without any cloud (or: PROJECT --settings MODULE)
  explain STACK [--json]     what is laid over the project's settings and why, what is kept, and how it runs
  manage STACK ARGS...       run manage.py there, with exactly these arguments
  shell STACK                a Django shell there; a script may come on stdin
  logs STACK [-n N] [-f] [--since TIME]
  db dump|load|shell STACK   the database: into a file, out of one, and psql (or sqlite3) there
  media push|pull STACK DIR  uploads from a directory, or into one
  open STACK                 the site in your browser
  status STACK [--json]      state, live site, servers and cloud side by side; 1 when they differ
  record STACK [RELEASE] [--svg FILE] [--json]   what a release did, step by step
  strays STACK [--json]      what an interrupted `up` may have left in the account, and how to remove it
  backup status|now|drill|restore STACK   what is kept of its data, proven by restoring it, and brought back
  rotate STACK NAME          a new secret-key, database-password or storage-keys, without a failed request
  up STACK [--maintenance]   pulumi up; while it migrates visitors may get the holding page
  releases STACK [--json]    what it keeps, where it came from, and what it could go back to
  rollback STACK [ID]        pin what ran before (or a kept release) in the stack file, and bring it up
  unpin STACK                take the pin out of the stack file
  relock STACK               the lock beside its stack file, resolved anew; prints what changed
  promote STACK TARGET       pin what STACK has proven in TARGET's stack file
"""


def main(words: Sequence[str] | None = None) -> int:
    """The command line; its exit code."""
    given = _arguments().parse_args(words)
    stop_on_signals()
    try:
        if given.verb not in VERBS:
            raise Refusal(f"slipway: unknown verb: {given.verb}, {meant(given.verb, sorted(VERBS))}")
        return VERBS[given.verb](given.directory, given.rest)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141


def _manage(directory: str | None, rest: Sequence[str]) -> int:
    if rest and rest[0] in ("-h", "--help"):
        print("usage: slipway manage STACK ARGS...   (manage.py's own help: slipway manage STACK --help)")
        return 0
    if not rest:
        raise Refusal("slipway manage: should name a stack (got nothing), slipway manage STACK ARGS...")
    return _on_server(directory, rest[0], "manage", ["--", *rest[1:]])


def _shell(directory: str | None, rest: Sequence[str]) -> int:
    return _on_server(directory, _verb("shell").parse_args(rest).stack, "manage", ["--", "shell"])


def _logs(directory: str | None, rest: Sequence[str]) -> int:
    parser = _verb("logs")
    parser.add_argument("-n", "--lines", type=int, default=100, help="how many of the last lines (100)")
    parser.add_argument("-f", "--follow", action="store_true", help="stay, and show what comes")
    parser.add_argument("--since", help="as journalctl takes it: '10 min ago', '2026-01-31 12:00'")
    given = parser.parse_args(rest)
    follow = ["-f"] if given.follow else []
    since = ["--since", given.since] if given.since else []
    return _on_server(directory, given.stack, "logs", ["-n", str(given.lines), *follow, *since])


def _db(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.db import db

    return db(directory, rest)


def _media(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.media import media

    return media(directory, rest)


def _open(directory: str | None, rest: Sequence[str]) -> int:
    import webbrowser

    from release.cli.stack import Stack

    url = Stack.read(Project.find(directory), _verb("open").parse_args(rest).stack).url
    print(url, flush=True)
    return 0 if webbrowser.open(url) else 1


def _status(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.status import status

    parser = _verb("status")
    parser.add_argument("--json", action="store_true", help="one JSON object, with each server's own answer")
    given = parser.parse_args(rest)
    return status(Project.find(directory), given.stack, as_json=given.json)


def _strays(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.strays import strays

    parser = _verb("strays")
    parser.add_argument("--json", action="store_true", help="a JSON list")
    given = parser.parse_args(rest)
    return strays(Project.find(directory), given.stack, as_json=given.json)


def _promote(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.promote import promote

    parser = _verb("promote")
    parser.add_argument("target", metavar="TARGET", help="the environment that gets it")
    parser.add_argument("--hotfix", metavar="REASON", help="past the proof, for this reason; STACK may be an artifact")
    given = parser.parse_args(rest)
    return promote(Project.find(directory), source=given.stack, target=given.target, hotfix=given.hotfix)


def _up(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.up import up

    parser = _verb("up")
    parser.add_argument("--maintenance", action="store_true", help="visitors get the holding page while it migrates")
    given, words = parser.parse_known_args(rest)
    return up(Project.find(directory), given.stack, maintenance=given.maintenance, words=words)


def _releases(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.releases import releases

    parser = _verb("releases")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args(rest)
    return releases(Project.find(directory), given.stack, as_json=given.json)


def _rollback(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.rollback import rollback

    parser = _verb("rollback")
    parser.add_argument(
        "id", metavar="ID", nargs="?", help="a release or artifact of slipway releases, or its beginning"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="pulumi up --yes")
    given = parser.parse_args(rest)
    words = ["--yes"] if given.yes else []
    return rollback(Project.find(directory), given.stack, wanted=given.id, words=words)


def _unpin(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.rollback import unpin

    return unpin(Project.find(directory), _verb("unpin").parse_args(rest).stack)


def _rotate(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.rotate import rotate

    return rotate(directory, rest)


def _record(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.record import record

    return record(directory, rest)


def _relock(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.relock import relock

    return relock(Project.find(directory), _verb("relock").parse_args(rest).stack)


def _check(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.check.command import check

    return check(rest)


def _build(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.build.command import build

    return build(directory, rest)


def _explain(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.explain import explain

    parser = _verb("explain")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    given = parser.parse_args(rest)
    return explain(Project.find(directory), given.stack, as_json=given.json)


def _backup(directory: str | None, rest: Sequence[str]) -> int:
    from release.cli.backup import backup

    return backup(directory, rest)


VERBS: dict[str, Callable[[str | None, Sequence[str]], int]] = {
    "check": _check,
    "build": _build,
    "explain": _explain,
    "manage": _manage,
    "shell": _shell,
    "logs": _logs,
    "db": _db,
    "media": _media,
    "open": _open,
    "status": _status,
    "strays": _strays,
    "backup": _backup,
    "relock": _relock,
    "promote": _promote,
    "record": _record,
    "rotate": _rotate,
    "up": _up,
    "releases": _releases,
    "rollback": _rollback,
    "unpin": _unpin,
}


def _on_server(directory: str | None, stack: str, verb: str, words: Sequence[str]) -> int:
    from release.cli.remote import run
    from release.cli.stack import Stack

    return run(Stack.read(Project.find(directory), stack), verb=verb, words=words)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="slipway",
        usage="slipway [-C DIR] VERB STACK ...",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-C", dest="directory", metavar="DIR", help="the directory of Pulumi.yaml")
    parser.add_argument("verb", metavar="VERB", help=argparse.SUPPRESS)
    # Whatever follows the verb is the verb's own, so that manage passes on every word as it is.
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _verb(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"slipway {name}", allow_abbrev=False)
    parser.add_argument("stack", metavar="STACK", help="the environment: staging, production, ...")
    return parser


if __name__ == "__main__":
    sys.exit(main())
