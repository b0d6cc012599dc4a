"""What becomes of a database: operations told apart by a real Django, and judged for a release."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from release.host.agent.failure import Failure
from release.host.agent.schema import NOTHING, Known, ahead, judge, known, note_down, pass_on, pass_over, remembered
from release.host.agent.site import Site
from tests.release.host.bench import parsed

REPOSITORY = Path(__file__).parents[4]
# What each operation of table.py does; one that only adds is told as nothing.
EXPECTED = {
    "a model": [],
    "a model goes": ["destroys"],
    "a model is renamed": ["breaks"],
    "a table is renamed": ["breaks"],
    "a nullable column": [],
    "a required column": ["breaks"],
    "a required column by a subclass": ["breaks"],
    "a unique nullable column": ["locks"],
    "a nullable relation": ["locks"],
    "a table between": [],
    "a column goes": ["destroys"],
    "a relation goes": ["destroys"],
    "a column of another name goes": ["destroys"],
    "a table between goes": ["destroys"],
    "a column is renamed": ["breaks"],
    "a field is renamed, its column is not": [],
    "not null": ["breaks", "locks"],
    "nullable": [],
    "words only": [],
    "longer": [],
    "as long as can be": [],
    "shorter": ["breaks"],
    "a larger number": ["locks"],
    "a smaller number": ["breaks", "locks"],
    "another precision": ["locks"],
    "a number becomes text": ["breaks", "locks"],
    "unique": ["breaks", "locks"],
    "indexed": ["locks"],
    "another relation": ["breaks"],
    "the same relation": [],
    "an index": ["locks"],
    "a unique constraint": ["breaks", "locks"],
    "together": ["breaks", "locks"],
    "not together": [],
    "an order": ["breaks"],
    "options": [],
    "not ours to make": [],
    "rows": ["cannot tell"],
    "no rows": [],
    "something of a package": ["cannot tell"],
    "in the database alone": ["destroys"],
    "in the models alone": [],
    "sql: drop": ["destroys"],
    "sql: drop behind": ["destroys"],
    "sql: drop a constraint": ["cannot tell"],
    "sql: drop a table": ["destroys"],
    "sql: rename": ["breaks"],
    "sql: rename a table": ["breaks"],
    "sql: a type": ["breaks"],
    "sql: not null": ["breaks"],
    "sql: an index": ["locks"],
    "sql: an index meanwhile": ["adds"],
    "sql: rows go": ["destroys"],
    "sql: rows change": ["cannot tell"],
    "sql: nothing": [],
    "two at once": ["destroys", "breaks"],
    "on a table of its own": [],
    # since Django 5.0
    "a column the database fills": [],
    "the database fills it no more": ["breaks"],
    "a column that is computed": ["locks"],
}


@pytest.mark.whole
def test_every_operation_is_told_apart(builds: Path) -> None:
    said = told(builds)
    found = said["findings"]
    assert said["uses"] == {"django_content_type": ["id", "app_label", "model"]}
    assert {name: [kind for kind, _, _ in each] for name, each in found.items()} == {
        name: kinds for name, kinds in EXPECTED.items() if name in found
    }
    assert len(found) > 50
    assert found["a relation goes"] == [
        ["destroys", "drops the column shop_picture.artist_id", "shop_picture.artist_id"]
    ]
    assert found["a column of another name goes"][0][2] == "shop_picture.own_column"
    assert found["sql: drop behind"][0][2] == "shop_picture.note"
    rule = "migrations: should make every table and column that the models use (got none that makes "
    assert said["unmade"] == {
        "all of it": "",
        "no column": f"{rule}django_content_type.model), run makemigrations contenttypes",
        "no table": f"{rule}django_content_type), run makemigrations contenttypes",
        "a package's": "",
    }


def told(builds: Path) -> dict[str, Any]:
    places = sorted((builds / "cache/packages").glob("*/site-packages"))
    packages = next(place for place in places if (place / "django").is_dir())  # others may have been built before
    done = subprocess.run(
        [sys.executable, "-m", "tests.release.host.schema.table"],
        cwd=REPOSITORY,
        env={"PYTHONPATH": f"{packages}:{REPOSITORY}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


OLD = Known(frozenset({"shop.0001_initial"}), frozenset({"shop_picture", "shop_picture.id", "shop_picture.note"}))
DROP = [["destroys", "drops the column shop_picture.note", "shop_picture.note"]]
DROP_UNUSED = [["destroys", "drops the column shop_picture.old", "shop_picture.old"]]
FILL = [["breaks", "adds the column shop_picture.hint", "shop_picture"]]
INDEX = [["locks", "builds an index", "shop_picture"]]
ROWS = [["cannot tell", "runs rows()", ""]]


@pytest.mark.parametrize(
    ("findings", "release", "kind", "breaking"),
    [
        (DROP, OLD, "destroys", True),
        (DROP, Known(), "destroys", True),
        (DROP, NOTHING, "destroys", False),
        (DROP_UNUSED, OLD, "destroys", False),
        (FILL, OLD, "breaks", True),
        (FILL, NOTHING, "adds", False),
        (INDEX, OLD, "locks", False),
        (INDEX, NOTHING, "adds", False),
        (ROWS, OLD, "cannot tell", False),
        ([*INDEX, *ROWS, *FILL], OLD, "breaks", True),
        ([], OLD, "adds", False),
        (None, OLD, "cannot tell", False),
    ],
)
def test_a_migration_is_judged_by_what_a_release_uses(findings: Any, release: Known, kind: str, breaking: bool) -> None:
    judged = judge("shop.0002", findings, release)
    assert (judged.kind, judged.breaking) == (kind, breaking)


APPLIED = {"shop.0001_initial": "2026-01-01", "shop.0002_second": "2026-01-02", "other.0001": "2026-01-03"}


@pytest.mark.parametrize(
    ("known_names", "later"),
    [
        (["shop.0001_initial"], ["shop.0002_second"]),
        (["shop.0001_initial", "other.0000"], ["shop.0002_second", "other.0001"]),
        (["shop.0001_initial", "shop.0002_second"], []),
        (["shop.0002_second"], []),  # it has squashed the first away
        ([], []),
    ],
)
def test_what_came_after_a_release(known_names: list[str], later: list[str]) -> None:
    assert ahead(APPLIED, known_names) == later


def found(**changes: Any) -> dict[str, Any]:
    names = ["shop.0002_drop", "shop.0003_index"]
    findings = {"shop.0002_drop": DROP, "shop.0003_index": INDEX}
    return {"plan": names, "findings": findings, "applied": {"shop.0001_initial": "2026-01-01"}, **changes}


def test_what_would_break_the_serving_release_is_refused_with_the_ways_out() -> None:
    with pytest.raises(Failure) as refused:
        pass_on(parsed(protect=True, environment="production"), found(), serving=OLD)
    assert refused.value.cause == (
        "migrations: should leave the release that serves working "
        "(got shop.0002_drop drops the column shop_picture.note), nothing was migrated; "
        "either say that it may break until the new one serves, accept-migration: [shop.0002] in "
        "stacks/Pulumi.production.yaml, or let visitors wait meanwhile: slipway up production --maintenance"
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"protect": False}, "not protected"),
        ({"accept_migration": ["shop.0002"]}, "accepted"),
        ({"accept_migration": ["shop.0002_drop"]}, "accepted"),
        ({"maintenance": True}, "in a maintenance window"),
    ],
)
def test_and_otherwise_told(changes: dict[str, Any], why: str) -> None:
    notes = pass_on(parsed(**{"protect": True, **changes}), found(), serving=OLD)
    assert notes == [
        "migrations: shop.0002_drop destroys: drops the column shop_picture.note "
        f"(breaks the release that serves, {why})",
        "migrations: shop.0003_index locks: builds an index",
    ]


def test_another_number_is_not_accepted() -> None:
    with pytest.raises(Failure):
        pass_on(parsed(protect=True, accept_migration=["shop.000", "shop.0003"]), found(), serving=OLD)


def test_nothing_is_broken_where_nothing_serves() -> None:
    (note,) = pass_on(parsed(protect=True), found(), serving=NOTHING)
    assert note == "migrations: shop.0002_drop destroys: drops the column shop_picture.note"


def test_a_long_plan_is_told_in_short() -> None:
    names = [f"shop.{number:04}_rows" for number in range(2, 12)]
    notes = pass_on(parsed(), found(plan=names, findings=dict.fromkeys(names, ROWS)), serving=OLD)
    assert (len(notes), notes[-1]) == (7, "migrations: and 4 more")


def test_of_a_first_release_into_an_empty_database_nothing_is_said() -> None:
    assert pass_on(parsed(protect=True), found(findings={}, applied={}), serving=NOTHING) == []
    assert pass_on(parsed(protect=True), found(findings={}), serving=NOTHING) != []


def test_a_release_the_database_has_left_behind_is_refused(site: Site) -> None:
    note_down(site, "0-1", found())
    own = {"known": ["shop.0001_initial"], "uses": {"shop_picture": ["id", "note"]}}
    gone = {"plan": [], "applied": {"shop.0001_initial": "2026-01-01", "shop.0002_drop": "2026-01-02"}, **own}
    with pytest.raises(Failure) as refused:
        pass_over(site, parsed(protect=True, accept_migration=["shop.0002"]), gone)
    assert refused.value.cause == (
        "migrations: should fit the database, which is ahead of this release by "
        "shop.0002_drop drops the column shop_picture.note, take a release that knows it: "
        "slipway releases staging names those that fit"
    )
    (note,) = pass_over(site, parsed(), gone)
    assert note.endswith("; tried nevertheless: staging is not protected")
    assert pass_over(site, parsed(protect=True), {**gone, "uses": {"shop_picture": ["id"]}}) == []


def test_what_was_found_is_kept(site: Site) -> None:
    note_down(site, "0-1", found(known=["shop.0001_initial"], uses={"shop_picture": ["id", "note"]}))
    note_down(site, "0-2", found(plan=["shop.0004"], findings={"shop.0004": ROWS}))
    assert set(known(site, "0-1").uses or ()) == {"shop_picture", "shop_picture.id", "shop_picture.note"}
    assert known(site, "0-3") == Known()
    assert sorted(remembered(site)) == ["shop.0002_drop", "shop.0003_index", "shop.0004"]
