"""Whether a release can serve from a database: what pending migrations do to the one that serves, applied ones to any.

A release leaves beside it what it knows and uses (`schema.json`); the site keeps what each migration does. So what
a migration breaks is told for every release that is kept, and a column nobody uses any more breaks nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .document import Document
from .failure import Failure
from .site import Site, write
from .state import load
from .wire import Wire

__all__ = [
    "NOTHING",
    "Judged",
    "Known",
    "ahead",
    "fit",
    "judge",
    "known",
    "note_down",
    "note_migrated",
    "noted",
    "pass_on",
    "pass_over",
    "remembered",
]

NOTED: dict[str, Any] = {"known": [], "uses": {}, "applied": {}, "plan": []}
ORDER = ("adds", "locks", "cannot tell", "breaks", "destroys")
TOLD = 6  # migrations a note or a refusal names
Findings = Mapping[str, Sequence[Sequence[str]]]  # of each migration: kind, why, what it touches


@dataclass(frozen=True)
class Known:
    """What a release knows of the database; `uses` are its tables and table.columns, None when nobody can say."""

    migrations: frozenset[str] = frozenset()
    uses: frozenset[str] | None = None


NOTHING = Known(uses=frozenset())  # a release that is not there


@dataclass(frozen=True)
class Judged:
    """A migration as it is for one release."""

    name: str
    kind: str
    why: str
    breaking: bool

    def __str__(self) -> str:
        return f"{self.name} {self.kind}: {self.why}" if self.why else f"{self.name} {self.kind}"


def judge(name: str, findings: Sequence[Sequence[str]] | None, known: Known) -> Judged:
    """What a migration does to a release; what nobody has looked at cannot be told."""
    if findings is None:
        return Judged(name, "cannot tell", "nobody has looked at it", breaking=False)
    meant = [each for each in findings if each[0] != "adds" and _concerns(each, known)]
    kinds = {kind for kind, _, _ in meant} | {"adds"}
    breaking = any(kind in ("breaks", "destroys") and _used(touched, known) for kind, _, touched in meant)
    why = "; ".join(dict.fromkeys(why for _, why, _ in meant))
    return Judged(name, max(kinds, key=ORDER.index), why, breaking)


def ahead(applied: Mapping[str, str], known: Collection[str]) -> list[str]:
    """Applied migrations that came after all that a release knows of their app, in their order.

    Older ones it does not know were squashed away; apps that the release does not have are none of its business.
    """
    newest: dict[str, str] = {}
    for name in known:
        newest[_app(name)] = max(newest.get(_app(name), ""), applied.get(name, ""))
    strange = [name for name in applied if name not in known and _app(name) in newest]
    return sorted((name for name in strange if applied[name] > newest[_app(name)]), key=lambda name: applied[name])


def known(site: Site, release: str) -> Known:
    """What a kept release knows and uses."""
    raw = noted(site, release)
    return _known(raw) if raw else Known()


def noted(site: Site, release: str) -> dict[str, Any]:
    """What a kept release's preflight has left beside it; nothing of one that has left nothing."""
    try:
        return dict(json.loads((site.release(release) / "schema.json").read_text()))
    except (OSError, ValueError):
        return {}


def note_down(site: Site, release: str, found: Mapping[str, Any]) -> None:
    """Keep what a preflight has found: of the release beside it, of the migrations for as long as the site is here."""
    facts = {name: found.get(name, nothing) for name, nothing in NOTED.items()}
    write(site.release(release) / "schema.json", json.dumps(facts) + "\n")
    if fresh := found.get("findings"):
        write(_ledger(site), json.dumps({**remembered(site), **fresh}, indent=1) + "\n")


def note_migrated(site: Site, release: str, database: Mapping[str, str]) -> None:
    """The migrations that the database has when a release's own have run, and since when."""
    facts = {**noted(site, release), "applied": dict(database), "plan": []}
    write(site.release(release) / "schema.json", json.dumps(facts) + "\n")


def remembered(site: Site) -> dict[str, list[list[str]]]:
    """What each migration does that was ever pending here."""
    try:
        return dict(json.loads(_ledger(site).read_text()))
    except (OSError, ValueError):
        return {}


