"""The verb `layers`: what a bucket lacks is put there, verified, and nothing else happens."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.release.driver.world import World, client, keys


def wanted(world: World) -> dict[str, str]:
    manifest = json.loads((world.root / "cache" / "manifests" / f"{world.artifact}.json").read_text())
    return {name: f"layers/{digest}.tar.zst" for name, digest in manifest["layers"].items()}


def layers(world: World, *, source: dict[str, str] | None = None) -> Any:
    return world.run("layers", world.artifact, document={"bucket": world.bucket, "source": source})


def forget(world: World) -> None:
    for path in (world.root / "cache").rglob("*"):
        if path.is_file():
            path.unlink()


def test_layers_and_manifest_come_from_the_cache(world: World) -> None:
    answer = layers(world).answer
    assert answer["uploaded"] == ["code", "dependencies", "static", "manifest"]
    assert keys(world.bucket) == {*wanted(world).values(), f"manifests/{world.artifact}.json"}
    body = client(world.bucket).get_object(Bucket=world.bucket["name"], Key=f"manifests/{world.artifact}.json")
    assert "sha256-" + hashlib.sha256(body["Body"].read()).hexdigest() == world.artifact


def test_what_is_there_is_not_put_again(world: World) -> None:
    layers(world)
    assert layers(world).answer["uploaded"] == []


def test_one_missing_layer_is_put_alone(world: World) -> None:
    layers(world)
    client(world.bucket).delete_object(Bucket=world.bucket["name"], Key=wanted(world)["code"])
    assert layers(world).answer["uploaded"] == ["code"]


def test_without_a_cache_they_come_from_the_source(world: World, make_bucket: Any) -> None:
    source = make_bucket("staging")
    world.run("layers", world.artifact, document={"bucket": source, "source": None})
    expected = keys(source)
    forget(world)
    assert layers(world, source=source).answer["uploaded"] == ["code", "dependencies", "static", "manifest"]
    assert keys(world.bucket) == expected


def test_without_cache_and_source_what_is_in_the_bucket_is_enough(world: World) -> None:
    layers(world)
    forget(world)
    assert layers(world).answer["uploaded"] == []


def test_layers_that_are_nowhere_are_one_failure(world: World, make_bucket: Any) -> None:
    for name in ("code", "static"):
        (world.root / "cache" / wanted(world)[name]).unlink()
    result = layers(world, source=make_bucket("staging"))
    (first,) = result.err.splitlines()
    assert result.code == 1
    assert first.startswith(f"layers: {world.artifact}: missing layers: code (")
    assert "static (" in first
    assert "promote it again from where it runs" in first
    assert keys(world.bucket) == set()


def test_a_damaged_file_is_not_put(world: World) -> None:
    path: Path = world.root / "cache" / wanted(world)["code"]
    path.write_bytes((world.root / "cache" / wanted(world)["static"]).read_bytes())
    result = layers(world)
    assert "holds something else" in result.err.splitlines()[0]
    assert wanted(world)["code"] not in keys(world.bucket)
    assert f"manifests/{world.artifact}.json" not in keys(world.bucket)


def test_a_damaged_source_is_not_copied(world: World, make_bucket: Any) -> None:
    source = make_bucket("staging")
    world.run("layers", world.artifact, document={"bucket": source, "source": None})
    client(source).put_object(Bucket=source["name"], Key=wanted(world)["code"], Body=b"not zstd")
    forget_names = wanted(world)
    forget(world)
    result = layers(world, source=source)
    assert f"bucket {source['name']}: is damaged" in result.err.splitlines()[0]
    assert forget_names["code"] not in keys(world.bucket)


def test_a_bucket_that_is_not_there_is_named(world: World) -> None:
    gone = {**world.bucket, "name": "gone-bucket"}
    result = world.run("layers", world.artifact, document={"bucket": gone, "source": None})
    assert result.err.splitlines()[0].startswith("layers: bucket gone-bucket: is not there")
    assert "bucket-secret" not in result.err


def test_storage_out_of_reach_is_named(world: World) -> None:
    away = {**world.bucket, "endpoint": "http://127.0.0.1:9"}
    result = world.run("layers", world.artifact, document={"bucket": away, "source": None})
    assert result.err.splitlines()[0].startswith(f"layers: bucket {away['name']}: ")
    assert "http://127.0.0.1:9" in result.err
