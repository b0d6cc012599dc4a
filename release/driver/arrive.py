"""After the address is assigned: TLS on, then two things seen apart, names that point here and a certificate."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from release.driver.documents import Arriving
from release.driver.failure import Failure
from release.driver.session import Ended, Message, Session, Silence, connect
from release.driver.together import together
from release.live import Running, Silent, ask_by_name
from release.ssh import Login, Server

__all__ = ["arrive"]

AGENT_LIMIT = 120.0
CONNECT_LIMIT = 60.0
PAUSE = 1.0
Seen = TypeVar("Seen")
# Records that a person sets elsewhere do not appear while we wait: look, and say what to set.
EXTERNAL_LIMIT = 3.0


def arrive(arriving: Arriving) -> dict[str, Any]:
    """Only an unreachable server or a refused edge fails; names and certificates come when they come."""
    start = time.monotonic()
    notes = _edges(arriving)
    seconds = {"edge": round(time.monotonic() - start, 2)}
    astray = _timed(seconds, "dns", lambda: _astray(arriving))
    running, why = _timed(seconds, "certificate", lambda: _certified(arriving, patient=not astray))
    notes += _dns_notes(arriving, astray) + _certificate_notes(arriving, running, why, waiting_for_dns=bool(astray))
    return {
        "release": running.release if running else arriving.release,
        "artifact": running.artifact if running else "",
        "address": arriving.address,
        "dns": "waiting" if astray else "ok",
        "certificate": "ok" if running else "waiting",
        "seconds": seconds,
        "notes": notes,
    }


def _edges(arriving: Arriving) -> list[str]:
    """Every server lets Caddy ask for certificates from now on."""
    notes: list[str] = []
    with Login(key=arriving.login_key, servers=arriving.servers) as login:
        together(
            lambda server: notes.extend(_edge(server, login=login, arriving=arriving)),
            arriving.servers,
            at_first_failure=lambda: None,
        )
    return list(dict.fromkeys(notes))


def _edge(server: Server, *, login: Login, arriving: Arriving) -> list[str]:
    try:
        session = connect(server, login=login, verb=["arrive"], limit=CONNECT_LIMIT)
    except (Ended, Silence) as error:
        raise Failure(f"{server.name}: ssh {server.host}: {error}", lines=[AGAIN]) from None
    try:
        session.send(arriving.for_agent())
        return [str(note) for note in _answer(session, server=server).get("notes", ())]
    finally:
        session.end()


AGAIN = "way out: correct the cause and run pulumi up again; the release itself stands and serves"


def _answer(session: Session, *, server: Server) -> Message:
    try:
        while True:
            message = session.receive(limit=AGENT_LIMIT)
            if "error" in message:
                detail = [f"  {line}" for line in message.get("detail", ())]
                raise Failure(f"{server.name}: {message['error']}", lines=[AGAIN, *detail])
            if "arrived" in message:
                return message
    except (Ended, Silence) as error:
        raise Failure(f"{server.name}: agent: {error}", lines=[AGAIN]) from None


def _astray(arriving: Arriving) -> dict[str, str]:
    """Hosts that do not point here by the end of the limit, and what they point to."""
    limit = min(arriving.limit, EXTERNAL_LIMIT) if arriving.dns == "external" else arriving.limit
    end = time.monotonic() + limit
    while True:
        found = {host: _addresses(host) for host in arriving.hosts}
        astray = {host: _said(got) for host, got in found.items() if arriving.address not in got}
        if not astray or time.monotonic() + PAUSE > end:
            return astray
        time.sleep(PAUSE)


def _certified(arriving: Arriving, *, patient: bool) -> tuple[Running | None, str]:
    """What the site says over verified HTTPS, once that is the release we brought; else why not yet."""
    end = time.monotonic() + (arriving.limit if patient else 0.0)
    while True:
        try:
            running = ask_by_name(arriving.hosts[0])
            if running.release == arriving.release:
                return running, ""
            why = f"it runs {running.release}, not {arriving.release}"
        except Silent as silent:
            why = str(silent)
        if time.monotonic() + PAUSE > end:
            return None, why
        time.sleep(PAUSE)


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]) for entry in found})


def _said(addresses: Sequence[str]) -> str:
    return ", ".join(addresses) or "no address"


def _dns_notes(arriving: Arriving, astray: dict[str, str]) -> list[str]:
    kind = "AAAA" if ":" in arriving.address else "A"
    return [f"{host} does not point here yet (got {got}): set {host} {kind} {arriving.address}"
            for host, got in astray.items()]  # fmt: skip


def _certificate_notes(arriving: Arriving, running: Running | None, why: str, *, waiting_for_dns: bool) -> list[str]:
    if running is not None:
        return []
    name = arriving.hosts[0]
    if waiting_for_dns:
        return [f"https://{name} gets its certificate by itself once the names point here"]
    return [f"https://{name} does not answer as this release yet ({why}): look again with slipway status"]


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Seen]) -> Seen:
    start = time.monotonic()
    result = work()
    seconds[name] = round(time.monotonic() - start, 2)
    return result
