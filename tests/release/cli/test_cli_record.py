"""`slipway record`: what lies in the bucket, in words, as JSON, as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.bucket import Bucket
from release.cli import record as verb
from release.cli.refusal import Refusal
from release.cli.stack import Stack
from tests.release.test_timeline import record

BUCKET = {
    "name": "releases",
    "region": "fra1",
    "endpoint": "https://here.example",
    "access_key": "A",
    "secret_key": "S",
}
MADE = record()


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: slipway\n")
    outputs = {"release": MADE["release"], "release_source": BUCKET}
    monkeypatch.setattr(Stack, "read", lambda project, name: Stack(name=name, outputs=outputs))
    there = {f"records/{MADE['release']}.json": json.dumps(MADE).encode()}
    monkeypatch.setattr(Bucket, "get", lambda self, key: there.get(key))


def test_the_running_one_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.record(str(tmp_path), ["staging"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "shop staging  cdcdcdcdcdcd-89abcdef  released"
    assert "     2.60 s     1.20 s  gate" in told
    assert "  migrated: shop.0007" in told
    assert "  visitors during it (5 s): 254 requests, 0 failed, p50 11.2 ms, p99 48.0 ms" in told


def test_as_json_and_as_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["staging", MADE["release"], "--json", "--svg", str(tmp_path / "release.svg")]
    assert verb.record(str(tmp_path), words) == 0
    assert json.loads(capsys.readouterr().out) == MADE
    assert (tmp_path / "release.svg").read_text().startswith("<svg")


def test_one_that_left_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        verb.record(str(tmp_path), ["staging", "0123456789ab-01234567"])
    assert str(refused.value) == (
        "staging: 0123456789ab-01234567: has no record, slipway status staging names what runs"
    )
