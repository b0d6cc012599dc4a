"""What git knows about a project directory, asked without writing anything into it."""

import os
import shutil
import subprocess
from pathlib import Path

from release.build.errors import BuildError

SUBMODULE = "160000"


def is_repository(project: Path) -> bool:
    """Whether git looks after this directory: it has git, lies in a work tree, and is not ignored there."""
    place = project.resolve()  # `slipway/../mysite` does not lie in slipway's own repository
    if not shutil.which("git") or not any((parent / ".git").exists() for parent in (place, *place.parents)):
        return False
    return not prefix(project) or not is_ignored(project)


def prefix(project: Path) -> str:
    """Where a directory lies in its repository; empty at its top."""
    return os.fsdecode(git(project, "rev-parse", "--show-prefix").removesuffix(b"\n")).rstrip("/")


def is_ignored(project: Path) -> bool:
    return run(project, "check-ignore", "-q", ".").returncode == 0


def files(project: Path, *, below: str = "") -> list[str]:
    """Tracked and untracked-not-ignored paths, submodules and nested repositories included."""
    tracked = [line.split(b"\t", 1) for line in split(git(project, "ls-files", "-z", "--stage"))]
    others = split(git(project, "ls-files", "-z", "--others", "--exclude-standard"))
    found: list[str] = []
    for information, name in tracked:
        path = os.fsdecode(name)
        nested = information.startswith(SUBMODULE.encode())
        found += submodule(project / path, below=f"{below}{path}/") if nested else [below + path]
    for path in map(os.fsdecode, others):
        found += files(project / path, below=below + path) if path.endswith("/") else [below + path]
    return list(dict.fromkeys(found))


def submodule(path: Path, *, below: str) -> list[str]:
    if not (path / ".git").exists():
        rule = "a submodule should be checked out (got an empty directory)"
        raise BuildError(f"{below.rstrip('/')}: {rule}, run `git submodule update --init`")
    return files(path, below=below)


def changes(project: Path, *beside: str) -> tuple[str, ...]:
    """Paths that differ from the last commit, of the project and of what is named beside it from the top."""
    above = [f":(top){path}" for path in beside]
    lines = split(git(project, "status", "--porcelain=v1", "-z", "--no-renames", "--", ".", *above))
    return tuple(os.fsdecode(line[3:]) for line in lines)


def commit(project: Path) -> str | None:
    """The last commit; None where there is none yet."""
    done = run(project, "rev-parse", "--verify", "--quiet", "HEAD")
    return done.stdout.decode().strip() or None


def git(project: Path, *arguments: str) -> bytes:
    done = run(project, *arguments)
    if done.returncode:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[0]
        raise BuildError(f"{project.name}: should be readable by git (got {reason!r}), repair the repository")
    return done.stdout


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # Inside a git hook GIT_DIR points elsewhere; without the lock variable `status` would refresh the user's index.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=keep", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, check=False)


def split(output: bytes) -> list[bytes]:
    return [part for part in output.split(b"\0") if part]
