"""The text of a release that did not come about: cause, what serves now, the way out, phases, the journal's end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from release.driver.conversation import Conversation, ServerFailure
from release.driver.failure import Failure

__all__ = ["told"]

JOURNAL_LINES = 40
HOLDING_PAGE = "holding page"  # the agents' word for a server that has no release yet


def told(all_of: Sequence[Conversation], *, error: BaseException) -> Failure:
    """Everything a person needs to know, the cause first."""
    first = error.conversation if isinstance(error, ServerFailure) else None
    cause = f"{first.server.name}: {error}" if first else f"stopped by {error or 'a signal'}"
    lines = [line for each in all_of for line in _standing(each)]
    lines += ["", _way_out(all_of), *_phases(all_of), *_journal(first)]
    return Failure(cause, lines=lines)


def _standing(each: Conversation) -> Iterator[str]:
    yield f"{each.server.name}: {_serves(each)}"
    ahead = each.facts.get("ahead") or each.migrated
    if ahead and each.state not in ("rested", "committed"):
        names = ahead if isinstance(ahead, str) else ", ".join(ahead)
        yield f"{each.server.name}: schema ahead by {names} (migrations are not undone)"


def _serves(each: Conversation) -> str:
    if "held" in each.facts:
        return f"the holding page (503) serves until a release is committed: {each.facts['held']}"
    if "serves" in each.facts:
        return _old(each, serves=str(each.facts["serves"]))
    match each.state:
        case "rested" | "committed":
            return f"already runs the new release {each.wanted.release}; the next pulumi up brings the others along"
        case "committing":
            return "was told to commit and did not answer: slipway status tells what it runs"
        case "unreached":
            return "was not changed; what it ran before still serves"
    limit = each.wanted.limits.commit
    return f"gave no last word; without a commit it is back on the old release within {limit:.0f} s by itself"


def _old(each: Conversation, *, serves: str) -> str:
    again = "serves again (flipped back)" if each.facts.get("reverted") else "still serves"
    if serves == HOLDING_PAGE:
        return f"nothing has been released here before; the holding page (503) {again}"
    return f"the old release {serves} {again}"


def _way_out(all_of: Sequence[Conversation]) -> str:
    if any(each.state == "committing" and "serves" not in each.facts for each in all_of):
        return "way out: run pulumi up again, it brings every server to the same release"
    return "way out: correct the cause and run pulumi up again; nothing needs cleaning up"


def _phases(all_of: Sequence[Conversation]) -> Iterator[str]:
    for each in all_of:
        if each.phases:
            spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in each.phases.items())
            yield f"phases on {each.server.name}: {spent}"


def _journal(first: Conversation | None) -> Iterator[str]:
    if first is not None and first.detail:
        yield f"journal of {first.server.name}:"
        yield from (f"  {line}" for line in first.detail[-JOURNAL_LINES:])