def fit(site: Site, document: Document, found: Mapping[str, Any], wire: Wire) -> list[str]:
    """Refuse what its database, or the release that serves, cannot bear; what else there is to say."""
    note_down(site, document.release, found)
    return [*pass_over(site, document, found), *pass_on(document, found, serving=_served_by(site, found, wire))]


def _served_by(site: Site, found: Mapping[str, Any], wire: Wire) -> Known:
    """What the release that has the visitors needs of the database: nothing where there is none."""
    committed = load(site).committed
    if committed and site.serving() == committed.slot:
        return known(site, committed.release)
    if not committed and found.get("findings"):  # a new machine: another may serve still
        wire.send({"want": "predecessor"})
        if wire.receive(limit=60).get("predecessor"):
            return Known()
    return NOTHING


def pass_on(document: Document, found: Mapping[str, Any], *, serving: Known) -> list[str]:
    """Refuse what would break the release that serves; what else is worth a note, and nothing of an empty database."""
    if not found.get("applied"):
        return []
    plan = [judge(name, found.get("findings", {}).get(name), serving) for name in found.get("plan", [])]
    breaking = [each for each in plan if each.breaking and not _accepted(each.name, document.accept_migration)]
    if breaking and document.protect and not document.maintenance:
        raise Failure(_refusal(breaking, document))
    return _notes([each for each in plan if each.kind != "adds"], document)


def pass_over(site: Site, document: Document, found: Mapping[str, Any]) -> list[str]:
    """Refuse a release whose database has gone on in a way it cannot follow."""
    own, seen = _known(found), remembered(site)
    later = [judge(name, seen.get(name), own) for name in ahead(found.get("applied", {}), own.migrations)]
    broken = [each for each in later if each.breaking]
    if not broken:
        return []
    told = f"migrations: should fit the database, which is ahead of this release by {_listed(broken)}"
    if not document.protect:
        return [f"{told}; tried nevertheless: {document.environment} is not protected"]
    way_out = f"slipway releases {document.environment} names those that fit"
    raise Failure(f"{told}, take a release that knows {'them' if broken[1:] else 'it'}: {way_out}")


def _refusal(breaking: Sequence[Judged], document: Document) -> str:
    names = ", ".join(_short(each.name) for each in breaking)
    stack = document.environment
    return (
        f"migrations: should leave the release that serves working (got {_listed(breaking)}), nothing was migrated; "
        f"either say that it may break until the new one serves, accept-migration: [{names}] in "
        f"stacks/Pulumi.{stack}.yaml, or let visitors wait meanwhile: slipway up {stack} --maintenance"
    )


def _notes(plan: Sequence[Judged], document: Document) -> list[str]:
    if not plan:
        return []
    why = "in a maintenance window" if document.maintenance else "not protected" if not document.protect else "accepted"
    told = [f"{each} (breaks the release that serves, {why})" if each.breaking else str(each) for each in plan[:TOLD]]
    more = [f"and {len(plan) - TOLD} more"] if len(plan) > TOLD else []
    return [f"migrations: {each}" for each in (*told, *more)]


def _listed(judged: Sequence[Judged]) -> str:
    more = f"; and {len(judged) - TOLD} more" if len(judged) > TOLD else ""
    return "; ".join(f"{each.name} {each.why}" for each in judged[:TOLD]) + more


def _accepted(name: str, accepted: Collection[str]) -> bool:
    return any(name == each or name.startswith(f"{each}_") for each in accepted)


def _short(name: str) -> str:
    """As it is written in a stack file: app.0007."""
    app, _, rest = name.partition(".")
    number = rest.partition("_")[0]
    return f"{app}.{number}" if number.isdigit() and len(number) == 4 else name


def _concerns(finding: Sequence[str], known: Known) -> bool:
    kind, _, touched = finding
    return kind in ("destroys", "cannot tell") or _used(touched, known)


def _used(touched: str, known: Known) -> bool:
    return bool(touched) and (known.uses is None or touched in known.uses)


def _known(raw: Mapping[str, Any]) -> Known:
    tables = raw.get("uses", {})
    uses = {*tables, *(f"{table}.{each}" for table, columns in tables.items() for each in columns)}
    return Known(frozenset(raw.get("known", ())), frozenset(uses))


def _app(name: str) -> str:
    return name.partition(".")[0]


def _ledger(site: Site) -> Any:
    return site.state / "migrations.json"
