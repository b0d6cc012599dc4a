"""`build:` commands: run in the staged project before its static files are collected; what they write travels."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from release.build import exclusions
from release.build.errors import BuildError
from release.build.inspection import Workplace, environment
from release.build.request import Request
from release.build.tree import Tree, read_entries, walk

LIMIT = 900.0  # seconds for each
SHOWN = 20  # lines of what a failing one has said
# Of the builder's shell: where its tools and their caches lie, and the way to the network.
TAKEN = ("USER", "LOGNAME", "SHELL", "XDG_CACHE_HOME", "NVM_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
         "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")  # fmt: skip
TAKEN_LIKE = ("npm_config_", "http_proxy", "https_proxy", "no_proxy", "all_proxy")
NOT_A_FILE_OF_THE_PAST = "315532800"  # 1980: tools that heed it write no time of today


def run_commands(*, request: Request, workplace: Workplace, tree: Tree, limit: float = LIMIT) -> tuple[Tree, list[str]]:
    """The staged tree with what the commands made of it, and a note."""
    if not request.commands:
        return tree, []
    variables = surroundings(workplace=workplace, request=request)
    for at, command in enumerate(request.commands):
        run_one(command, where=f"build[{at}]", directory=tree.project, variables=variables, limit=limit)
    after = reread(tree)
    return after, [told(before=tree, after=after)]


def surroundings(*, workplace: Workplace, request: Request) -> dict[str, str]:
    """What the look at the project gets (placeholders for every value), in the builder's own home."""
    tools = workplace.scratch / "bin"
    tools.mkdir()
    for name in ("python", "python3"):
        (tools / name).symlink_to(workplace.python)
    given = environment(workplace=workplace, request=request)
    own = {name: value for name, value in os.environ.items() if is_taken(name)}
    place = {"HOME": os.path.expanduser("~"), "PATH": f"{tools}{os.pathsep}{given['PATH']}"}
    return {**own, **given, **place, "CI": "true", "SOURCE_DATE_EPOCH": NOT_A_FILE_OF_THE_PAST}


def is_taken(name: str) -> bool:
    return name in TAKEN or name.lower().startswith(TAKEN_LIKE)


def run_one(command: str, *, where: str, directory: Path, variables: Mapping[str, str], limit: float) -> None:
    """Run one command to its end, with everything it starts; a failure shows what it said last."""
    log, begun = directory.parent / "command.log", time.monotonic()
    with log.open("wb") as said, subprocess.Popen(
        ["/bin/sh", "-c", command], cwd=directory, env=variables, stdin=subprocess.DEVNULL,
        stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            code = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            raise failed(command, where=where, got=f"no end after {limit:.0f} s", log=log) from None
        finally:
            end(process.pid)
    if code:
        got = f"exit code {code} after {time.monotonic() - begun:.0f} s"
        raise failed(command, where=where, got=got, log=log)


def end(group: int) -> None:
    """What a command left running would go on writing."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def failed(command: str, *, where: str, got: str, log: Path) -> BuildError:
    lines = [line.rstrip() for line in log.read_text(errors="replace").splitlines() if line.strip()][-SHOWN:]
    said = "\n    ".join(["It said last:", *lines]) if lines else "It said nothing."
    rule = f"{command!r} should succeed in the project's directory"
    return BuildError(f"{rule} (got {got}), correct it or what it runs. {said}", setting=where)


def reread(tree: Tree) -> Tree:
    """The project as it is now: ignored by git or not, but no debris and nothing that must not travel."""
    found = [path for path in walk(tree.project) if not path.endswith(exclusions.BYTECODE)]
    kept = {path for path in found if not exclusions.secret_kind(path=path, file=tree.project / path)}
    return replace(tree, entries=read_entries(project=tree.project, paths=sorted(kept | tree.paths)))


def told(*, before: Tree, after: Tree) -> str:
    known = {entry.path: entry for entry in before.entries}
    written = [entry.path for entry in after.entries if known.get(entry.path) != entry]
    tops = list(dict.fromkeys(path.split("/")[0] + ("/" if "/" in path else "") for path in written))
    where = f" ({', '.join(tops[:5])}{' ...' if tops[5:] else ''})" if tops else ""
    return f"build: {len(written)} file{'' if len(written) == 1 else 's'} written by its commands{where}"
