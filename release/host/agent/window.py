"""A maintenance window: the holding page serves while migrations run that the release before could not bear.

Who dies in it leaves the holding page, over a reboot too, until a release is committed: whether what was here before
still fits is known to nobody then.
"""

from __future__ import annotations

from . import sandbox, schema
from .document import Document
from .failure import Failure
from .gate import Answers
from .machine import Machine
from .site import Site
from .state import load, locked_state
from .switch import point, reconcile, start, stop
from .tidy import drain

__all__ = ["leave", "open_window"]

PATIENCE = 20.0  # seconds for the holding page, and for the release before when it comes back
LOOK = 60.0


def open_window(site: Site, machine: Machine, document: Document, answers: Answers) -> None:
    """From here on visitors get 503 and nothing of the release before runs."""
    running = load(site).committed
    if not running or site.serving() == "holding":
        return
    machine.run(["systemctl", "start", site.web("holding")])
    if not _answered(site, machine, answers, document, slot="holding", status=503):
        raise Failure("maintenance: the holding page should answer 503, see journalctl on the machine")
    point(site, "holding")
    machine.run(["systemctl", "stop", f"{site.schedule('*')}.timer", f"{site.schedule('*')}.service"], check=False)
    drain(site, machine, running.slot, limit=document.limits.drain)
    stop(site, machine, running.slot)
    with locked_state(site) as state:
        state.window = document.release


def leave(site: Site, machine: Machine, document: Document, answers: Answers, *, slot: str) -> str:
    """After a failure: back to the release before when the database still fits it; else why the holding page stays."""
    running = load(site).committed
    if not running or site.serving() != "holding":
        return ""
    try:
        if broken := _unfit(site, machine, document, slot=slot):
            return broken
    except Failure as failure:
        return f"what the database has become cannot be told ({failure.cause})"
    start(site, machine, running)
    if not _answered(site, machine, answers, document, slot=running.slot, status=200):
        stop(site, machine, running.slot)
        return f"{running.release} does not answer any more, though the database fits it"
    with locked_state(site) as state:
        state.window = ""
    reconcile(site, machine)
    return ""


def _unfit(site: Site, machine: Machine, document: Document, *, slot: str) -> str:
    """Which applied migrations the release before cannot bear."""
    running = load(site).committed
    assert running
    writable = document.writable
    found = sandbox.django(site, machine, slot=slot, verb="schema", writable=writable, limit=LOOK)
    before, seen = schema.known(site, running.release), schema.remembered(site)
    if before.uses is None:
        return f"nobody has written down what {running.release} needs of the database"
    later = [schema.judge(name, seen.get(name), before) for name in schema.ahead(found["applied"], before.migrations)]
    broken = [f"{each.name} {each.why}" for each in later if each.breaking]
    return f"{running.release} cannot serve any more: {'; '.join(broken)}" if broken else ""


def _answered(site: Site, machine: Machine, answers: Answers, document: Document, *, slot: str, status: int) -> bool:
    until = machine.now() + PATIENCE
    url = "/" if slot == "holding" else "/_slipway/ready"
    while machine.now() < until:
        try:
            if answers(site.socket(slot), url, host=document.canonical, limit=5)[0] == status:
                return True
        except OSError:
            pass
        machine.pause(0.1)
    return False
