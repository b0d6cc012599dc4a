"""Drop-ins, workers and timers of a release: files first, then systemd."""

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

__all__ = ["binds", "put_schedule", "put_slot", "start_schedule"]


def binds(site: Site, *, slot: str, writable: Sequence[str]) -> list[str]:
    """Makes an absolute path writable as it is, and a path of the project by a directory laid over it."""
    lines = []
    for path in writable:
        if not re.fullmatch(r"[\w./-]+", path) or ".." in path.split("/"):
            raise Failure(f"writable: should be a plain path (got {path!r})")
        if path.startswith("/"):
            lines.append(f"ReadWritePaths=-{path}")
        else:
            own = site.variable / "writable" / path
            lines.append(f"BindPaths={Path('/') / own.relative_to(site.root)}:/srv/{site.name}/slots/{slot}/app/{path}")
    return lines


def put_slot(site: Site, machine: Machine, *, slot: str, workers: Mapping[str, str], writable: Sequence[str]) -> None:
    """Write the slot's drop-ins; systemd is told only when a file has changed."""
    lines = "\n".join(_lines(site, slot, writable))
    for path in writable:
        if not path.startswith("/"):
            _own(site, machine, path)
    values = {"site": site.name, "slot": slot, "home": _home(site, slot), "binds": lines}
    values["python"] = interpreter(site, slot)
    web = site.units / f"{site.name}-web@{slot}.service.d/release.conf"
    changed = _put(web, "release.conf" if lines else "", binds=f"{_web_start(site, slot)}{lines}")
    kept: set[Path] = set()
    for name, command in workers.items():
        dropin = site.units / f"{site.worker(slot, name)}.d/release.conf"
        kept.add(dropin)
        changed |= _put(dropin, "worker.conf", **values, command=_escaped(command))
    for dropin in set(site.units.glob(f"{site.name}-worker@{slot}-*.service.d/release.conf")) - kept:
        dropin.unlink()
        dropin.parent.rmdir()
        changed = True
    if changed:
        machine.run(["systemctl", "daemon-reload"])


def put_schedule(
    site: Site, machine: Machine, *, slot: str, schedule: Mapping[str, Mapping[str, str]], writable: Sequence[str]
) -> None:
    """Write the timers of the release that runs in this slot, take away those it does not have, start the rest."""
    lines = "\n".join(_lines(site, slot, writable))
    changed, wanted = False, set()
    for name, item in schedule.items():
        wanted.add(f"{site.schedule(name)}.timer")
        values = {"site": site.name, "slot": slot, "home": _home(site, slot), "name": name, "binds": lines}
        values |= {"command": _escaped(item["run"]), "at": item["at"], "python": interpreter(site, slot)}
        for kind in ("service", "timer"):
            changed |= _put(site.units / f"{site.schedule(name)}.{kind}", f"schedule.{kind}", **values)
    gone = {path.name for path in site.units.glob(f"{site.name}-schedule-*.timer")} - wanted
    if gone:
        machine.run(["systemctl", "disable", "--now", *sorted(gone)], check=False)
        for name in gone:
            (site.units / name).unlink(missing_ok=True)
            (site.units / name.replace(".timer", ".service")).unlink(missing_ok=True)
    if changed or gone:
        machine.run(["systemctl", "daemon-reload"])
    links = site.units / "timers.target.wants"
    if wanted and (changed or not all((links / timer).exists() for timer in wanted)):
        start_schedule(machine, sorted(wanted))


def start_schedule(machine: Machine, timers: Sequence[str]) -> None:
    """Enable and start timers."""
    machine.run(["systemctl", "enable", "--now", *timers])


def _lines(site: Site, slot: str, writable: Sequence[str]) -> list[str]:
    """What every unit of a slot needs beyond its own file."""
    given = [f"Environment={name}={value}" for name, value in search_path(site, slot).items()]
    return [*given, *binds(site, slot=slot, writable=writable)]


def _web_start(site: Site, slot: str) -> str:
    """The slot unit's own start with another interpreter before it; nothing where it is the machine's own."""
    if not is_bundled(site, slot):
        return ""
    lines = (site.units / f"{site.name}-web@.service").read_text().splitlines()
    own = next((line for line in lines if line.startswith(f"ExecStart={OWN} ")), "")
    if not own:
        raise Failure("python: this machine cannot run a bundled one, raise server-generation")
    return f"ExecStart=\n{own.replace(OWN, interpreter(site, slot), 1)}\n"


def _own(site: Site, machine: Machine, path: str) -> None:
    """The directory behind a writable path of the project, the site's own."""
    own = site.variable / "writable" / path
    if not own.is_dir():
        machine.run(["install", "-d", "-o", site.name, "-g", site.name, "-m", "0750", str(own)])


def _put(path: Path, template: str, **values: str) -> bool:
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


def _escaped(command: str) -> str:
    """A command line systemd takes as it stands: its specifiers and variables are none of the user's."""
    if "\n" in command:
        raise Failure(f"workers, schedule: should be one line (got {command!r})")
    return command.replace("%", "%%").replace("$", "$$")


def _home(site: Site, slot: str) -> str:
    return f"/srv/{site.name}/slots/{slot}"
