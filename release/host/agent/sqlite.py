"""A site's SQLite database: restored on a new machine before anything opens it, then copied as it is written."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from .failure import Failure
from .machine import Machine
from .sandbox import CREDENTIALS, once
from .site import Site, write

__all__ = ["REST", "copy", "discard", "is_new", "path_of", "rest", "restore", "unit"]

REST = 30.0  # seconds in which the last writes reach the bucket
RESTORE = 1800.0
CONFIG = "litestream.yml"


def path_of(site: Site) -> Path:
    """The database's file, in a directory of its own: its log and what Litestream notes lie beside it."""
    return site.variable / "database" / "db.sqlite3"


def unit(site: Site) -> str:
    """What copies it."""
    return f"{site.name}-litestream.service"


def is_new(site: Site) -> bool:
    """Whether this machine has no database yet."""
    return not path_of(site).exists()


def restore(site: Site, machine: Machine, *, bucket: Mapping[str, Any], layer: str) -> bool:
    """The newest copy in the bucket, checked, put in place; False where there is none, as before a first release."""
    machine.run(["install", "-d", "-o", site.name, "-g", site.name, "-m", "0750", str(path_of(site).parent)])
    write(site.settings / CONFIG, _config(site, bucket), mode=0o600)
    options = "-if-db-not-exists -if-replica-exists -integrity-check full"
    script = f'unset AWS_CA_BUNDLE; exec "$1" restore -config "{CREDENTIALS}/{CONFIG}" {options} "$2"'
    command = ["/bin/sh", "-c", script, "sh", _binary(site, layer), _inside(site, path_of(site))]
    credential = f"{CONFIG}:{_inside(site, site.settings / CONFIG)}"
    done = machine.run(once(site, verb="restore", command=command, credential=credential), check=False, limit=RESTORE)
    if done.code:
        raise Failure(f"database: cannot be restored ({(done.lines or ['no word'])[-1]})", detail=done.lines[-20:])
    return not is_new(site)


def copy(site: Site, machine: Machine, *, bucket: Mapping[str, Any], layer: str) -> None:
    """Let every write reach the bucket from now on, after a boot too."""
    template = string.Template((files(__package__) / "files/litestream.service").read_text())
    text = template.substitute(site=site.name, binary=_binary(site, layer), config=CONFIG)
    place, config = site.units / unit(site), _config(site, bucket)
    same = place.exists() and place.read_text() == text and (site.settings / CONFIG).read_text() == config
    write(site.settings / CONFIG, config, mode=0o600)
    if not same:
        write(place, text)
        sandbox = site.units / f"{unit(site)}.d" / "sandbox.conf"
        sandbox.parent.mkdir(exist_ok=True)
        if not sandbox.is_symlink():
            sandbox.symlink_to(f"/usr/local/lib/slipway/{site.name}-sandbox.conf")
        machine.run(["systemctl", "daemon-reload"])
    machine.run(["systemctl", "--quiet", "enable", unit(site)])
    machine.run(["systemctl", "start" if same else "restart", unit(site)])


def rest(site: Site, machine: Machine) -> None:
    """Write no more: what may write stops first, then what copies it, which sends the rest on its way out."""
    machine.run(["systemctl", "stop", f"{site.name}-schedule-*.timer"], check=False)
    writers = [
        f"{site.name}-{kind}" for kind in ("web@*.service", "worker@*.service", "schedule-*.service", "run-*.service")
    ]
    machine.run(["systemctl", "stop", *writers], check=False, limit=None)
    if (site.units / unit(site)).exists():
        machine.run(["systemctl", "stop", unit(site)], limit=REST + 5)


def discard(site: Site, machine: Machine) -> None:
    """Undo a restore that came to nothing: the machine before goes on writing, and the next try begins anew."""
    machine.run(["systemctl", "disable", "--now", unit(site)], check=False, limit=REST + 5)
    machine.run(["rm", "-rf", str(path_of(site).parent)])


def _binary(site: Site, layer: str) -> str:
    return f"{_inside(site, site.layers / layer)}/bin/litestream"


def _inside(site: Site, path: Path) -> str:
    return f"/{path.relative_to(site.root)}"


def _config(site: Site, bucket: Mapping[str, Any]) -> str:
    """Litestream's settings; JSON is YAML."""
    replica = {
        "type": "s3",
        "bucket": bucket["name"],
        "path": f"sqlite/{site.name}",
        "endpoint": bucket["endpoint"],
        "region": "us-east-1",
        "access-key-id": bucket["access_key"],
        "secret-access-key": bucket["secret_key"],
        "sync-interval": "1s",
    }
    return json.dumps(
        {
            "dbs": [{"path": _inside(site, path_of(site)), "replica": replica}],
            "snapshot": {"interval": "24h", "retention": "168h"},
            "shutdown-sync-timeout": f"{REST:.0f}s",
        },
        indent=1,
    )
