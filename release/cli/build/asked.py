"""What is to be built: a project that is named with its settings module, or the one of a stack file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from release.build.cache import default_cache
from release.build.request import variables
from release.cli.project import CHECKOUT, Project, shown
from release.cli.refusal import Refusal

__all__ = ["Asked", "of_project", "of_stack"]

# Settings of a stack file that decide about the artifact, and the build's word for each.
OPTIONS: Mapping[str, str] = {"build": "commands", **{key: key for key in ("overlay", "interface", "keep")}}


@dataclass(frozen=True)
class Asked:
    """Everything a build is told, and the command that tests what came of it."""

    project: Path
    settings: str
    env: tuple[str, ...]
    lock: Path
    test: str | None = None
    protect: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def of_project(project: Path, *, settings: str, env: Collection[str], test: str | None, lock: Path | None) -> Asked:
    """A project by its directory; what it has no lock for is resolved once into one of the cache's."""
    name = f"{hashlib.sha256(str(project.absolute()).encode()).hexdigest()[:16]}/{project.absolute().name}.lock"
    kept = lock or default_cache().path(kind="resolved", name=name)
    return Asked(project, settings, tuple(sorted(set(env))), kept, test)


def of_stack(project: Project, stack: str, *, env: Collection[str], test: str | None) -> Asked:
    """The project of a stack file; no value of env or secrets is read, only their names."""
    file, config = project.stack_file(stack), project.settings(stack)
    for key in ("project", "settings"):
        if not isinstance(config.get(key), str) or not config[key]:
            pin = ", a pinned artifact is built where it comes from" if config.get("artifact") else ""
            raise Refusal(f"{shown(file)}: {key}: is required to build (got none){pin}, write it there")
    names = variables(
        env={*env, *(config.get("env") or {})}, secrets=config.get("secrets") or {}, cache=config.get("cache")
    )
    pinned = ("artifact: is pinned in the stack file and wins over this build at pulumi up",)
    return Asked(
        project=CHECKOUT / config["project"],
        settings=config["settings"],
        env=names,
        lock=file.with_name(f"{stack}.lock"),
        test=test or config.get("test") or None,
        protect=bool(config.get("protect")),
        options={name: config[key] for key, name in OPTIONS.items() if config.get(key) not in (None, "", [])},
        notes=pinned if config.get("artifact") else (),
    )
