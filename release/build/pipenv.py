"""Pipfile.lock: its default section."""

import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from release.build import indexes, markers
from release.build.errors import BuildError
from release.build.statements import Source, Stage, read

NAME = "Pipfile.lock"
SECTIONS = ("source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop")
KEYS = ("os_name", "sys_platform", "platform_machine", "platform_system", "python_version", "python_full_version",
        "implementation_name", "platform_python_implementation")  # fmt: skip


def from_pipfile_lock(directory: Path, stage: Stage) -> Source | None:
    if not (directory / NAME).exists():
        return None
    file = stage.name(directory / NAME)
    try:
        lock = json.loads(read(directory / NAME))
    except ValueError as error:
        raise BuildError(f"{file}: should be a lock file (got {error}), run `pipenv lock`") from None
    meta = lock.get("_meta", {})
    check_fresh(meta, directory=directory, file=file)
    text = "".join(f"{line}\n" for name, entry in lock.get("default", {}).items() for line in lines(name, entry))
    found = indexes.of_tables(meta.get("sources", []))
    return Source(file, directory, (), text, text, stage.top, found, renew="pipenv update")


def check_fresh(meta: dict[str, Any], *, directory: Path, file: str) -> None:
    """The lock holds the digest of the Pipfile it was made from."""
    locked = meta.get("hash", {}).get("sha256")
    if not locked or not (directory / "Pipfile").exists():
        return
    try:
        digest = content_hash(tomllib.loads(read(directory / "Pipfile")), sources=meta.get("sources", []))
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"Pipfile: should be valid TOML (got {error}), correct it") from None
    if digest != locked:
        raise BuildError(f"{file}: should be made from this very Pipfile (got an older one's), run `pipenv lock`")


def content_hash(pipfile: dict[str, Any], *, sources: list[Any]) -> str:
    """As pipenv makes it; a Pipfile that names no source gets the usual one, which stands in the lock."""
    content = {
        "_meta": {"sources": pipfile.get("source", sources), "requires": pipfile.get("requires", {})},
        "default": pipfile.get("packages", {}),
        "develop": pipfile.get("dev-packages", {}),
        **{name: section for name, section in pipfile.items() if name not in SECTIONS},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def lines(name: str, entry: dict[str, Any]) -> Iterator[str]:
    """The requirement an entry is; none for the project itself."""
    marker = markers.suffix(condition(entry))
    fixed = "".join(f" --hash={value}" for value in sorted(entry.get("hashes", [])))
    if "git" in entry:
        address = entry["git"] if entry["git"].startswith("git+") else f"git+{entry['git']}"
        below = f"#subdirectory={entry['subdirectory']}" if "subdirectory" in entry else ""
        yield f"{name} @ {address}@{entry.get('ref', '')}{below}{marker}"
    elif path := entry.get("path"):
        if path not in (".", "./"):
            yield f"{path if path.startswith('.') else f'./{path}'}{marker}"
    elif "file" in entry:
        where = f"{name} @ {entry['file']}" if "://" in entry["file"] else f"./{entry['file'].removeprefix('./')}"
        yield f"{where}{marker}{fixed}"
    else:
        yield f"{name}{entry.get('version', '')}{marker}{fixed}"


def condition(entry: dict[str, Any]) -> str:
    parts = [entry["markers"]] if "markers" in entry else []
    parts += [f"{key} {entry[key]}" for key in KEYS if key in entry]
    return markers.all_of(parts)
