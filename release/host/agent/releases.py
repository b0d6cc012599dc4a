"""A release's directory and what its slot is told: links to layers, settings for gunicorn, the environment."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from .document import Document
from .failure import Failure
from .masking import forms, secrets_in
from .site import Site, replace_link, write
from .sqlite import path_of

__all__ = ["assemble", "environment", "needed_connections", "occupy", "processes", "web_of"]

MIB = 1 << 20
SYSTEM = 250  # MiB kept for everything else
SHORTEST = 8  # characters of a secret that is blanked in logs; shorter ones are too often ordinary words
SPARE = 3  # connections for migrations, a person's manage command, monitoring
ESTIMATE = 120  # MiB of one process of a site nobody has measured; two releases run at a time


def assemble(site: Site, document: Document, *, memory: int, cpus: int, connections: int | None) -> None:
    """Make, or make again, the directory of a release."""
    home = site.release(document.release)
    home.mkdir(parents=True, exist_ok=True)
    layers = document.layers
    for name, layer in (
        ("site-packages", "dependencies"),
        ("src", "code"),
        ("overlay", "code"),
        ("static", "static"),
        *([("python", "python")] if "python" in layers else []),
    ):
        replace_link(home / name, f"../../layers/{layers[layer]}/{name}")
    root = str(document.manifest.get("root") or "")
    replace_link(home / "app", f"src/{root}".rstrip("/"))
    if not (home / "app").resolve().is_relative_to((site.layers / layers["code"] / "src").resolve()):
        raise Failure(f"manifest: root: should lie inside the project (got {root!r})")
    web = _web(document, memory=memory, cpus=cpus, connections=connections)
    write(home / "web.json", json.dumps(web))
    write(home / "gunicorn.conf.py", (files(__package__) / "files/gunicorn.conf.py").read_bytes())
    write(home / "release.json", json.dumps(_public(document), indent=1, sort_keys=True) + "\n")


def occupy(site: Site, document: Document, *, slot: str, env: dict[str, str]) -> None:
    """Point a slot that does not run at a release and leave its environment where only its unit gets it."""
    site.settings.mkdir(parents=True, exist_ok=True)
    if document.database:
        write(site.ca, document.database.ca)
    write(site.env(slot), json.dumps(env, sort_keys=True), mode=0o600)
    replace_link(site.slot(slot), f"../releases/{document.release}")


def processes(*, memory: int, cpus: int, threads: int, connections: int | None) -> int:
    """gunicorn's processes: what CPU, memory and database bear while two releases run."""
    bearable = [2 * cpus + 1, int((memory / MIB * 0.7 - SYSTEM) / (2 * ESTIMATE))]
    if connections is not None:
        bearable.append(connections // (2 * threads))
    return max(1, min(bearable))


def environment(site: Site, document: Document, *, slot: str, sslmode: str) -> dict[str, str]:
    """The whole environment of a slot; what the user set wins over what follows from the stack."""
    raw = document.raw
    given = {
        "SECRET_KEY": str(raw["secret_key"]),
        "ALLOWED_HOSTS": ",".join(document.hosts),
        "DEBUG": "0",
        **_database(site, document, sslmode=sslmode),
    }
    own = {
        "SLIPWAY_SITE": document.site,
        "SLIPWAY_ENVIRONMENT": document.environment,
        "SLIPWAY_ARTIFACT": document.artifact,
        "SLIPWAY_RELEASE": document.release,
        "SLIPWAY_SETTINGS": document.settings,
        "SLIPWAY_HOSTS": ",".join(document.hosts),
        "SLIPWAY_ROOT": f"/srv/{document.site}/slots/{slot}",
        "SLIPWAY_STATIC": f"/srv/{document.site}/slots/{slot}/static",
        "SLIPWAY_MEDIA": json.dumps(_media(document), sort_keys=True),
        "SLIPWAY_KEEP": json.dumps(list(raw.get("keep") or [])),
        "SLIPWAY_MASK": json.dumps(forms(_secrets(document), shortest=SHORTEST)),
    }
    users = {name: str(value) for name, value in {**(raw.get("env") or {}), **(raw.get("secrets") or {})}.items()}
    return {**given, **users, **own}


def _secrets(document: Document) -> list[str]:
    """What the site is trusted with: the database's administrator is not."""
    password = document.database.password if document.database else ""
    return [*secrets_in({**document.raw, "database": None}), password]


def _web(document: Document, *, memory: int, cpus: int, connections: int | None) -> dict[str, int]:
    web = document.raw.get("web") or {}
    threads = int(web.get("threads") or 4)
    if connections is not None:
        connections -= SPARE + 2 * len(document.workers) + len(document.schedule)
    fitting = processes(memory=memory, cpus=cpus, threads=threads, connections=connections)
    return {"processes": int(web.get("processes") or fitting), "threads": threads}


def needed_connections(site: Site, document: Document) -> int:
    """Connections the site may hold while two releases run: every thread keeps one."""
    processes, threads = web_of(site, document)
    return 2 * (processes * threads + len(document.workers))


def web_of(site: Site, document: Document) -> tuple[int, int]:
    """Processes and threads of a release that has been assembled."""
    web = json.loads((site.release(document.release) / "web.json").read_text())
    return web["processes"], web["threads"]


def _media(document: Document) -> dict[str, Any]:
    media = document.media
    return {**media, "root": f"/var/lib/{document.site}/media"} if media["mode"] == "disk" else media


def _database(site: Site, document: Document, *, sslmode: str) -> dict[str, str]:
    database = document.database
    if document.sqlite:
        return {"DATABASE_URL": f"sqlite:////{path_of(site).relative_to(site.root)}"}
    if not database:
        return {}
    login = f"{quote(database.user, safe='')}:{quote(database.password, safe='')}"
    root = os.path.join("/", site.ca.relative_to(site.root))
    query = urlencode({"sslmode": sslmode, "sslrootcert": root}, safe="/")
    return {"DATABASE_URL": f"postgres://{login}@{database.host}:{database.port}/{quote(database.name)}?{query}"}


def _public(document: Document) -> dict[str, Any]:
    """What may be read by everybody on the machine, and what later steps need to know about this release."""
    return {
        "release": document.release,
        "artifact": document.artifact,
        "environment": document.environment,
        "settings": document.settings,
        "manifest": dict(document.manifest),
        "hosts": list(document.hosts),
        "max_upload": document.max_upload,
        "media": document.media["mode"],
        "workers": document.workers,
        "schedule": document.schedule,
        "writable": document.writable,
        "tools": document.tools,
    }
