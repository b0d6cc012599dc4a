"""The record beside an artifact on its way: from the builder's cache to a bucket, from there to the next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from release import provenance
from release.bucket import Bucket
from release.driver import provenance as provenance_of
from release.driver.stock import Stock
from tests.release.driver.world import World, client, keys


def record(world: World, **changes: Any) -> dict[str, Any]:
    return {"format": 1, "artifact": world.artifact, "commit": "c" * 40, "dirty": False, "dependencies": [], **changes}


def built(world: World, **changes: Any) -> dict[str, Any]:
    """The builder's cache knows where the artifact comes from."""
    path = world.root / "cache" / provenance.key(world.artifact)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record(world, **changes)))
    return record(world, **changes)


def bring(world: World, *, bucket: dict[str, str] | None = None, source: dict[str, str] | None = None) -> list[str]:
    stock = Stock.of(Bucket.parse(bucket or world.bucket))
    return provenance_of.bring(world.artifact, stock=stock, source=Bucket.parse(source) if source else None)


def kept(bucket: dict[str, str], world: World) -> Any:
    return provenance.read(Bucket.parse(bucket), world.artifact)


@pytest.fixture(autouse=True)
def cache(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_CACHE", str(world.root / "cache"))


def test_a_release_puts_it_beside_the_manifest(world: World) -> None:
    world.server()
    made = built(world)
    assert world.release().answer["notes"] == []
    assert kept(world.bucket, world) == made
    assert f"manifests/{world.artifact}.json" in keys(world.bucket)


def test_a_promotion_takes_it_along(world: World, make_bucket: Any) -> None:
    staging = make_bucket("staging")
    made = built(world)
    bring(world, bucket=staging)
    (world.root / "cache" / provenance.key(world.artifact)).unlink()
    assert bring(world, source=staging) == []
    assert kept(world.bucket, world) == made


def test_a_clean_build_takes_the_place_of_one_with_changes(world: World) -> None:
    built(world, dirty=True, commit="d" * 40)
    bring(world)
    clean = built(world)
    bring(world)
    built(world, dirty=True, commit="e" * 40)
    bring(world)
    assert kept(world.bucket, world) == clean


def test_every_release_puts_it_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[str] = []
    real = Bucket.put

    def noted(self: Bucket, key: str, *rest: Any, **more: Any) -> None:
        put.append(key)
        real(self, key, *rest, **more)

    monkeypatch.setattr(Bucket, "put", noted)
    built(world)
    for _ in range(2):
        bring(world)
    assert [key.split("/")[0] for key in put] == ["dependencies", "artifacts", "artifacts"]


def test_the_list_of_packages_is_put_once_for_all_artifacts_that_share_it(world: World) -> None:
    packages = [{"name": "django", "version": "5.2", "hashes": ["sha256:aa"]}]
    made = built(world, dependencies=packages)
    bring(world)
    (listed,) = [key for key in keys(world.bucket) if key.startswith("dependencies/")]
    small = client(world.bucket).get_object(Bucket=world.bucket["name"], Key=provenance.key(world.artifact))["Body"]
    assert json.loads(small.read())["dependencies"] == listed[13:-5]
    assert kept(world.bucket, world) == made
    client(world.bucket).put_object(Bucket=world.bucket["name"], Key=listed, Body=b"?")
    assert kept(world.bucket, world) is None


def test_without_one_nothing_is_put(world: World) -> None:
    assert bring(world) == []
    assert keys(world.bucket) == set()


def test_another_artifacts_record_and_rubbish_count_as_none(world: World) -> None:
    for body in (b"?", b"[]", json.dumps(record(world, artifact="sha256-other")).encode()):
        client(world.bucket).put_object(Bucket=world.bucket["name"], Key=provenance.key(world.artifact), Body=body)
        assert kept(world.bucket, world) is None


def test_a_bucket_that_refuses_is_a_note(world: World) -> None:
    built(world)
    stock = Stock(Bucket.parse({**world.bucket, "name": "gone-bucket"}), [])
    (note,) = provenance_of.bring(world.artifact, stock=stock, source=None)
    assert "the record beside the artifact is not brought up to date: bucket gone-bucket" in note
