"""What a smoke test says and refuses before it costs anything, and what it takes for its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine import PLUGINS
from rehearsal.prober import Refused as NotThere
from rehearsal.prober import allowed_address
from tests.live import __main__ as live
from tests.live import engine, place, story
from tests.live.account import REAL, Account, Refused
from tests.live.price import DATABASE, DROPLET, Price, prices

SIZES = [{"slug": DROPLET, "available": True, "regions": ["fra1"], "price_hourly": 0.00893}]
NAMED = "slipway-live-1a2b3c"


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """What the API lists, by path; a real account by its token and address."""
    found: dict[str, list[dict[str, Any]]] = {"sizes": SIZES}
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", "dop_v1_secret")
    monkeypatch.delenv("DIGITALOCEAN_API_URL", raising=False)
    monkeypatch.setattr(Account, "ask", lambda self, path, **_: {})
    monkeypatch.setattr(Account, "rows", lambda self, path, key: iter(found.get(path, [])))
    return found


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(place, "STATE", tmp_path / "live")
    monkeypatch.setattr("sys.argv", ["live"])
    monkeypatch.setattr(live, "stop_on_signals", lambda: None)
    monkeypatch.delenv("CONFIRM", raising=False)
    return tmp_path / "live"


def path_with(monkeypatch: pytest.MonkeyPatch, directory: Path, *programs: str) -> None:
    directory.mkdir()
    for program in programs:
        (directory / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(directory))


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    assert live.main() == 1
    said = capsys.readouterr()
    assert "dop_v1_secret" not in said.out + said.err
    return said.err


def test_without_a_token(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("DIGITALOCEAN_TOKEN", raising=False)
    expected = "live-smoke: DIGITALOCEAN_TOKEN: should be a token with full access (got none), export it first\n"
    assert refusal(capsys) == expected


@pytest.mark.usefixtures("rows")
def test_without_the_official_plugins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_ins = "pulumi: should have its official plugins (got the rehearsal's stand-ins), they refuse real clouds\n"
    path_with(monkeypatch, tmp_path / "none")
    assert "pulumi: should be on PATH (got none)" in refusal(capsys)
    path_with(monkeypatch, tmp_path / "engine", "pulumi")
    assert refusal(capsys) == f"live-smoke: {stand_ins}"
    monkeypatch.setenv("PATH", f"{tmp_path / 'engine'}:{PLUGINS}")
    assert refusal(capsys) == f"live-smoke: {stand_ins}"
    path_with(monkeypatch, tmp_path / "whole", "pulumi", "pulumi-language-python")
    assert engine.official()


def test_the_price_is_said_and_without_a_yes_nothing_is_made(
    rows: dict[str, list[dict[str, Any]]],
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(engine, "official", lambda: True)
    monkeypatch.setattr(story, "seen_by", lambda: "")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert live.main() == 1
    said = capsys.readouterr()
    assert "It costs:" in said.out
    assert f"{DROPLET}       0.00893 $ an hour" in said.out
    assert f"{DATABASE}    0.02254 $ an hour" in said.out
    assert said.err == "live-smoke: nothing was made (say yes, or CONFIRM=yes)\n"
    assert list(state.glob("*/record.json")) == []


@pytest.mark.usefixtures("rows")
def test_a_region_without_the_size_is_refused() -> None:
    with pytest.raises(Refused, match=r"^LIVE_REGION: should have s-1vcpu-1gb \(got 'ams1'\), name another region$"):
        prices(Account(), region="ams1")


def test_each_started_hour_counts() -> None:
    price = Price(droplet=0.01, database=0.02)
    assert [round(price.after(seconds), 2) for seconds in (1, 3600, 3601)] == [0.03, 0.03, 0.06]


def test_only_what_carries_the_whole_name_is_its_own(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["droplets"] = [{"id": 1, "name": f"{NAMED}-web-1"}, {"id": 2, "name": "slipway-staging-web-1"}]
    rows["tags"] = [{"name": f"{NAMED}d-web"}, {"name": f"{NAMED}-web-ff"}]
    rows["vpcs"] = [{"id": "v", "name": "default-fra1"}]
    rows["domains/example.org/records"] = [{"id": 7, "name": "www.live-1a2b3c"}, {"id": 8, "name": "www"}]
    found = [each.path for each in Account().named(NAMED, domain="example.org")]
    assert found == ["domains/example.org/records/7", "droplets/1", f"tags/{NAMED}-web-ff"]


def test_a_record_is_kept_until_all_is_gone(state: Path) -> None:
    record = place.new(cloud=REAL, region="fra1", domain="example.org", hourly=0.03, addresses={"192.0.2.1"})
    made = place.Place(state / record.stack, record)
    made.directory.mkdir(parents=True)
    made.note(pulumi=77)
    (found,) = place.Place.all()
    assert (found.record, found.record.pulumi) == (made.record, 77)
    assert json.loads((made.directory / "record.json").read_text())["stack"] == record.stack
    found.forget()
    assert list(place.Place.all()) == []


def test_one_at_a_time() -> None:
    with place.Place.alone(), pytest.raises(Refused, match="another smoke test is at work"), place.Place.alone():
        pass


def test_one_of_another_cloud_is_not_taken_away_here(
    rows: dict[str, list[dict[str, Any]]], state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = "http://198.51.100.1:8081"
    record = place.new(cloud=elsewhere, region="fra1", domain="", hourly=0.03, addresses=set())
    with pytest.raises(Refused, match=f"is at {elsewhere}, take it away from a terminal that means that cloud"):
        live.take_away(place.Place(state, record), Account())


def test_a_site_of_ones_own_may_be_probed_and_no_other() -> None:
    assert allowed_address("192.0.2.7", 443, own="192.0.2.7") == "192.0.2.7"
    with pytest.raises(NotThere):
        allowed_address("192.0.2.8", 443, own="192.0.2.7")
