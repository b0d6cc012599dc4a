"""The site's part of Caddy: rendered from the stack's settings, validated, loaded only when it has changed."""

from __future__ import annotations

import re
import string
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from .closed import USER
from .failure import Failure
from .machine import Done, Machine
from .site import Site, write

__all__ = ["load", "put", "render", "size"]

SIZE = re.compile(r"(?P<number>\d+(\.\d+)?)\s?((?P<unit>[kmgt])(?P<binary>i?))?b", re.IGNORECASE)
# The password was for Caddy; a site that looks for logins of its own there would refuse it.
OWN = "\t\t\theader_up -Authorization\n"


def render(*, site: str, hosts: Sequence[str], max_upload: str, media: str, arrived: bool, password: str = "") -> str:
    """The site's Caddyfile: plain HTTP until the address has arrived, then HTTPS and redirects to the first host.

    `password` is the hash of the one that visitors are asked for.
    """
    canonical, others = hosts[0], list(hosts[1:])
    values = {
        "site": site,
        "canonical": canonical,
        "others": ", ".join(others),
        "plain": ", ".join(f"http://{host}" for host in hosts),
        "max_upload": max_upload.replace(" ", ""),
        "max_bytes": str(size(max_upload)),
        "limit": re.sub(r"(?<=\d)(?=[A-Za-z])", " ", max_upload),
    }
    values |= {"user": USER, "password": password, "own": OWN if password else ""}
    values["closed"] = _filled("closed.caddy", values) if password else ""
    values["media"] = _filled("media.caddy", values) if media == "disk" else ""
    parts = ["site.caddy", "before.caddy"]
    if arrived:
        parts = ["site.caddy", "after.caddy", *(["redirect.caddy"] if others else [])]
    return "".join(_filled(part, values) for part in parts)


def size(text: str) -> int:
    """Bytes, as Caddy reads such a text."""
    found = SIZE.fullmatch(text)
    if not found:
        raise Failure(f"max-upload: should be a size such as 25MB (got {text!r})")
    power = " kmgt".index((found["unit"] or " ").lower())
    return int(float(found["number"]) * (1024 if found["binary"] else 1000) ** power)


def put(site: Site, machine: Machine, text: str) -> bool:
    """Put the site's Caddyfile in place and load it; False when it is there already."""
    before = site.caddy.read_text() if site.caddy.exists() else ""
    if before == text:
        return False
    _validate(machine, text)
    write(site.caddy, text)
    done = load(machine)
    if done.code:
        write(site.caddy, before)
        raise Failure(f"caddy: {(done.lines or ['reload failed'])[-1]}", detail=done.lines)
    return True


def load(machine: Machine) -> Done:
    """Let Caddy read what lies there; at boot it may not run yet, and will."""
    return machine.run(["systemctl", "try-reload-or-restart", "caddy"], check=False)


def _validate(machine: Machine, text: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        candidate = Path(home) / "Caddyfile"
        candidate.write_text(text)
        argv = ["caddy", "validate", "--config", str(candidate), "--adapter", "caddyfile"]
        env = {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
        done = machine.run(argv, check=False, env=env)
    if done.code:
        said = [line for line in done.lines if not line.startswith("{")] or done.lines
        raise Failure(f"caddy: {(said or ['does not take the site'])[-1]}", detail=done.lines[-10:])


def _filled(name: str, values: dict[str, str]) -> str:
    return string.Template((files(__package__) / "files" / name).read_text()).substitute(values)
