"""A release's directory and what its slot is told: links to layers, settings for gunicorn, the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from . import cache
from .document import Document
from .failure import Failure
from .fitting import Load, cache_of, lacking_connections, lacking_memory, processes
from .masking import forms, secrets_in
from .site import Site, replace_link, write
from .sqlite import path_of

__all__ = ["assemble", "environment", "load_of", "occupy", "refuse_unfitting", "web_of"]

SHORTEST = 8  # characters of a secret that is blanked in logs; shorter ones are too often ordinary words
NOT_THE_SITES = ("database", "former_login", "staging_password")
CONNECT_SECONDS = 5


def assemble(site: Site, document: Document, *, mib: int, cpus: int, connections: int | None) -> None:
    """Make, or make again, the directory of a release, for a machine with so much memory."""
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
    load = load_of(document, mib=mib)
    fitting = processes(load, mib=mib, cpus=cpus, connections=connections)
    web = {"processes": fitting, "threads": load.threads, "interface": document.interface}
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


def environment(site: Site, document: Document, *, slot: str, sslmode: str) -> dict[str, str]:
    """The whole environment of a slot; what the user set wins over what follows from the stack."""
    raw = document.raw
    given = {
        "SECRET_KEY": str(raw["secret_key"]),
        **_fallbacks(raw),
        "ALLOWED_HOSTS": ",".join(document.hosts),
        "DEBUG": "0",
        **_cache(site, document),
        **_database(site, document, sslmode=sslmode),
    }
    own = {
        "SLIPWAY_SITE": document.site,
        "SLIPWAY_ENVIRONMENT": document.environment,
        "SLIPWAY_ARTIFACT": document.artifact,
        "SLIPWAY_RELEASE": document.release,
        **_settings(document),
        "SLIPWAY_INTERFACE": document.interface,
        "SLIPWAY_HOSTS": ",".join(document.hosts),
        "SLIPWAY_ROOT": f"/srv/{document.site}/slots/{slot}",
        # Not the slot's: a scheduled job may outlive the release's time there.
        "SLIPWAY_STATIC": f"/srv/{document.site}/releases/{document.release}/static",
        "SLIPWAY_MEDIA": json.dumps(_media(document), sort_keys=True),
        "SLIPWAY_KEEP": json.dumps(list(raw.get("keep") or [])),
        "SLIPWAY_MASK": json.dumps(forms(_secrets(document), shortest=SHORTEST)),
    }
    users = {name: str(value) for name, value in {**(raw.get("env") or {}), **(raw.get("secrets") or {})}.items()}
    return {**given, **users, **own}


def _fallbacks(raw: Mapping[str, Any]) -> dict[str, str]:
    """Keys that were used before; what was signed with them is still taken."""
    given = [str(each) for each in raw.get("secret_key_fallbacks") or ()]
    return {"SECRET_KEY_FALLBACKS": ",".join(given)} if given else {}


def _settings(document: Document) -> dict[str, str]:
    """Where the project's settings are: a module, or a class of django-configurations in it."""
    module, _, configuration = document.settings.partition(":")
    found = {"SLIPWAY_SETTINGS": module}
    if configuration:
        found["DJANGO_CONFIGURATION"] = configuration
    if not document.overlay:
        found["DJANGO_SETTINGS_MODULE"] = module  # loaded at the start of a process, it wins over its unit's
    return found


def _secrets(document: Document) -> list[str]:
    """What the site is trusted with: the database's administrator is not."""
    password = document.database.password if document.database else ""
    return [*secrets_in({**document.raw, **dict.fromkeys(NOT_THE_SITES)}), password]


def load_of(document: Document, *, mib: int) -> Load:
    """What the machine has to bear of this release."""
    web = document.raw.get("web") or {}
    return Load(
        processes=int(web.get("processes") or 0) or None,
        threads=int(web.get("threads") or 4),
        workers=len(document.workers),
        schedule=len(document.schedule) if document.lead else 0,
        beside=cache_of(mib) if document.cache else 0,
    )


def refuse_unfitting(document: Document, *, mib: int, connections: int | None) -> None:
    """What no preview could know: this machine as it is, and what its database says it has."""
    load = load_of(document, mib=mib)
    if lacking := lacking_memory(load, mib=mib):
        raise Failure(f"server-size: should bear {lacking} (got {mib} MiB, of which four fifths are the site's)")
    if connections and (lacking := lacking_connections(load, there_are=connections)):
        raise Failure(f"database-size: should bear {lacking} (got {connections})")


def web_of(site: Site, document: Document) -> tuple[int, int]:
    """Processes and threads of a release that has been assembled."""
    web = json.loads((site.release(document.release) / "web.json").read_text())
    return web["processes"], web["threads"]


def _media(document: Document) -> dict[str, Any]:
    media = document.media
    return {**media, "root": f"/var/lib/{document.site}/media"} if media["mode"] == "disk" else media


def _cache(site: Site, document: Document) -> dict[str, str]:
    """Celery has a word of its own for a socket."""
    if not document.cache:
        return {}
    url = cache.address(site)
    broker = url.replace("unix://", "redis+socket://")
    return {"REDIS_URL": url, "SLIPWAY_VALKEY": url, "CELERY_BROKER_URL": broker}


def _database(site: Site, document: Document, *, sslmode: str) -> dict[str, str]:
    database = document.database
    if document.sqlite:
        return {"DATABASE_URL": f"sqlite:////{path_of(site).relative_to(site.root)}"}
    if not database:
        return {}
    login = f"{quote(database.user, safe='')}:{quote(database.password, safe='')}"
    root = os.path.join("/", site.ca.relative_to(site.root))
    # a machine that is gone answers nothing at all: an error page after some seconds, instead of a worker that waits
    query = urlencode({"sslmode": sslmode, "sslrootcert": root, "connect_timeout": CONNECT_SECONDS}, safe="/")
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
        "drain": document.drain,
        "cache": document.cache,
        "tools": document.tools,
        "closed": bool(document.staging_password),
    }
