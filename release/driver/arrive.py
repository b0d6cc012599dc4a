"""After the address is assigned: TLS on, then two things seen apart, names that point here and a certificate."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from release.driver.archive import keep
from release.driver.documents import Arriving
from release.driver.question import ask
from release.driver.session import Message
from release.driver.together import together
from release.live import Silent, ask_securely, greet
from release.ssh import Login, Server

__all__ = ["arrive"]

AGAIN = "way out: correct the cause and run pulumi up again; the release itself stands and serves"
AGENT_LIMIT = 120.0
PAUSE = 1.0
Seen = TypeVar("Seen")
# Records that a person sets elsewhere do not appear while we wait: look, and say what to set.
EXTERNAL_LIMIT = 3.0
ASKING_LIMIT = 60.0  # an authority answers within seconds; after that we go on looking from outside


def arrive(arriving: Arriving) -> dict[str, Any]:
    """Only an unreachable server or a refused edge fails; names and certificates come when they come."""
    start = time.monotonic()
    edge = _edges(arriving)
    seconds = {"edge": round(time.monotonic() - start, 2)}
    astray = _timed(seconds, "dns", lambda: _astray(arriving, here=edge.here))
    here = [host for host in arriving.hosts if host not in astray]
    if set(here) - edge.here:
        edge = _edges(arriving, here=here)  # they have come while we waited
    lacking = _timed(seconds, "certificate", lambda: _lacking(arriving, here=here, edge=edge))
    kept = keep(edge.store, archive=arriving.archive)
    dns, certificate = ("waiting" if missing else "ok" for missing in (astray, lacking))
    return {
        "address": arriving.address,
        "dns": dns,
        "certificate": certificate,
        "seconds": seconds,
        "notes": [*edge.notes, *kept, *_dns_notes(arriving, astray), *_certificate_notes(lacking, astray=astray)],
    }


@dataclass
class Edge:
    """What the servers say: what they run, hosts that they find here themselves, why the authority refused some."""

    releases: set[str] = field(default_factory=set)
    here: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    store: str = field(default="", repr=False)  # certificates that are new

    def add(self, answer: Message) -> None:
        """Take in one server's answer."""
        self.releases.add(str(answer.get("release", "")))
        self.here |= set(answer.get("here", ()))
        self.refused |= answer.get("refused", {})
        self.store = str(answer.get("store") or self.store)
        self.notes += [str(note) for note in answer.get("notes", ()) if note not in self.notes]


def _edges(arriving: Arriving, *, here: Sequence[str] = ()) -> Edge:
    """Every server lets Caddy ask for certificates from now on, and anew for what it lacks and points `here`."""
    edge = Edge()
    with Login(key=arriving.login_key, servers=arriving.servers) as login:
        together(
            lambda server: edge.add(_edge(server, login=login, arriving=arriving, here=here)),
            arriving.servers,
            at_first_failure=lambda: None,
        )
    return edge


def _edge(server: Server, *, login: Login, arriving: Arriving, here: Sequence[str]) -> Message:
    document = {**arriving.for_agent(), "here": list(here), "wait": min(arriving.limit, ASKING_LIMIT)}
    return ask(server, document, login=login, verb=["arrive"], word="arrived", limit=AGENT_LIMIT, way_out=AGAIN)


def _astray(arriving: Arriving, *, here: Collection[str]) -> dict[str, list[str]]:
    """Hosts that nobody finds here by the end of the limit, and what they point to."""
    limit = min(arriving.limit, EXTERNAL_LIMIT) if arriving.dns == "external" else arriving.limit
    end = time.monotonic() + limit
    while True:
        # A resolver that was asked too early keeps its "no such name" for a while: the servers' word counts too.
        found = {host: _addresses(host) for host in arriving.hosts if host not in here}
        astray = {host: got for host, got in found.items() if arriving.address not in got}
        if not astray or time.monotonic() + PAUSE > end:
            return astray
        time.sleep(PAUSE)


def _lacking(arriving: Arriving, *, here: Sequence[str], edge: Edge) -> dict[str, str]:
    """Hosts without a certificate, or without our servers behind it, and why; waits for those that may still come."""
    end = time.monotonic() + arriving.limit
    while True:
        seen = {host: _seen(arriving, host, releases=edge.releases) for host in arriving.hosts}
        lacking = {host: _why(why, refused=edge.refused.get(host)) for host, why in seen.items() if why}
        coming = [host for host in lacking if host in here and host not in edge.refused]
        if not coming or time.monotonic() + PAUSE > end:
            return lacking
        time.sleep(PAUSE)


def _seen(arriving: Arriving, host: str, *, releases: Collection[str]) -> str:
    """Why the address does not answer as this host over verified HTTPS; nothing when it does."""
    try:
        if host != arriving.hosts[0]:
            greet(arriving.address, name=host)
            return ""
        running = ask_securely(arriving.address, name=host)
    except Silent as silent:
        return str(silent)
    ours = " or ".join(sorted(releases))
    return "" if running.release in releases else f"it runs {running.release}, not {ours}"


def _why(seen: str, *, refused: str | None) -> str:
    if refused:
        return f"got no certificate, the authority said: {refused}"
    return f"does not answer as these servers do yet ({seen})"


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]) for entry in found})


def _said(addresses: Sequence[str]) -> str:
    return ", ".join(addresses) or "no address"


def _dns_notes(arriving: Arriving, astray: Mapping[str, Sequence[str]]) -> list[str]:
    kind = "AAAA" if ":" in arriving.address else "A"
    return [f"{host} does not point here yet (got {_said(got)}): set {host} {kind} {arriving.address}"
            for host, got in astray.items()]  # fmt: skip


def _certificate_notes(lacking: Mapping[str, str], *, astray: Collection[str]) -> list[str]:
    waiting = [f"https://{host} gets its certificate by itself once the name points here" for host in astray]
    others = [f"https://{host} {why}" for host, why in lacking.items() if host not in astray]
    again = ["pulumi up looks again, and lets Caddy ask for the certificate at once"] if waiting or others else []
    return [*waiting, *others, *again]


def _timed(seconds: dict[str, float], name: str, work: Callable[[], Seen]) -> Seen:
    start = time.monotonic()
    result = work()
    seconds[name] = round(time.monotonic() - start, 2)
    return result
