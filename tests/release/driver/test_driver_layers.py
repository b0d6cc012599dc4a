"""The upload inside a release: what the bucket lacks is put there, verified, before any server is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from release.bucket import Bucket
from release.driver.layers import bring, discard_damaged, prove
from release.driver.stock import Stock
from tests.release.driver.world import Result, World, client, keys

Bring = Callable[..., dict[str, Any]]


@pytest.fixture
def upload(world: World, monkeypatch: pytest.MonkeyPatch) -> Bring:
    monkeypatch.setenv("SLIPWAY_CACHE", str(world.root / "cache"))

    def run(*, into: dict[str, str] = world.bucket, source: dict[str, str] | None = None) -> dict[str, Any]:
        return bring(
            world.artifact, stock=Stock.of(Bucket.parse(into)), source=Bucket.parse(source) if source else None
        )

    return run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every call to a bucket, as it is made."""
    calls: list[tuple[str, str]] = []

    def noted(verb: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(bucket: Bucket, key: str, *rest: Any, **more: Any) -> Any:
            calls.append((verb, key.split("/")[0]))
            return real(bucket, key, *rest, **more)

        return call

    for verb in ("has", "stream", "put"):
        monkeypatch.setattr(Bucket, verb, noted(verb, getattr(Bucket, verb)))
    return calls


def wanted(world: World) -> dict[str, str]:
    manifest = json.loads((world.root / "cache" / "manifests" / f"{world.artifact}.json").read_text())
    return {name: f"layers/{digest}.tar.zst" for name, digest in manifest["layers"].items()}


def forget(world: World) -> None:
    for path in (world.root / "cache").rglob("*"):
        if path.is_file():
            path.unlink()


def failure(world: World, **changes: Any) -> Result:
    """A release that fails before any server is told of it."""
    world.server(serves="old")
    result = world.release(**changes)
    assert (result.code, result.out) == (1, "")
    told = [each for each in world.heard() if each not in ({}, {"go": "abort"})]
    assert (told, world.serves()) == ([], "old")
    return result


def test_a_release_brings_layers_and_manifest_from_the_cache(world: World) -> None:
    world.server()
    assert world.release().answer["phases"]["upload"] > 0
    manifest = f"manifests/{world.artifact}.json"
    assert keys(world.bucket) == {*wanted(world).values(), manifest}
    body = client(world.bucket).get_object(Bucket=world.bucket["name"], Key=manifest)["Body"].read()
    assert "sha256-" + hashlib.sha256(body).hexdigest() == world.artifact
    assert world.heard()[0]["manifest"] == json.loads(body)


def test_what_is_there_is_neither_read_nor_put_again(world: World, upload: Bring, asked: list[Any]) -> None:
    upload()
    del asked[:]
    for path in wanted(world).values():
        (world.root / "cache" / path).write_bytes(b"not even zstd")
    assert upload()["format"] == 1
    assert sorted(asked) == [("stream", "manifests")]


def test_one_missing_layer_is_put_alone(world: World, upload: Bring, asked: list[Any]) -> None:
    upload()
    client(world.bucket).delete_object(Bucket=world.bucket["name"], Key=wanted(world)["code"])
    del asked[:]
    upload()
    assert [verb for verb, _ in asked].count("put") == 1
    assert wanted(world)["code"] in keys(world.bucket)


def test_without_a_cache_they_come_from_the_source(world: World, upload: Bring, make_bucket: Any) -> None:
    source = make_bucket("staging")
    manifest = upload(into=source)
    forget(world)
    assert upload(source=source) == manifest
    assert keys(world.bucket) == keys(source) != set()


def test_what_the_bucket_has_is_enough_and_asked_for_once(world: World, upload: Bring, asked: list[Any]) -> None:
    manifest = upload()
    forget(world)
    del asked[:]
    assert upload() == manifest
    assert sorted(asked) == [("stream", "manifests")]


def test_a_source_that_is_gone_is_not_missed(world: World, upload: Bring) -> None:
    upload()
    forget(world)
    assert upload(source={**world.bucket, "name": "gone", "endpoint": "http://127.0.0.1:9"})["format"] == 1


def test_layers_that_are_nowhere_are_one_failure(world: World, make_bucket: Any) -> None:
    for name in ("code", "static"):
        (world.root / "cache" / wanted(world)[name]).unlink()
    (first,) = failure(world, source=make_bucket("staging")).err.splitlines()
    assert first.startswith(f"release: {world.artifact}: missing layers: code (")
    assert "static (" in first
    assert "promote it again from where it runs" in first
    assert keys(world.bucket) == set()


def test_a_damaged_file_is_not_put(world: World) -> None:
    path: Path = world.root / "cache" / wanted(world)["code"]
    path.write_bytes((world.root / "cache" / wanted(world)["static"]).read_bytes())
    assert "holds something else" in failure(world).err.splitlines()[0]
    assert wanted(world)["code"] not in keys(world.bucket)
    assert f"manifests/{world.artifact}.json" not in keys(world.bucket)


def test_a_damaged_source_is_not_copied(world: World, upload: Bring, make_bucket: Any) -> None:
    source, code = make_bucket("staging"), wanted(world)["code"]
    upload(into=source)
    client(source).put_object(Bucket=source["name"], Key=code, Body=b"not zstd")
    forget(world)
    assert f"bucket {source['name']}: is damaged" in failure(world, source=source).err.splitlines()[0]
    assert code not in keys(world.bucket)


def test_a_bucket_that_is_not_there_is_named(world: World) -> None:
    result = failure(world, bucket={**world.bucket, "name": "gone-bucket"})
    assert result.err.splitlines()[0].startswith("release: bucket gone-bucket: is not there")
    assert "bucket-secret" not in result.err


def test_storage_out_of_reach_is_named(world: World) -> None:
    result = failure(world, bucket={**world.bucket, "endpoint": "http://127.0.0.1:9"})
    assert result.err.splitlines()[0].startswith(f"release: bucket {world.bucket['name']}: ")
    assert "http://127.0.0.1:9" in result.err


def test_an_edited_manifest_is_told_as_one(world: World, upload: Bring) -> None:
    upload()
    forget(world)
    key = f"manifests/{world.artifact}.json"
    client(world.bucket).put_object(Bucket=world.bucket["name"], Key=key, Body=b'{"layers": {}}')
    first = failure(world).err.splitlines()[0]
    assert f"{world.artifact}: its manifest was edited (in bucket {world.bucket['name']}: another digest)" in first
    assert f"remove {key} there, then build it here" in first


def test_an_edited_manifest_in_the_bucket_gives_way_to_the_caches(world: World, upload: Bring) -> None:
    key = f"manifests/{world.artifact}.json"
    client(world.bucket).put_object(Bucket=world.bucket["name"], Key=key, Body=b'{"layers": {}}')
    assert upload()["format"] == 1
    local = world.root / "cache" / key
    assert Bucket.parse(world.bucket).get(key) == local.read_bytes()


def test_a_layer_that_a_server_found_damaged_is_brought_anew_by_the_next_up(world: World, upload: Bring) -> None:
    upload()
    code = wanted(world)["code"]
    digest = code.removeprefix("layers/").removesuffix(".tar.zst")
    client(world.bucket).put_object(Bucket=world.bucket["name"], Key=code, Body=b"not zstd")
    world.server(serves="old", fails_at="fetch", error="layer x: is damaged", facts={"damaged": digest})
    assert world.release().code == 1
    assert code not in keys(world.bucket)
    upload()
    assert code in keys(world.bucket)


def test_a_layer_that_is_as_it_should_be_is_not_discarded(world: World, upload: Bring) -> None:
    upload()
    code = wanted(world)["code"]
    discard_damaged(code[7:-8], bucket=Bucket.parse(world.bucket))
    assert code in keys(world.bucket)


def test_layers_go_by_digest_from_one_cloud_to_another(
    world: World, upload: Bring, make_bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store at another address with keys of its own; what arrives is held against the digest on the way."""
    calls: list[tuple[str, str, str]] = []

    def noted(verb: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(bucket: Bucket, key: str, *rest: Any, **more: Any) -> Any:
            calls.append((verb, bucket.endpoint, bucket.access_key))
            return real(bucket, key, *rest, **more)

        return call

    other = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    other.start()
    source = {**make_bucket("staging"), "endpoint": "http://{}:{}".format(*other.get_host_and_port())}
    source |= {"access_key": "OTHER", "secret_key": "other-secret"}
    manifest = upload(into=source)
    forget(world)
    for verb in ("stream", "put"):
        monkeypatch.setattr(Bucket, verb, noted(verb, getattr(Bucket, verb)))
    assert upload(source=source) == manifest
    other.stop()
    read = {each for each in calls if each[0] == "stream" and each[1] == source["endpoint"]}
    written = {each for each in calls if each[0] == "put"}
    assert read == {("stream", source["endpoint"], "OTHER")}
    assert written == {("put", world.bucket["endpoint"], world.bucket["access_key"])}
    prove(world.artifact, place=Bucket.parse(world.bucket))


def test_a_damaged_layer_does_not_cross(world: World, upload: Bring, make_bucket: Any) -> None:
    source = make_bucket("staging")
    upload(into=source)
    forget(world)
    code, static = (wanted_in(world, source)[name] for name in ("code", "static"))
    client(source).copy_object(Bucket=source["name"], Key=code, CopySource=f"{source['name']}/{static}")
    assert "holds something else" in failure(world, source=source).err.splitlines()[0]
    assert code not in keys(world.bucket)


def wanted_in(world: World, bucket: dict[str, str]) -> dict[str, str]:
    found = client(bucket).get_object(Bucket=bucket["name"], Key=f"manifests/{world.artifact}.json")["Body"].read()
    return {name: f"layers/{digest}.tar.zst" for name, digest in json.loads(found)["layers"].items()}
