"""What never travels in an artifact, and what is only debris."""

import re
from pathlib import Path, PurePosixPath

from release.build.credentials import holds_credentials

# fmt: off
DEBRIS = frozenset({
    ".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", "venv", ".tox", ".nox", ".mypy_cache",
    ".ruff_cache", ".pytest_cache", ".cache", ".idea", ".vscode", ".DS_Store", "htmlcov", ".coverage",
    ".direnv", ".parcel-cache", ".sass-cache", ".turbo",
})
# fmt: on
ENV_EXAMPLES = ("example", "sample", "template", "dist", "tpl")
KEY_NAME = re.compile(r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?(\.pub)?|.+\.(key|p12|pfx|jks|keystore|kdbx)|.+\.ppk")
DATABASE_NAME = re.compile(r".+\.(sqlite3?|sqlite3?-(wal|shm|journal)|db-(wal|shm|journal))")
BYTECODE = (".pyc", ".pyo")
STATEMENT = re.compile(
    r"(pyproject|uv|poetry|pylock.*)\.toml|(uv|poetry|Pipfile)\.lock|Pipfile|pip\.(conf|ini)|setup\.(py|cfg)"
)
REQUIREMENTS = re.compile(r".+\.(txt|in|pip)")  # of any name, for one includes another
REQUIREMENT = re.compile(rb"^[ \t]*(?:-{1,2}[a-z]|[\w.-]+(?:\[[^]]*\])?\s*@|git\+).*", re.MULTILINE)
PASSWORDS = (".netrc", "_netrc", ".pypirc")
SQLITE_MAGIC = b"SQLite format 3\0"
LFS_POINTER = b"version https://git-lfs"


def is_debris(name: str) -> bool:
    """Whether a file or directory name means something that tools leave behind."""
    return name in DEBRIS or name.endswith((*BYTECODE, ".egg-info"))


def is_statement(file: Path) -> bool:
    """Whether a file may state dependencies, and so name an index."""
    return bool(STATEMENT.fullmatch(file.name) or REQUIREMENTS.fullmatch(file.name))


def has_password(file: Path) -> bool:
    """Whether a statement of dependencies names a password; a variable in its place is none."""
    if not is_statement(file) or b"@" not in (content := head(file=file, size=1 << 24)):
        return False
    lines = [content] if STATEMENT.fullmatch(file.name) else REQUIREMENT.findall(content)
    return any(holds_credentials(line.decode(errors="replace")) for line in lines)


def secret_kind(*, path: str, file: Path) -> str | None:
    """What a file is that must never leave this machine, or None."""
    name = PurePosixPath(path).name
    if is_environment(name):
        return "environment"
    if KEY_NAME.fullmatch(name) or (name.endswith(".pem") and not is_certificate(file)):
        return "key"
    if DATABASE_NAME.fullmatch(name) or (name.endswith(".db") and head(file=file, size=16) == SQLITE_MAGIC):
        return "database"
    if name in PASSWORDS:
        return "password"
    if has_password(file):
        return "password of a package source"
    return None


def is_environment(name: str) -> bool:
    return (name == ".env" or name.startswith(".env.")) and not name.endswith(ENV_EXAMPLES)


def is_certificate(file: Path) -> bool:
    """A .pem that holds only certificates (an authority's, say) is no secret."""
    content = head(file=file, size=1 << 20)
    return b"-----BEGIN CERTIFICATE" in content and b"PRIVATE KEY" not in content


def is_bytecode(path: str) -> bool:
    return path.endswith(BYTECODE) or "__pycache__" in PurePosixPath(path).parts


def head(*, file: Path, size: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(size)
    except OSError:
        return b""
