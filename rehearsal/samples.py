"""What a prober saw, request by request, and summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_SHOWN = 20


@dataclass(frozen=True)
class Outcome:
    """How one request ended: what went wrong, if anything did, and which release answered, if it said so."""

    failure: str | None
    status: int | None = None
    release: str | None = None
    detail: str = ""
    reusable: bool = False


@dataclass(frozen=True)
class Sample:
    """One request: when it was due, how long from then until its answer was whole, and how it ended."""

    due: float
    seconds: float
    outcome: Outcome
    kept: bool = False
    kind: str = ""


def summed(samples: Iterable[Sample]) -> dict[str, Any]:
    """Counts, latencies from the moment each request was due, releases seen and the first failures."""
    ordered = sorted(samples, key=lambda sample: sample.due)
    failed = [sample for sample in ordered if sample.outcome.failure]
    return {
        "seconds": round(ordered[-1].due, 2) if ordered else 0.0,
        "sent": len(ordered),
        "ok": len(ordered) - len(failed),
        "failed": len(failed),
        "failures": dict(Counter(str(sample.outcome.failure) for sample in failed)),
        "statuses": dict(Counter(str(sample.outcome.status) for sample in ordered if sample.outcome.status)),
        "fresh": sum(not sample.kept for sample in ordered),
        "kept": sum(sample.kept for sample in ordered),
        "milliseconds": percentiles([sample.seconds * 1000 for sample in ordered]),
        "releases": _releases(ordered),
        "interruption": round(failed[-1].due - failed[0].due, 2)
        if failed
        else 0.0,  # from the first failure to the last
        "first_failures": [_told(sample) for sample in failed[:_SHOWN]],
    }


def listed(samples: Iterable[Sample], *, began: float) -> list[dict[str, Any]]:
    """Every request by itself: when it was due as a time of day (s since 1970), how long it took, how it ended."""
    ordered = sorted(samples, key=lambda sample: sample.due)
    return [
        {
            "at": round(began + sample.due, 4),
            "ms": round(sample.seconds * 1000, 2),
            "kind": sample.kind,
            "failure": sample.outcome.failure,
            "status": sample.outcome.status,
            "release": sample.outcome.release,
        }
        for sample in ordered
    ]


def _told(sample: Sample) -> dict[str, Any]:
    outcome = sample.outcome
    return {
        "at": round(sample.due, 2),
        "kind": outcome.failure,
        "of": sample.kind,
        "kept": sample.kept,
        "detail": outcome.detail or f"status {outcome.status}",
    }


def percentiles(values: Iterable[float]) -> dict[str, float]:
    ordered = sorted(values)
    places = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[round((len(ordered) - 1) * at)], 1) for name, at in places.items()} if ordered else {}


def _releases(samples: Iterable[Sample]) -> list[dict[str, Any]]:
    """Which releases answered, each with the seconds of its first and last answer."""
    seen: dict[str, list[float]] = {}
    for sample in samples:
        if sample.outcome.release:
            seen.setdefault(sample.outcome.release, []).append(sample.due)
    return [
        {"release": name, "first": round(times[0], 2), "last": round(times[-1], 2), "answers": len(times)}
        for name, times in seen.items()
    ]
