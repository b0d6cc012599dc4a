"""Drop-ins and workers of a release: files first, then systemd."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from .failure import Failure
from .interpreter import OWN, interpreter, is_bundled, search_path
from .machine import Machine
from .site import Site, write

__all__ = ["beside", "binds", "home_of", "module_line", "put", "put_slot"]


def binds(site: Site, *, home: str, writable: Sequence[str]) -> list[str]:
    """Makes an absolute path writable as it is, and a path of the project by a directory laid over it."""
    lines = []
    for path in writable:
        if not re.fullmatch(r"[\w./-]+", path) or ".." in path.split("/"):
            raise Failure(f"writable: should be a plain path (got {path!r})")
        if path.startswith("/"):
            lines.append(f"ReadWritePaths=-{path}")
        else:
            own = site.variable / "writable" / path
            lines.append(f"BindPaths={Path('/') / own.relative_to(site.root)}:{home}/app/{path}")
    return lines


def put_slot(
    site: Site, machine: Machine, *, slot: str, workers: Mapping[str, str], writable: Sequence[str], drain: int
) -> None:
    """Write the slot's drop-ins; systemd is told only when a file has changed."""
    home = home_of(site, slot)
    lines = "\n".join(beside(site, home=home, writable=writable))
    for path in writable:
        if not path.startswith("/"):
            _own(site, machine, path)
    web = site.units / f"{site.name}-web@{slot}.service.d/release.conf"
    changed = put(web, "release.conf" if lines else "", binds=f"{_web_start(site, home)}{lines}")
    # Of both slots: it is the new release that says how long the old one's workers have.
    changed |= put(site.units / f"{site.name}-worker@.service.d/drain.conf", "drain.conf", drain=str(drain))
    values = {"site": site.name, "slot": slot, "home": home, "binds": lines, "python": interpreter(site, home)}
    kept: set[Path] = set()
    for name, command in workers.items():
        dropin = site.units / f"{site.worker(slot, name)}.d/release.conf"
        kept.add(dropin)
        changed |= put(dropin, "worker.conf", **values, command=module_line(command))
    for dropin in set(site.units.glob(f"{site.name}-worker@{slot}-*.service.d/release.conf")) - kept:
        dropin.unlink()
        dropin.parent.rmdir()
        changed = True
    if changed:
        machine.run(["systemctl", "daemon-reload"])


def beside(site: Site, *, home: str, writable: Sequence[str]) -> list[str]:
    """What every unit of a release needs beyond its own file."""
    given = [f"Environment={name}={value}" for name, value in search_path(site, home).items()]
    return [*given, *binds(site, home=home, writable=writable)]


def _web_start(site: Site, home: str) -> str:
    """The slot unit's own start with another interpreter before it; nothing where it is the machine's own."""
    if not is_bundled(site, home):
        return ""
    lines = (site.units / f"{site.name}-web@.service").read_text().splitlines()
    own = next((line for line in lines if line.startswith(f"ExecStart={OWN} ")), "")
    if not own:
        raise Failure("python: this machine cannot run a bundled one, raise server-generation")
    return f"ExecStart=\n{own.replace(OWN, interpreter(site, home), 1)}\n"


def _own(site: Site, machine: Machine, path: str) -> None:
    """The directory behind a writable path of the project, the site's own."""
    own = site.variable / "writable" / path
    if not own.is_dir():
        machine.run(["install", "-d", "-o", site.name, "-g", site.name, "-m", "0750", str(own)])


def put(path: Path, template: str, **values: str) -> bool:
    """Write a rendered file, or take it away when there is no template; whether anything changed."""
    if not template:
        if not path.exists():
            return False
        path.unlink()
        return True
    text = string.Template((files(__package__) / "files" / template).read_text()).substitute(values).rstrip() + "\n"
    if path.exists() and path.read_text() == text:
        return False
    write(path, text)
    return True


def module_line(command: str) -> str:
    """What stands behind python -m, as systemd takes it: its specifiers and variables are none of the user's.

    Celery has a program of its own; everything else is a command of manage.py.
    """
    if "\n" in command:
        raise Failure(f"workers, schedule: should be one line (got {command!r})")
    line = command if command.startswith("celery ") else f"django {command}"
    return line.replace("%", "%%").replace("$", "$$")


def home_of(site: Site, slot: str) -> str:
    """A slot's directory, as its units name it."""
    return f"/srv/{site.name}/slots/{slot}"
