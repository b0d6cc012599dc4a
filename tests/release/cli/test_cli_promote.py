"""`slipway promote`: only what is proven, and only its own lines of the stack file."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import pytest

from release.bucket import Bucket, BucketError
from release.cli.promote import hold
from release.cli.refusal import Refusal
from release.cli.stack import Stack
from tests.release.cli.desk import ARTIFACT, PRODUCTION, Desk
from tests.release.driver.world import client, make_artifact

pytestmark = pytest.mark.whole


@pytest.fixture(autouse=True)
def bucket(desk: Desk, storage: str, tmp_path: Path) -> dict[str, str]:
    """Staging's release bucket with the artifact it runs; this computer has it in no cache."""
    for kind in ("layers", "manifests"):
        (tmp_path / "made" / kind).mkdir(parents=True)
    artifact = make_artifact(tmp_path / "made")
    place = {"name": f"staging-{desk.port}", "region": "x", "endpoint": storage, "access_key": "A", "secret_key": "s"}
    client(place).create_bucket(Bucket=place["name"])
    for path in (tmp_path / "made").rglob("*.*"):
        key = str(path.relative_to(tmp_path / "made"))
        client(place).put_object(Bucket=place["name"], Key=key, Body=path.read_bytes())
    desk.stack(artifact=artifact, release_source=place)
    desk.says["artifact"] = artifact
    return place


def lines(desk: Desk) -> list[str]:
    return [f"+  artifact: {desk.says['artifact']}", "+  promoted-from: staging"]


def change(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def test_the_pin_is_written_under_the_project(desk: Desk) -> None:
    ended = desk.run("promote", "staging", "production")
    assert ended.code == 0, ended
    assert change(PRODUCTION, desk.production.read_text()) == lines(desk)
    assert ended.out.splitlines() == [
        f"stacks/Pulumi.production.yaml: artifact: {desk.says['artifact']}",
        "stacks/Pulumi.production.yaml: promoted-from: staging",
        "",
        "next:",
        "  git diff stacks/Pulumi.production.yaml",
        "  pulumi up -s production",
    ]


def test_a_second_time_changes_nothing(desk: Desk) -> None:
    desk.run("promote", "staging", "production")
    before = desk.production.stat().st_mtime_ns
    ended = desk.run("promote", "staging", "production")
    assert ended.out == f"stacks/Pulumi.production.yaml: names this artifact already: {desk.says['artifact']}\n"
    assert desk.production.stat().st_mtime_ns == before


def test_mode_and_neighbours_stay(desk: Desk) -> None:
    desk.production.chmod(0o640)
    desk.run("promote", "staging", "production")
    assert desk.production.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in desk.production.parent.iterdir()) == [
        "Pulumi.production.yaml",
        "Pulumi.staging.yaml",
    ]


def test_a_live_site_that_runs_something_else_is_refused(desk: Desk) -> None:
    desk.says["release"] = "other"
    ended = desk.run("promote", "staging", "production")
    assert ended.code == 2
    assert ended.err.startswith(f"staging: https://localhost:{desk.port}: should run what the state says, ")
    assert ended.err.endswith(f"(got other of {desk.says['artifact']}), run pulumi up -s staging first\n")
    assert desk.production.read_text() == PRODUCTION


def test_a_silent_site_is_refused(desk: Desk) -> None:
    desk.says["status"] = 502
    assert "should say what it runs (got: answered 502)" in desk.run("promote", "staging", "production").err


@pytest.mark.parametrize("result", ["failed", "in-progress"])
def test_an_update_that_did_not_succeed_is_refused(desk: Desk, result: str) -> None:
    desk.stack(history=result, artifact=desk.says["artifact"])
    ended = desk.run("promote", "staging", "production")
    assert ended.err == (
        f"staging: its last update should have succeeded (got update {result}), run pulumi up -s staging first\n"
    )


