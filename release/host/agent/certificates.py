"""Caddy's certificate store: what is in it, a copy of it, and one taken over from the machine before."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tarfile
from collections.abc import Sequence

from .failure import Failure
from .machine import Machine
from .site import Site
from .state import load, locked_state
from .wire import Wire

__all__ = ["copy", "inherit", "news", "secured", "statuses", "wanted"]

STORE = "var/lib/caddy/.local/share/caddy"
NAME = re.compile(r"(certificates|acme)(/[A-Za-z0-9][A-Za-z0-9@._+-]*){2,4}")
FILE, FILES, WHOLE = 64 << 10, 500, 4 << 20
# As Caddy's own user: whatever lies or points where in its directory, root neither reads nor writes it.
AS_CADDY = ("runuser", "-u", "caddy", "--", "sh", "-euc")
EXPORT = 'cd "$1" && ls -d certificates acme 2>/dev/null | tar -c --sort=name -T - | base64 -w0'
IMPORT = 'umask 077 && mkdir -p "$1" && cd "$1" && base64 -d | tar -x --no-same-permissions --touch'


def statuses(site: Site, hosts: Sequence[str]) -> dict[str, str]:
    """Whether Caddy holds a certificate, host by host."""
    store = site.root / STORE / "certificates"
    return {host: "ok" if any(store.glob(f"*/{host}/{host}.crt")) else "waiting" for host in hosts}


def wanted(site: Site, hosts: Sequence[str]) -> bool:
    """Whether this is a new machine that has not taken over any certificate yet."""
    return not load(site).arrived and not secured(site, hosts)


def secured(site: Site, hosts: Sequence[str]) -> tuple[str, ...]:
    """The hosts that a new machine can serve over HTTPS before visitors come; none without the canonical one."""
    if load(site).arrived:
        return ()
    held = tuple(host for host, status in statuses(site, hosts).items() if status == "ok")
    return held if hosts[0] in held else ()


def copy(machine: Machine) -> str:
    """The certificates and accounts as text for the driver; empty when there are none, for nothing hangs on it."""
    try:
        return machine.run([*AS_CADDY, EXPORT, "sh", str(machine.root / STORE)], limit=20).out.strip()
    except Failure:
        return ""


def news(site: Site, machine: Machine) -> str:
    """The copy again when it is another one than told last."""
    store = copy(machine)
    digest = hashlib.sha256(store.encode()).hexdigest()
    with locked_state(site) as state:
        told, state.proven["certificates"] = state.proven.get("certificates"), digest
    return "" if told == digest else store


def inherit(wire: Wire, machine: Machine) -> list[str]:
    """Ask for the store of the machine before and put it in place; what there is to say about it."""
    wire.send({"want": "certificates"})
    sent = wire.receive(limit=60).get("certificates")
    if not sent:
        return []
    try:
        _put(machine, str(sent))
        return []
    except Failure as failure:
        return [f"certificates: not taken over ({failure.cause}), Caddy asks for new ones"]


def _put(machine: Machine, sent: str) -> None:
    _look_through(sent)
    machine.run([*AS_CADDY, IMPORT, "sh", str(machine.root / STORE)], input=sent, limit=20)


def _look_through(sent: str) -> None:
    """Refuse whatever is not a small file in its place."""
    try:
        content = base64.b64decode(sent, validate=True)
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            members = archive.getmembers()
    except (ValueError, tarfile.TarError) as error:
        raise Failure(f"is no archive: {error}") from None
    strange = [each.name for each in members if not each.isreg() or not NAME.fullmatch(each.name) or each.size > FILE]
    if strange or len(content) > WHOLE or len(members) > FILES:
        raise Failure(f"should hold small files under certificates/ and acme/ (got {(strange or ['too much'])[0]!r})")
