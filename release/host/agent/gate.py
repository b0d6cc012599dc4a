"""Believing a slot: only what its own socket has answered."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from .document import Document
from .failure import Failure, cause_in, names_error
from .machine import Machine
from .releases import web_of
from .site import Site

__all__ = ["Answers", "Socket", "journal_of", "pass_gate", "refuse_fallen"]

IN_A_ROW = 3
PAUSE = 0.05
STEADY = 3.0  # seconds a worker, which has no socket to ask, has to run without falling


class Answers(Protocol):
    """Asks a site by its socket."""

    def __call__(self, path: Path, url: str, *, host: str, limit: float) -> tuple[int, str]:
        """Status and beginning of the body; OSError when nobody answers."""
        ...


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, *, limit: float) -> None:
        super().__init__("localhost", timeout=limit)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Socket:
    """A site's unix socket, spoken to as Caddy does."""

    def __call__(self, path: Path, url: str, *, host: str, limit: float) -> tuple[int, str]:
        """Ask as a visitor by https."""
        connection = _Connection(path, limit=limit)
        headers = {"Host": host, "X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1", "User-Agent": "slipway"}
        try:
            connection.request("GET", url, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(4096).decode(errors="replace")
        except http.client.HTTPException as error:
            raise OSError(f"no HTTP answer ({type(error).__name__})") from None
        finally:
            connection.close()


def pass_gate(
    site: Site,
    machine: Machine,
    document: Document,
    *,
    slot: str,
    answers: Answers,
    heed: Callable[[], None],
    warm: bool = True,
) -> None:
    """Return when the slot has proven itself; else a Failure whose cause is the site's own last word.

    Without `warm` each thread makes its connections for its first visitor.
    """
    until = machine.now() + document.limits.gate
    unit = site.web(slot)

    def ask(url: str) -> tuple[int, str]:
        return answers(site.socket(slot), url, host=document.canonical, limit=max(1.0, until - machine.now()))

    processes, threads = web_of(site, document)
    in_a_row = 0
    while in_a_row < IN_A_ROW:
        heed()
        _refuse_dead(machine, unit)
        reason = _unready(site, slot, ask, processes=processes)
        if reason and machine.now() > until:
            rule = f"should be ready within {document.limits.gate:.0f} s"
            raise _refused(machine, unit, f"{rule} (got {reason})", own=False)
        in_a_row = 0 if reason else in_a_row + 1
        if reason:
            machine.pause(PAUSE)
    _ask_once(machine, unit, ask, "/", lambda status: status < 500, "below 500")
    if document.health:
        _ask_once(machine, unit, ask, document.health, lambda status: status == 200, "200")
    if warm:
        _warm_up(ask, count=2 * processes * threads)
    for name in document.workers:
        _await_steady(machine, site.worker(slot, name), until=until, heed=heed)


def refuse_fallen(site: Site, machine: Machine, document: Document, *, slot: str) -> None:
    """Look at the workers once more: between the gate and the flip others may have taken their time."""
    for name in document.workers:
        _refuse_dead(machine, site.worker(slot, name))


def journal_of(machine: Machine, unit: str, *, lines: int = 60) -> list[str]:
    """What the unit's newest run has said; the ones before it when that was nothing."""
    shown = machine.run(["systemctl", "show", "--value", "-p", "InvocationID", unit], check=False).out.strip()
    argv = ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", str(lines)]
    for of in ([f"_SYSTEMD_INVOCATION_ID={shown}"] if shown else [], ["-u", unit]):
        said = machine.run([*argv, *of], check=False).out.splitlines() if of else []
        if found := [line.rstrip() for line in said if line.strip()]:
            return found
    return []


def _unready(site: Site, slot: str, ask: Callable[[str], tuple[int, str]], *, processes: int) -> str:
    """Why the slot is not ready; the marks are gunicorn's, made when a process has imported the site."""
    up = len(list(site.socket(slot).parent.glob("ready-*")))
    if up < processes:
        return f"{up} of {processes} processes"
    try:
        status, body = ask("/_slipway/ready")
    except OSError as error:
        return f"/_slipway/ready: {error}"
    return "" if status == 200 else f"/_slipway/ready: {status} {body[:200]}".strip()


def _warm_up(ask: Callable[[str], tuple[int, str]], *, count: int) -> None:
    """Let every thread make its connections and templates before a visitor waits for them."""

    def once(_: int) -> None:
        with contextlib.suppress(OSError):
            ask("/")

    with ThreadPoolExecutor(max_workers=count) as pool:
        list(pool.map(once, range(count)))


def _ask_once(
    machine: Machine,
    unit: str,
    ask: Callable[[str], tuple[int, str]],
    url: str,
    good: Callable[[int], bool],
    rule: str,
) -> None:
    begun = machine.now()
    try:
        status, _ = ask(url)
        got = str(status)
    except TimeoutError:
        status, got = 599, f"no answer in {machine.now() - begun:.0f} s"
    except OSError as error:
        status, got = 599, str(error)
    if not good(status):
        raise _refused(machine, unit, f"GET {url}: should answer {rule} (got {got})", own=True)


def _await_steady(machine: Machine, unit: str, *, until: float, heed: Callable[[], None]) -> None:
    while True:
        heed()
        facts = _refuse_dead(machine, unit)
        since = int(facts.get("ActiveEnterTimestampMonotonic", "0")) / 1e6
        if facts["ActiveState"] == "active" and machine.now() - since >= STEADY:
            return
        if machine.now() > until:
            raise _refused(machine, unit, f"{unit} should run for {STEADY:.0f} s", own=False)
        machine.pause(PAUSE)


def _refuse_dead(machine: Machine, unit: str) -> dict[str, str]:
    """A unit that has failed once will not be better for waiting; what systemd says of one that is well."""
    asked = ("ActiveState", "NRestarts", "Result", "ActiveEnterTimestampMonotonic")
    argv = ["systemctl", "show", *(word for name in asked for word in ("-p", name)), unit]
    facts = dict(line.split("=", 1) for line in machine.run(argv, check=False).out.splitlines() if "=" in line)
    alive = facts.get("ActiveState") in ("active", "activating", "reloading")
    if alive and facts.get("NRestarts", "0") == "0" and facts.get("Result", "success") == "success":
        return facts
    how = facts.get("Result", "gone")
    how = "it ends by itself" if how == "success" else how
    raise _refused(machine, unit, f"{unit} does not stay up ({how})", own=True)


def _refused(machine: Machine, unit: str, what: str, *, own: bool) -> Failure:
    """The cause first: the exception the site has logged, when it has."""
    said = journal_of(machine, unit)
    cause = cause_in(said) if own and names_error(said) else ""
    return Failure(f"gate: {cause} ({what})" if cause else f"gate: {what}", detail=said[-40:])