def test_a_target_without_a_file_lists_the_known(desk: Desk) -> None:
    ended = desk.run("promote", "staging", "prodution")
    assert ended.err == (
        "stacks/Pulumi.prodution.yaml: is not there, did you mean production? "
        "the known ones are production, staging\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("gone", "): is not in bucket staging-"),
        ("another", ": holds something else (sha256 "),
        ("torn", ": is damaged ("),
        ("edited", ": its manifest is not that in bucket staging-"),
    ],
)
def test_layers_that_do_not_verify_are_refused(desk: Desk, bucket: dict[str, str], damage: str, says: str) -> None:
    objects, name = client(bucket), bucket["name"]
    manifest = f"manifests/{desk.says['artifact']}.json"
    layers = json.loads(objects.get_object(Bucket=name, Key=manifest)["Body"].read())["layers"]
    code, static = (f"layers/{layers[each]}.tar.zst" for each in ("code", "static"))
    if damage == "gone":
        objects.delete_object(Bucket=name, Key=code)
    if damage == "another":
        objects.copy_object(Bucket=name, Key=code, CopySource=f"{name}/{static}")
    if damage == "torn":
        objects.put_object(Bucket=name, Key=code, Body=b"not zstd at all")
    if damage == "edited":
        objects.put_object(Bucket=name, Key=manifest, Body=json.dumps({"layers": layers}).encode())
    ended = desk.run("promote", "staging", "production")
    assert ended.code == 2
    assert says in ended.err
    assert ended.err.endswith("; nothing is pinned\n")
    assert desk.production.read_text() == PRODUCTION


def test_a_hotfix_goes_past_the_proof_for_a_written_reason(desk: Desk) -> None:
    desk.says["release"] = "other"
    reason = "payments fail: see #12"
    ended = desk.run("promote", "staging", "production", "--hotfix", reason)
    assert ended.code == 0, ended
    assert change(PRODUCTION, desk.production.read_text()) == [*lines(desk), f'+  pin-reason: "hotfix: {reason}"']


def test_an_ordinary_promotion_takes_the_reason_out_again(desk: Desk) -> None:
    desk.run("promote", "staging", "production", "--hotfix", "in haste")
    desk.run("promote", "staging", "production")
    assert change(PRODUCTION, desk.production.read_text()) == lines(desk)


def test_an_artifact_nobody_has_proven_needs_a_reason_and_every_byte(desk: Desk, tmp_path: Path) -> None:
    artifact, cache = str(desk.says["artifact"]), str(tmp_path / "made")
    plain = desk.run("promote", artifact, "production", SLIPWAY_CACHE=cache)
    assert plain.err == f'{artifact}: no environment has proven it, name one, or say why: --hotfix "reason"\n'
    assert "(got nothing)" in desk.run("promote", artifact, "production", "--hotfix", " ").err
    absent = desk.run("promote", artifact, "production", "--hotfix", "x", SLIPWAY_CACHE=str(tmp_path / "none"))
    assert "its manifest is not in" in absent.err
    assert desk.production.read_text() == PRODUCTION
    ended = desk.run("promote", artifact, "production", "--hotfix", "in haste", SLIPWAY_CACHE=cache)
    assert ended.code == 0, ended
    assert change(PRODUCTION, desk.production.read_text()) == [
        f"+  artifact: {artifact}",
        '+  pin-reason: "hotfix: in haste"',
    ]


def test_not_onto_itself(desk: Desk) -> None:
    assert desk.run("promote", "staging", "staging").err.startswith("staging: cannot be promoted from itself")


SOURCE = {"name": "releases", "region": "fra1", "endpoint": "http://x", "access_key": "k", "secret_key": "s"}


def test_a_mark_in_the_bucket_it_comes_from_keeps_the_artifact_there(monkeypatch: pytest.MonkeyPatch) -> None:
    put: dict[str, Any] = {}

    def taken(bucket: Bucket, key: str, content: bytes, **_: str) -> None:
        put[f"{bucket.name}/{key}"] = json.loads(content)

    monkeypatch.setattr(Bucket, "put", taken)
    hold(Stack("staging", {"release_source": SOURCE, "artifact": ARTIFACT}), target="production")
    assert put == {"releases/promotions/production.json": {"artifact": ARTIFACT}}


def test_a_bucket_that_takes_no_mark_stops_the_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise BucketError("bucket releases: the storage refused with AccessDenied")

    monkeypatch.setattr(Bucket, "put", refused)
    with pytest.raises(Refusal, match=r"staging: bucket releases: the storage refused .*, nothing is pinned"):
        hold(Stack("staging", {"release_source": SOURCE, "artifact": ARTIFACT}), target="production")
