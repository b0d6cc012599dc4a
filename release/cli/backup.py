"""`slipway backup status|now|drill|restore STACK`: what is kept of an environment's data, proven, and brought back."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from release.cli import backup_text as text
from release.cli.backup_managed import own_copies, restore_managed
from release.cli.moments import moment
from release.cli.overwriting import agreed
from release.cli.project import Project
from release.cli.refusal import Refusal, meant
from release.cli.stack import Stack
from release.ssh import Login, Server, quoted

__all__ = ["backup"]

TOOL = ("sudo", "-n", "python3", "/usr/local/bin/slipway-agent", "backup")
KEPT = ("server", "local")  # kinds of database that slipway keeps on a machine
Answer = Mapping[str, Any]


def backup(directory: str | None, rest: Sequence[str]) -> int:
    """One verb; 1 when what it tells is bad."""
    if rest and rest[0] in ("-h", "--help"):
        print(f"usage: slipway backup {'|'.join(VERBS)} STACK   (each has its own --help; docs/backups.md)")
        return 0
    if not rest or rest[0] not in VERBS:
        got = rest[0] if rest else "nothing"
        raise Refusal(f"slipway backup: should be a verb and a stack (got {got}), {meant(got, sorted(VERBS))}")
    parser = argparse.ArgumentParser(prog=f"slipway backup {rest[0]}", allow_abbrev=False)
    parser.add_argument("stack", metavar="STACK", help="the environment: staging, production, ...")
    run, options = VERBS[rest[0]]
    options(parser)
    given = parser.parse_args(rest[1:])
    return run(Project.find(directory), given)


def _status(project: Project, given: argparse.Namespace) -> int:
    stack = Stack.read(project, given.stack)
    found = dict(_asked(stack, ["status"]))
    if _is_managed(stack):
        found["cloud"] = own_copies(stack)
    if _kind(stack) == "server":
        found["grows"] = "database-disk"
    print(json.dumps(found) if given.json else text.status(found, stack=stack.name))
    return 1 if text.complaints(found, stack=stack.name) else 0


def _now(project: Project, given: argparse.Namespace) -> int:
    stack = Stack.read(project, given.stack)
    print(text.made(_asked(stack, ["now", given.kind])))
    return 0


def _drill(project: Project, given: argparse.Namespace) -> int:
    stack = Stack.read(project, given.stack)
    found = _told(stack, ["drill"])
    print(json.dumps(found) if given.json else text.drilled(found))
    return 0 if found["ok"] else 1


def _restore(project: Project, given: argparse.Namespace) -> int:
    stack = Stack.read(project, given.stack)
    if given.media:
        from release.cli.media_history import restore_media

        return restore_media(stack, at=_required(given, stack), agreed=given.yes_overwrite)
    if _is_managed(stack):
        return restore_managed(project, stack, given)
    if given.cluster:
        raise Refusal(f"{stack.name}: --cluster is for a database that the cloud keeps, take it out")
    if given.confirm:
        print(text.given_up(_asked(stack, ["restore", "--confirm"])))
        return 0
    at = None if given.undo or given.at == "latest" else moment(_required(given, stack))
    where = "as it was before the last restore" if given.undo else f"as of {text.told(at)}"
    agreed(stack, what=f"the database becomes what it was, {where}", given=given.yes_overwrite)
    words = ["--undo"] if given.undo else ["--at", at.isoformat() if at else "latest"]
    line = ["--timeline", str(given.timeline)] if given.timeline else []
    print(text.restored(_asked(stack, ["restore", *words, *line]), stack=stack.name))
    return 0


def _is_managed(stack: Stack) -> bool:
    return _kind(stack) == "managed"


def _kind(stack: Stack) -> str:
    """Who keeps the database, and where."""
    return str((stack.outputs.get("data") or {}).get("kind"))


def _required(given: argparse.Namespace, stack: Stack) -> str:
    if not given.at:
        raise Refusal(
            f"{stack.name}: restore: should say a moment (got none), --at '2026-11-20 10:00' means UTC, --at latest"
        )
    return str(given.at)


def _asked(stack: Stack, words: Sequence[str]) -> Answer:
    """What the tool says; its failure is a refusal."""
    found = _told(stack, words)
    if not found["ok"]:
        raise Refusal("\n".join([f"{stack.name}: {found['error']}", *(f"  {line}" for line in found["detail"])]))
    return found


def _told(stack: Stack, words: Sequence[str]) -> Answer:
    """One verb of the tool on the machine that keeps the database, and its answer."""
    server = _keeper(stack)
    with Login(key=stack.outputs.get("data_login_key") or stack.login_key, servers=[server]) as login:
        argv = login.argv(server, command=quoted([*TOOL, *words]))
        ended = _ended(argv, stack=stack)
    lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]
    if not lines:
        said = (ended.stderr.strip().splitlines() or [f"it ended with code {ended.returncode}"])[-1]
        raise Refusal(f"{stack.name}: {server.name}: {said}")
    answer: Answer = json.loads(lines[-1])
    return answer


def _ended(argv: Sequence[str], *, stack: Stack) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Refusal("ssh: is not on PATH, install the OpenSSH client") from None
    except KeyboardInterrupt:
        raise Refusal(
            f"stopped here; what was begun on the machine goes on there: slipway backup status {stack.name}"
        ) from None


def _keeper(stack: Stack) -> Server:
    """The machine whose Postgres it is."""
    data, kind = stack.outputs.get("data") or {}, _kind(stack)
    if kind in KEPT and data.get("server"):
        return Server.parse(data["server"])
    if kind == "managed":
        return stack.servers[0]  # which dumps the cloud's database every week
    if kind == "sqlite":
        raise Refusal(f"{stack.name}: its database is a file that Litestream keeps, see docs/backups.md")
    if "data" not in stack.outputs:
        raise Refusal(f"{stack.name}: was last brought up by an older slipway, run pulumi up -s {stack.name}")
    raise Refusal(f"{stack.name}: has no database (database: none), so there is nothing to bring back but --media")


def _plain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object")


def _kinds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind", choices=("full", "diff", "incr"), default="diff", help="diff: since the last full one"
    )


def _moments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--at", metavar="TIME", help="'2026-11-20 10:00' (UTC, or with +02:00 behind), or latest")
    what.add_argument("--undo", action="store_true", help="put back the database that the last restore set aside")
    what.add_argument(
        "--cluster", metavar="ID", help="a cluster that the cloud restored already, for its own databases"
    )
    what.add_argument("--confirm", action="store_true", help="give up the database that the last restore set aside")
    parser.add_argument("--timeline", type=int, help="of a moment that an earlier restore left behind")
    parser.add_argument("--media", action="store_true", help="uploads instead of the database")
    parser.add_argument("--yes-overwrite", metavar="STACK", help="the stack's name once more; asked for without it")


Verb = tuple[Callable[[Project, argparse.Namespace], int], Callable[[argparse.ArgumentParser], None]]
VERBS: Mapping[str, Verb] = {
    "status": (_status, _plain),
    "now": (_now, _kinds),
    "drill": (_drill, _plain),
    "restore": (_restore, _moments),
}
