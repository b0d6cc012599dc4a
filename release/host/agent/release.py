"""One release on this machine, told to the driver step by step."""

from __future__ import annotations

from . import certificates
from .document import Document
from .ending import agree, leave, recorded, tidy_up
from .failure import Failure, Gone, told
from .gate import Answers, refuse_fallen
from .lock import held
from .machine import Machine
from .masking import pattern, secrets_in
from .preparing import prepare
from .site import SLOTS, Site
from .state import Running, load
from .switch import commit, flip, revert
from .underway import Underway, serving
from .wire import Wire

__all__ = ["release", "serving"]

GO = 3600.0  # seconds to wait for the other servers


def release(wire: Wire, machine: Machine, answers: Answers) -> int:
    """Hold the conversation of the verb `release`; 0 when the wanted release is committed."""
    site: Site | None = None
    try:
        document = Document.parse(wire.receive(limit=60))
        wire.hidden = pattern(secrets_in(document.raw))
        site = Site(document.site, machine.root)
        with held(site, machine, by=f"release {document.release}"):
            return run(Underway(wire, machine, answers, site, document))
    except Failure as failure:
        serves = {"serves": serving(site)} if site else {}
        wire.send({"error": failure.cause, "detail": failure.detail, **serves})
    except Gone as gone:
        wire.send({"aborted": True, "error": str(gone)})
    except Exception as error:
        unforeseen = told(error)
        wire.send({"error": unforeseen.cause, "detail": unforeseen.detail})
    return 1


def run(way: Underway) -> int:
    """Prepare, switch, tidy up; 0 when what is wanted is committed."""
    left = revert(way.site, way.machine)
    if left:
        way.notes.append(f"{left.release} was left uncommitted on this machine and has been flipped back")
    if _serves_already(way):
        agree(way)
        way.journal.note("nothing to do")
        return way.say(done=True, slot=way.site.serving(), phases={}, notes=way.notes)
    old = way.site.serving()  # by the link, which a hand may have moved away from what is committed
    slot = next(each for each in SLOTS if each != (_waiting(way) if old == "holding" else old))
    new = Running(slot, way.document.release, way.document.artifact, tuple(way.document.workers), way.document.lead)
    way.journal.note("release", artifact=way.document.artifact, slot=slot, lead=way.document.lead)
    try:
        prepare(way, new)
        way.say(ready=True, slot=slot, migrated=way.migrated, notes=way.notes)
        way.wire.expect("flip", limit=GO)
        _switch(way, new)
    except Exception as error:
        return leave(way, new, error if isinstance(error, Gone) else told(error))
    way.say(committed=True, certificates=_kept_copy(way, new))
    tidy_up(way, old)
    kept = recorded(way, new, "released")
    return way.say(done=True, phases=way.journal.phases, notes=way.notes, **kept)


def _switch(way: Underway, new: Running) -> None:
    """Flip, wait for the driver's word, commit."""
    refuse_fallen(way.site, way.machine, way.document, slot=new.slot)
    with way.phase("flip"):
        # From the deadline on the way back is `revert`, whatever happens to us.
        way.flipped = True
        flip(way.site, way.machine, new, limit=way.document.limits.commit, edge=way.edge())
    way.journal.note("flipped", slot=new.slot)
    way.say(flipped=True, secured=certificates.secured(way.site, way.document.hosts))
    way.wire.expect("commit", limit=way.document.limits.commit)
    commit(way.site, way.machine, new)


def _kept_copy(way: Underway, new: Running) -> str:
    """The machine's certificates, for the driver to keep. The release stands: trouble from here on is a note."""
    try:
        way.journal.note("committed", slot=new.slot)
        return certificates.copy(way.machine)
    except Exception as error:
        way.notes.append(f"released, but its certificates were not copied: {error}")
        return ""


def _waiting(way: Underway) -> str:
    """The slot of the release that waits behind a maintenance window."""
    committed = load(way.site).committed
    return committed.slot if committed else ""


def _serves_already(way: Underway) -> bool:
    """Whether the wanted release is committed, linked, and answering by its own socket."""
    committed = load(way.site).committed
    if not committed or committed.release != way.document.release or way.site.serving() != committed.slot:
        return False
    try:
        status, body = way.answers(
            way.site.socket(committed.slot), "/_slipway/release", host=way.document.canonical, limit=5
        )
    except OSError:
        return False
    return status == 200 and way.document.release in body
