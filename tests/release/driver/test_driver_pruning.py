"""What goes from a release bucket, and above all what never does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from release import promotions
from release.bucket import Bucket, Stored
from release.driver import patches
from release.driver.pruning import AGE, KEEP, prune
from tests.release.driver.world import client, keys

TODAY = datetime(2030, 1, 1, tzinfo=UTC)
Put = Callable[..., str]


@pytest.fixture
def dates(monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime]:
    """What the storage says about when each object was put; the rest was put today."""
    known: dict[str, datetime] = {}
    listed = Bucket.objects

    def dated(self: Bucket) -> list[Stored]:
        return [replace(each, at=known.get(each.key, TODAY)) for each in listed(self)]

    monkeypatch.setattr(Bucket, "objects", dated)
    return known


@pytest.fixture
def put(bucket: dict[str, str], dates: dict[str, datetime]) -> Put:
    def released(name: str, *, days: int, layers: tuple[str, ...] = ()) -> str:
        """An artifact that was released last so many days ago."""
        artifact = f"sha256-{name}"
        manifest = json.dumps({"layers": {str(number): layer for number, layer in enumerate(layers)}})
        made = {f"manifests/{artifact}.json": manifest, f"artifacts/{artifact}.json": "{}"}
        for key, body in {**made, **{f"layers/{layer}.tar.zst": layer for layer in layers}}.items():
            client(bucket).put_object(Bucket=bucket["name"], Key=key, Body=body.encode())
            dates[key] = TODAY - timedelta(days=days)
        return artifact

    return released


@pytest.fixture
def many(put: Put) -> list[str]:
    """As many newer releases as make an older one prunable."""
    return [put(f"new{number}", days=number) for number in range(KEEP)]


@pytest.fixture
def taken(bucket: dict[str, str]) -> Callable[..., set[str]]:
    """Prune after a release of an artifact; what has gone."""

    def run(artifact: str, tools: tuple[str, ...] = ()) -> set[str]:
        before = keys(bucket)
        assert prune(Bucket.parse(bucket), artifact=artifact, tools=tools) == []
        return before - keys(bucket)

    return run


def test_an_old_artifact_goes_with_what_only_it_needs(put: Put, many: list[str], taken: Any) -> None:
    old = put("old", days=AGE.days + 1, layers=("mine", "shared"))
    put("kept", days=3, layers=("shared",))
    put("older", days=AGE.days + 2, layers=("tool",))
    gone = taken(many[0], tools=("tool",))
    assert {f"manifests/{old}.json", f"artifacts/{old}.json", "layers/mine.tar.zst"} <= gone
    assert not gone & {"layers/shared.tar.zst", "layers/tool.tar.zst"}


@pytest.mark.parametrize("days", [0, 1, AGE.days])
def test_a_recent_one_stays_however_many_came_after(put: Put, many: list[str], taken: Any, days: int) -> None:
    put("old", days=days, layers=("mine",))
    assert taken(many[0]) == set()


def test_the_newest_stay_however_old(put: Put, taken: Any) -> None:
    old = [put(f"old{number}", days=400 + number) for number in range(KEEP)]
    assert taken(old[0]) == set()


def test_what_was_released_again_is_recent(put: Put, many: list[str], taken: Any, dates: dict[str, datetime]) -> None:
    old = put("old", days=AGE.days + 1)
    dates[f"artifacts/{old}.json"] = TODAY - timedelta(days=2)
    assert taken(many[0]) == set()


def test_what_runs_stays(put: Put, many: list[str], taken: Any) -> None:
    assert taken(put("old", days=AGE.days + 1)) == set()


def test_what_another_environment_is_promoted_from_stays(
    put: Put, many: list[str], taken: Any, bucket: dict[str, str]
) -> None:
    old = put("old", days=10 * AGE.days, layers=("mine",))
    promotions.mark(Bucket.parse(bucket), artifact=old, target="production")
    assert taken(many[0]) == set()
    promotions.mark(Bucket.parse(bucket), artifact=many[1], target="production")
    assert f"manifests/{old}.json" in taken(many[0])


def test_a_mark_that_cannot_be_read_keeps_everything(put: Put, many: list[str], bucket: dict[str, str]) -> None:
    put("old", days=AGE.days + 1)
    client(bucket).put_object(Bucket=bucket["name"], Key="promotions/production.json", Body=b"?")
    before = keys(bucket)
    (note,) = prune(Bucket.parse(bucket), artifact=many[0], tools=())
    assert "promotions/production.json: should name an artifact" in note
    assert keys(bucket) == before


def test_a_manifest_that_cannot_be_read_keeps_everything(put: Put, many: list[str], bucket: dict[str, str]) -> None:
    put("old", days=AGE.days + 1, layers=("mine",))
    client(bucket).put_object(Bucket=bucket["name"], Key=f"manifests/{many[3]}.json", Body=b"?")
    before = keys(bucket)
    assert "should be a manifest" in prune(Bucket.parse(bucket), artifact=many[0], tools=())[0]
    assert keys(bucket) == before


def test_certificates_and_whatever_else_is_there_stay(
    put: Put, many: list[str], taken: Any, bucket: dict[str, str], dates: dict[str, datetime]
) -> None:
    put("old", days=AGE.days + 1)
    for key in ("certificates.sealed", "records/x.json"):
        client(bucket).put_object(Bucket=bucket["name"], Key=key, Body=b"x")
        dates[key] = TODAY - timedelta(days=999)
    assert all(key.startswith(("manifests/", "artifacts/")) for key in taken(many[0]))


def test_a_layer_that_is_being_brought_stays(
    put: Put, many: list[str], taken: Any, bucket: dict[str, str], dates: dict[str, datetime]
) -> None:
    put("old", days=AGE.days + 1)
    for key, days in (("layers/arriving.tar.zst", 1), ("layers/forgotten.tar.zst", AGE.days + 1)):
        client(bucket).put_object(Bucket=bucket["name"], Key=key, Body=b"x")
        dates[key] = TODAY - timedelta(days=days)
    gone = taken(many[0])
    assert "layers/forgotten.tar.zst" in gone
    assert "layers/arriving.tar.zst" not in gone


def patched(bucket: dict[str, str], dates: dict[str, datetime], *, kind: str, name: str, base: str, days: int) -> str:
    """What was a whole layer or manifest is a patch over another."""
    whole = {"layers": f"layers/{name}.tar.zst", "manifests": f"manifests/{name}.json"}[kind]
    found = client(bucket).get_object(Bucket=bucket["name"], Key=whole)["Body"].read()
    over = (
        client(bucket).get_object(Bucket=bucket["name"], Key=f"manifests/{base}.json")["Body"].read()
        if kind == "manifests"
        else b"x"
    )
    key = f"{kind}/{name}.from-{base}.zst"
    client(bucket).put_object(Bucket=bucket["name"], Key=key, Body=patches.make(found, base=over))
    client(bucket).delete_object(Bucket=bucket["name"], Key=whole)
    dates[key] = TODAY - timedelta(days=days)
    return key


def test_what_a_kept_layer_is_a_patch_over_stays_and_what_that_is_over(
    put: Put, many: list[str], taken: Any, bucket: dict[str, str], dates: dict[str, datetime]
) -> None:
    for name in ("root", "middle", "alone"):
        put(name, days=AGE.days + 2, layers=(name,))
    put("kept", days=3, layers=("top",))
    chain = [("middle", "root", AGE.days + 2), ("top", "middle", 3)]
    made = [patched(bucket, dates, kind="layers", name=n, base=b, days=d) for n, b, d in chain]
    gone = taken(many[0])
    assert {"layers/alone.tar.zst", "manifests/sha256-root.json", "manifests/sha256-middle.json"} <= gone
    assert not gone & {"layers/root.tar.zst", *made}


def test_an_artifact_stays_while_a_kept_one_is_a_patch_over_it(
    put: Put, many: list[str], taken: Any, bucket: dict[str, str], dates: dict[str, datetime]
) -> None:
    base, kept = put("base", days=AGE.days + 2, layers=("one",)), put("kept", days=3, layers=("two",))
    old = put("old", days=AGE.days + 2, layers=("three",))
    patched(bucket, dates, kind="manifests", name=kept, base=base, days=3)
    over = patched(bucket, dates, kind="manifests", name=old, base=base, days=AGE.days + 2)
    assert taken(many[0]) == {over, f"artifacts/{old}.json", "layers/three.tar.zst"}


def test_a_list_of_packages_stays_while_a_kept_record_names_it(
    put: Put, many: list[str], taken: Any, bucket: dict[str, str], dates: dict[str, datetime]
) -> None:
    put("old", days=AGE.days + 1)
    kept = {"format": 1, "artifact": many[1], "dependencies": "named"}
    for key, body in ((f"artifacts/{many[1]}.json", json.dumps(kept)), ("named", "[]"), ("unnamed", "[]")):
        place = key if "/" in key else f"dependencies/{key}.json"
        client(bucket).put_object(Bucket=bucket["name"], Key=place, Body=body.encode())
        dates[place] = TODAY - timedelta(days=AGE.days + 1 if place.startswith("dependencies") else 1)
    assert {key for key in taken(many[0]) if key.startswith("dependencies")} == {"dependencies/unnamed.json"}


def test_storage_that_refuses_is_a_note(bucket: dict[str, str]) -> None:
    (note,) = prune(Bucket.parse({**bucket, "name": "gone-bucket"}), artifact="sha256-x", tools=())
    assert note.startswith("bucket gone-bucket: old artifacts are not pruned: ")
