"""`slipway explain STACK`: what an environment makes of its project, asked of nobody but this computer."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.build import BuildError
from release.build.cache import default_cache
from release.build.inspection import look
from release.build.making import Ground, lay, passed_by
from release.build.python import find_python
from release.build.request import SERVERS_PYTHON, Request, variables
from release.build.tree import read_tree
from release.cli.explain_text import text_of
from release.cli.project import CHECKOUT, Project, shown
from release.cli.refusal import Refusal

__all__ = ["Asked", "explain", "explained"]

BUCKET = {"name": "the stack's", "endpoint": "https://bucket.invalid", "access_key": "made", "secret_key": "made"}


@dataclass(frozen=True)
class Asked:
    """What a stack file says of its site, as far as it decides how the project runs; no value of env or secrets."""

    stack: str
    file: Path
    config: Mapping[str, Any]

    @classmethod
    def read(cls, project: Project, stack: str) -> Asked:
        """The stack's file, its keys without the project's namespace."""
        file, config = project.stack_file(stack), project.settings(stack)
        for key in ("project", "settings"):
            if not config.get(key):
                raise Refusal(f"{shown(file)}: {key}: is required to explain it (got none), name it there")
        return cls(stack, file, config)

    @property
    def directory(self) -> Path:
        return CHECKOUT / str(self.config["project"])

    @property
    def names(self) -> tuple[str, ...]:
        """Of every variable the stack file declares."""
        env, secrets = (self.config.get(key) or {} for key in ("env", "secrets"))
        return variables(env=env, secrets=secrets, cache=self.config.get("cache"))

    def request(self, *, python: str) -> Request:
        """What the build is asked for."""
        return Request(
            settings=str(self.config["settings"]),
            env=self.names,
            lock=self.file.with_name(f"{self.stack}.lock"),
            python=python,
            overlay=self.config.get("overlay", True) is not False,
            interface=str(self.config.get("interface") or ""),
            keep=tuple(sorted(self.config.get("keep") or [])),
            commands=tuple(self.config.get("build") or []),
        )

    def variables(self) -> dict[str, str | None]:
        """What a server would tell the site, by kind."""
        media, database = self.config.get("media") or "private", self.config.get("database") or "managed"
        urls = {"none": None, "sqlite": "sqlite:////var/lib/site/database/db.sqlite3"}
        found: dict[str, str | None] = {
            "SLIPWAY_HOSTS": ",".join(self.config.get("hosts") or [self.config.get("domain") or "address.sslip.io"]),
            "SLIPWAY_MEDIA": json.dumps({"mode": media, **({} if media == "disk" else {"bucket": BUCKET})}),
        }
        return {**found, **({"DATABASE_URL": urls[database]} if database in urls else {})}


def explain(project: Project, stack: str, *, as_json: bool) -> int:
    """Print it; nothing is written, asked of a cloud, or decrypted."""
    try:
        found = explained(Asked.read(project, stack), python=_python())
    except BuildError as error:
        raise Refusal(f"{stack}: {error}") from None
    print(json.dumps(found) if as_json else text_of(found))
    return 0


def _python() -> str:
    """The servers' Python; without it this computer's own tells nearly as much."""
    try:
        find_python(SERVERS_PYTHON)
    except BuildError:
        return "{}.{}".format(*sys.version_info[:2])
    return SERVERS_PYTHON


def explained(asked: Asked, *, python: str) -> dict[str, Any]:
    """Everything there is to say, for programs."""
    if not asked.directory.is_dir():
        rule = "should be a directory with a manage.py"
        raise Refusal(f"{shown(asked.file)}: project: {rule} (got {str(asked.directory)!r}), correct the path")
    request, cache = asked.request(python=python), default_cache()
    with cache.scratch() as scratch:
        ground = lay(cache=cache, scratch=scratch, tree=read_tree(asked.directory.absolute()), request=request)
        found = look(workplace=ground.workplace, tree=ground.staged, request=request, stack=asked.variables())
        return {"stack": asked.stack, **_settings(asked, request, found), **_running(asked, request, ground, found)}


def _settings(asked: Asked, request: Request, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "project": str(asked.config["project"]),
        "settings": request.settings,
        "overlay": request.overlay,
        "overrides": [{"name": name, "kind": kind, "why": why} for name, kind, why in found["overlaid"]],
        "kept": [{"name": name, "would_be_laid_over": matters} for name, matters in found["kept"]],
        "duties": found["duties"],
    }


def _running(asked: Asked, request: Request, ground: Ground, found: Mapping[str, Any]) -> dict[str, Any]:
    config, dependencies = asked.config, ground.dependencies
    resolved = bool(dependencies.lock) or request.lock.exists()
    return {
        "interface": {
            "kind": found["interface"],
            "why": found["why"],
            "application": found["entry"] or "Django's own",
            "server": f"gunicorn {ground.packages.version('gunicorn')}",
        },
        "python": ground.interpreter.choice.minor,
        "django": found["django"],
        "dependencies": {"from": dependencies.source, "resolved_into": request.lock.name if resolved else ""},
        "static": found["static"],
        "media": config.get("media") or "private",
        "database": config.get("database") or "managed",
        "web": {"processes": config.get("web-processes") or None, "threads": config.get("web-threads") or 4},
        "workers": dict(config.get("workers") or {}),
        "schedule": dict(config.get("schedule") or {}),
        "notes": [
            *_elsewhere(request),
            *ground.interpreter.choice.notes,
            *dependencies.notes,
            *passed_by(ground=ground, request=request),
        ],
    }


def _elsewhere(request: Request) -> list[str]:
    if request.python == SERVERS_PYTHON:
        return []
    return [f"looked at with this computer's Python {request.python}: the servers' {SERVERS_PYTHON} is not here"]
