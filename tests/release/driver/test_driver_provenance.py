"""The record beside an artifact on its way: from the builder's cache to a bucket, from there to the next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from release import provenance
from release.bucket import Bucket
from release.driver.provenance import bring
from tests.release.driver.world import World, client, keys


def record(world: World, **changes: Any) -> dict[str, Any]:
    return {"format": 1, "artifact": world.artifact, "commit": "c" * 40, "dirty": False, "dependencies": [], **changes}


def built(world: World, **changes: Any) -> dict[str, Any]:
    """The builder's cache knows where the artifact comes from."""
    path = world.root / "cache" / provenance.key(world.artifact)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record(world, **changes)))
    return record(world, **changes)


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
    bring(world.artifact, bucket=Bucket.parse(staging), source=None)
    (world.root / "cache" / provenance.key(world.artifact)).unlink()
    assert bring(world.artifact, bucket=Bucket.parse(world.bucket), source=Bucket.parse(staging)) == []
    assert kept(world.bucket, world) == made


def test_a_clean_build_takes_the_place_of_one_with_changes(world: World) -> None:
    bucket = Bucket.parse(world.bucket)
    built(world, dirty=True, commit="d" * 40)
    bring(world.artifact, bucket=bucket, source=None)
    clean = built(world)
    bring(world.artifact, bucket=bucket, source=None)
    built(world, dirty=True, commit="e" * 40)
    bring(world.artifact, bucket=bucket, source=None)
    assert kept(world.bucket, world) == clean


def test_every_release_puts_it_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[str] = []
    monkeypatch.setattr(Bucket, "put", lambda self, key, *rest, **more: put.append(key))
    built(world)
    for _ in range(2):
        bring(world.artifact, bucket=Bucket.parse(world.bucket), source=None)
    assert put == [provenance.key(world.artifact)] * 2


def test_without_one_nothing_is_put(world: World) -> None:
    assert bring(world.artifact, bucket=Bucket.parse(world.bucket), source=None) == []
    assert keys(world.bucket) == set()


def test_another_artifacts_record_and_rubbish_count_as_none(world: World) -> None:
    for body in (b"?", b"[]", json.dumps(record(world, artifact="sha256-other")).encode()):
        client(world.bucket).put_object(Bucket=world.bucket["name"], Key=provenance.key(world.artifact), Body=body)
        assert kept(world.bucket, world) is None


def test_a_bucket_that_refuses_is_a_note(world: World) -> None:
    built(world)
    (note,) = bring(world.artifact, bucket=Bucket.parse({**world.bucket, "name": "gone-bucket"}), source=None)
    assert "the record beside the artifact is not brought up to date: bucket gone-bucket" in note
