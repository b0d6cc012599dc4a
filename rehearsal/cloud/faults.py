"""What goes wrong on purpose: rules, each for some calls of the cloud; they outlive a restart of the daemon."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from werkzeug.wrappers import Response

from rehearsal.cloud.rows import Json

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

T = TypeVar("T")
# What can be done to the calls of a service. Machines and clusters have births and deaths instead of calls.
SERVICES = {
    "api": ("refuse", "delay", "drop", "die"),
    "s3": ("refuse", "delay", "drop", "die", "skew"),
    "dns": ("refuse", "delay", "drop"),
    "acme": ("refuse", "delay", "drop"),
    "acme-tls": ("skew",),
    "droplet": ("refuse", "delay", "drop", "change"),
    "server": ("refuse", "delay", "drop", "change"),
    "database": ("refuse", "delay"),
}


class BadFault(ValueError):
    """A rule that says something impossible"""


class Event(Protocol):
    """Remembers what happened."""

    def __call__(self, kind: str, /, **about: object) -> None: ...


@dataclass(kw_only=True)
class Fault:
    """One rule: which calls, which of them in turn, and what becomes of those. docs/rehearsal.md says it in full."""

    id: int
    service: str = "api"
    method: str = ""  # GET, POST, ...; for dns the type of the question, for machines and databases birth or death
    path: str = ".*"  # a pattern of the whole path; for dns, machines and databases of the name
    when: str = "before"  # before | after the work of the call is done
    do: str = "refuse"  # refuse | delay | drop | die | change | skew
    status: int = 503  # of a refusal; below 16 it is a code of DNS
    body: Json | None = None  # of a refusal; without one it has the service's own shape
    headers: dict[str, str] = field(default_factory=dict)
    nth: int = 1  # the first call it strikes, counted from one
    times: int = 1  # how many calls it strikes, 0 is every one from there on
    seconds: float = 0  # how long a delay holds a call, how far a skewed clock is ahead
    lasts: float = 0  # ends so many seconds after it first struck, 0 is never
    met: int = 0
    struck: int = 0
    began: float = 0

    def matches(self, service: str, method: str, path: str) -> bool:
        """Say whether a call is one of the rule's."""
        return self.service == service and self.method in ("", method.upper()) and bool(re.fullmatch(self.path, path))

    def meet(self) -> bool:
        """Count a call that matches, and say whether it is to be struck."""
        self.met += 1
        if self.met < self.nth or (self.times and self.struck >= self.times):
            return False
        if self.lasts and self.began and time.time() > self.began + self.lasts:
            return False
        self.began = self.began or time.time()
        self.struck += 1
        return True

    def around(
        self,
        work: Callable[[], T],
        *,
        refuse: Callable[[Fault], T],
        drop: Callable[[], T],
        skew: Callable[[float], T] | None = None,
    ) -> T:
        """Do the work of a struck call, or not, and give what its caller gets."""
        if self.do == "skew" and skew:
            return skew(self.seconds)
        done = [work()] if self.when == "after" else []
        if self.do == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.do == "delay":
            time.sleep(self.seconds)
            return done[0] if done else work()
        return drop() if self.do == "drop" else refuse(self)


GIVEN = tuple(each.name for each in fields(Fault) if each.name not in ("id", "met", "struck", "began"))


def parse(document: Any, *, id: int) -> Fault:
    """Read a rule; the first thing wrong with it is said in one line."""
    if not isinstance(document, dict):
        raise BadFault(f"fault: should be an object with some of {', '.join(GIVEN)} (got {document!r})")
    for name, value in document.items():
        if name not in GIVEN:
            raise BadFault(f"fault: {name}: unknown key, there are: {', '.join(GIVEN)}")
        _check_type(name, value)
    fault = Fault(id=id, **{"times": 0 if document.get("lasts") else 1, **document})
    fault.method = fault.method.upper()
    _check(fault)
    return fault


def _check_type(name: str, value: Any) -> None:
    wanted = {"nth": int, "times": int, "status": int, "headers": dict, "body": dict}.get(name, str)
    if name in ("seconds", "lasts"):
        wanted = (int, float)  # type: ignore[assignment]
    if not isinstance(value, wanted) or isinstance(value, bool) or (isinstance(value, int | float) and value < 0):
        what = {int: "a number of 0 or more", str: "a text", dict: "an object"}.get(wanted, "seconds, 0 or more")
        raise BadFault(f"fault: {name}: should be {what} (got {value!r})")


def _check(fault: Fault) -> None:
    _among(fault, "service", SERVICES)
    _among(fault, "when", ("before", "after"))
    _among(fault, "do", SERVICES[fault.service])
    try:
        re.compile(fault.path)
    except re.error as error:
        raise BadFault(f"fault: path: should be a regular expression (got {fault.path!r}: {error})") from None
    if fault.do in ("delay", "skew") and not fault.seconds:
        raise BadFault(f"fault: seconds: should be above 0 for a {fault.do} (got 0)")
    if fault.do == "change" and not fault.body:
        raise BadFault("fault: body: should say which text of the user data becomes which (got nothing)")


def _among(fault: Fault, name: str, known: Iterable[str]) -> None:
    if (got := getattr(fault, name)) not in known:
        raise BadFault(f"fault: {name}: should be {' or '.join(known)} (got {got!r})")


class Faults:
    """The rules in force, in the order they came; every strike is an event."""

    def __init__(self, *, file: Path, event: Event) -> None:
        self._file = file
        self._event = event
        self._lock = threading.Lock()
        self._rules = [Fault(**row) for row in json.loads(file.read_text())] if file.exists() else []

    def add(self, document: Any) -> Json:
        """Put a rule into force."""
        with self._lock:
            fault = parse(document, id=1 + max((rule.id for rule in self._rules), default=0))
            self._rules.append(fault)
            self._save()
            return asdict(fault)

    def list(self) -> list[Json]:
        """Give the rules with how often each was met and struck."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def remove(self, id: int | None = None) -> int:
        """Take one rule back, or all; give how many went."""
        with self._lock:
            kept = [rule for rule in self._rules if id not in (None, rule.id)]
            gone = len(self._rules) - len(kept)
            self._rules = kept
            self._save()
            return gone

    def meet(self, service: str, method: str, path: str, *, id: object = None) -> Fault | None:
        """Give the rule that strikes this call; it is written down first, for it may be the last thing done."""
        with self._lock:
            matching = [rule for rule in self._rules if rule.matches(service, method, path)]
            struck = [rule for rule in matching if rule.meet()]
            if matching:
                self._save()
        if not struck:
            return None
        fault = struck[0]
        rule = {"rule": fault.id, "when": fault.when, "do": fault.do}
        self._event("fault", **rule, service=service, method=method, path=path, id=id)
        return fault

    def around(
        self,
        call: tuple[str, str, str],
        work: Callable[[], T],
        *,
        refuse: Callable[[Fault], T],
        drop: Callable[[], T] | None = None,
        skew: Callable[[float], T] | None = None,
        id: object = None,
    ) -> T:
        """Do the work of a call (service, method, path), or what a rule makes of it."""
        fault = self.meet(*call, id=id)
        return work() if fault is None else fault.around(work, refuse=refuse, drop=drop or work, skew=skew)

    def _save(self) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps([asdict(rule) for rule in self._rules]))
        draft.replace(self._file)


class HungUp(Response):
    """No answer at all: the connection is closed. Traffic shows it as 444, as other servers do."""

    def __init__(self) -> None:
        super().__init__(status=444)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Break the connection off, which would else be kept for the next request."""
        with suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("dropped by a fault")
