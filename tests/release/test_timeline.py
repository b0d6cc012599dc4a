"""The picture of a release: well formed, to scale, and with what was decided and seen in words."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from release.timeline import LEFT, SPAN, WIDTH, svg

NAMED = {"s": "http://www.w3.org/2000/svg"}


def step(name: str, start: float, seconds: float) -> dict[str, Any]:
    return {"name": name, "start": start, "seconds": seconds}


def server(**changes: Any) -> dict[str, Any]:
    seen = {"seconds": 5.1, "seen": 254, "failed": 0, "p50": 11.2, "p99": 48.0}
    return {
        "offset": 0.4, "slot": "green", "before": "abababababab-01234567", "bytes": 48213, "migrated": ["shop.0007"],
        "steps": [step("fetch", 0.1, 0.3), step("preflight", 0.4, 1.1), step("migrate", 1.5, 0.6),
                  step("start", 2.1, 0.1), step("gate", 2.2, 1.2), step("flip", 3.4, 0.05), step("drain", 3.9, 1.2)],
        "marks": {"release": 0.0, "flipped": 3.45, "committed": 3.8},
        "requests": {"inside": seen, "outside": {**seen, "seconds": 300.0, "seen": 14980, "p99": 31.5}, "whole": True},
        **changes,
    }  # fmt: skip


def record(**changes: Any) -> dict[str, Any]:
    return {
        "format": 1, "site": "shop", "environment": "staging", "release": "cdcdcdcdcdcd-89abcdef",
        "artifact": "sha256-" + "cd" * 32, "begun": "2026-11-21T20:15:00.000+00:00", "seconds": 5.9,
        "decided": "released",
        "steps": [step("upload", 0.0, 0.2), step("confirm", 3.9, 0.1), step("commit", 4.1, 0.1)],
        "servers": {"web-1": server()},
        **changes,
    }  # fmt: skip


def bars(made: str) -> list[dict[str, str]]:
    return [each.attrib for each in ET.fromstring(made).findall("s:rect", NAMED) if "class" in each.attrib]


def words(made: str) -> str:
    return "\n".join(each.text or "" for each in ET.fromstring(made).findall("s:text", NAMED))


def test_every_step_is_a_bar_on_one_clock() -> None:
    found = bars(svg(record()))
    assert len(found) == 3 + 7
    per_second = SPAN / 5.5  # the end of the last step
    gate = found[3 + 4]
    assert float(gate["x"]) == pytest.approx(LEFT + (0.4 + 2.2) * per_second, abs=0.1)
    assert float(gate["width"]) == pytest.approx(1.2 * per_second, abs=0.1)
    assert [each["class"] for each in found[3:]] == [*["before"] * 5, "flip", "after"]
    assert all(float(each["x"]) + float(each["width"]) <= WIDTH for each in found)


def test_words_say_what_was_decided_and_seen() -> None:
    told = words(svg(record()))
    assert "shop staging: cdcdcdcdcdcd-89abcdef" in told
    assert "48,213 bytes fetched; shop.0007" in told
    assert "visitors during it (5 s): 254 requests, 0 failed, p50 11.2 ms, p99 48.0 ms" in told
    assert "visitors before it (300 s): 14980 requests" in told


def test_a_failed_one_is_red_and_harmless_to_a_browser() -> None:
    failed = server(marks={"failed": 2.4}, steps=[step("gate", 1.0, 1.4)])
    made = svg(record(decided='failed: <script>"&', servers={"web-1": failed}))
    assert 'class="bad"' in made
    assert "<script>" not in made
    assert 'failed: <script>"&' in words(made)
    assert [each["class"] for each in bars(made)][3:] == ["before"]


@pytest.mark.parametrize("servers", [{}, {"web-1": server(steps=[], requests={})}])
def test_what_is_hardly_begun_is_a_picture_too(servers: dict[str, Any]) -> None:
    assert ET.fromstring(svg(record(steps=[], servers=servers))).tag.endswith("svg")


def test_two_servers_have_a_lane_each() -> None:
    told = words(svg(record(servers={"web-1": server(), "web-2": server(slot="blue")})))
    assert told.count("flip") >= 2
    assert "web-2: slot blue" in told
