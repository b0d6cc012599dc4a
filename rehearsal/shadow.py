"""The shadow project: copies of the user's stack files under which the same program runs; theirs are never touched."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

# What belongs to a real backend and real accounts; a rehearsal has its own.
_DROPPED_KEYS = ("encryptionsalt", "encryptedkey", "secretsprovider")
_PROVIDER_NAMESPACES = ("digitalocean:", "hcloud:")

Path_ = tuple[str, ...]


def make_shadow(
    *, project: Path, shadow: Path, plugins: dict[str, Any], moved: Mapping[str, str] | None = None
) -> list[str]:
    """Write `shadow`/Pulumi.yaml with this `plugins:` block and its stack files; return the names of the stacks.

    A stack file is copied again only when the user's own has changed since, so that what a rehearsal wrote
    into its copy (a pin, an encryption salt) stays. `moved` are the settings that take a copy to another cloud than
    its owner's file names.
    """
    stack_dir = _write_project(project=project, shadow=shadow, plugins=plugins)
    sources = sorted((project / stack_dir).glob("Pulumi.*.yaml"))
    for source in sources:
        _copy_stack(source, shadow / stack_dir / source.name, moved=moved or {})
    return [source.name.removeprefix("Pulumi.").removesuffix(".yaml") for source in sources]


def add_stack(*, shadow: Path, stack: str, config: dict[str, Any]) -> None:
    """A stack that exists in the rehearsal only."""
    target = stack_file(shadow=shadow, stack=stack)
    if not target.exists():
        _dump({"config": config}, target)


def stack_file(*, shadow: Path, stack: str) -> Path:
    """Where the shadow keeps this stack's settings."""
    return shadow / str(_load(shadow / "Pulumi.yaml").get("stackConfigDir", ".")) / f"Pulumi.{stack}.yaml"


def secret_paths(path: Path) -> list[Path_]:
    """The settings of a user's stack file that are encrypted there: each needs a generated value."""
    found = _encrypted(_load(path).get("config") or {})
    return [(_plain(at[0]), *at[1:]) for at in found if not at[0].startswith(_PROVIDER_NAMESPACES)]


def config(path: Path) -> dict[str, Any]:
    """The settings of a stack file; the engine writes keys with the project's name in front, people without."""
    return {_plain(key): value for key, value in (_load(path).get("config") or {}).items()}


def _write_project(*, project: Path, shadow: Path, plugins: dict[str, Any]) -> str:
    document = _load(project / "Pulumi.yaml")
    document["main"] = os.path.relpath(project, shadow)
    document["runtime"]["options"]["virtualenv"] = os.path.relpath(project / ".venv", shadow)
    document.pop("template", None)
    if plugins:
        document["plugins"] = plugins
    shadow.mkdir(parents=True, exist_ok=True)
    _dump(document, shadow / "Pulumi.yaml")
    return str(document.get("stackConfigDir", "."))


def _copy_stack(source: Path, target: Path, *, moved: Mapping[str, str]) -> None:
    digest = hashlib.sha256(source.read_bytes() + repr(sorted(moved.items())).encode()).hexdigest()
    stamp = target.with_suffix(".source")
    if target.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    document = _load(source)
    for key in _DROPPED_KEYS:
        document.pop(key, None)
    settings = document.get("config") or {}
    for key in [key for key in settings if key.startswith(_PROVIDER_NAMESPACES)]:
        del settings[key]
    for path in list(_encrypted(settings)):
        _remove(settings, path)
    if moved and settings.get("cloud") != moved["cloud"]:
        settings.update(moved)
    if target.exists() and (salt := _load(target).get("encryptionsalt")):
        document["encryptionsalt"] = salt
    _dump(document, target)
    stamp.write_text(digest)


def generated() -> str:
    """A value in place of one that is encrypted for someone else."""
    return f"rehearsal-{secrets.token_urlsafe(24)}"


def _plain(key: str) -> str:
    return key.rpartition(":")[2]


def _encrypted(node: Any, at: Path_ = ()) -> Iterator[Path_]:
    if not isinstance(node, MutableMapping):
        return
    if set(node) == {"secure"}:
        yield at
        return
    for key, child in node.items():
        yield from _encrypted(child, (*at, str(key)))


def _remove(node: MutableMapping[str, Any], path: Path_) -> None:
    for key in path[:-1]:
        node = node[key]
    del node[path[-1]]


def _load(path: Path) -> Any:
    return YAML().load(path.read_text()) or {}


def _dump(document: Any, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    yaml = YAML()
    yaml.width = 4096
    fresh = target.with_name(f".{target.name}.new")
    with fresh.open("w") as file:
        yaml.dump(document, file)
    fresh.replace(target)
