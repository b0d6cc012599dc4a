"""What the certificate authority told Caddy, read out of Caddy's own log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.host.agent.authority import GAVE_UP, REFUSED, points, refusals, wait
from release.host.agent.machine import Done
from tests.release.host.bench import Recorded

SINCE = 1000.0


def told(host: str = "a.example", *, ts: float = 1001.5, error: str = "HTTP 400 dns - NXDOMAIN") -> list[str]:
    """Caddy's lines when two authorities have refused."""
    issuers = [{"issuer": "first", "error": error}, {"issuer": "second", "error": "also no"}]
    lines = [{"level": "error", "ts": ts, "msg": REFUSED, "identifier": host, **issuer} for issuer in issuers]
    gone = {"level": "error", "ts": ts, "msg": GAVE_UP, "error": f"[{host}] Obtain: [{host}] no", "attempt": 1}
    return [json.dumps(line) for line in [*lines, gone]]


def machine(tmp_path: Path, lines: list[str]) -> Recorded:
    return Recorded(tmp_path, answers={"journalctl": Done(0, "\n".join(lines))})


def test_the_first_authoritys_words_are_the_reason(tmp_path: Path) -> None:
    made = machine(tmp_path, ["not json", "[1]", *told()])
    assert refusals(made, since=SINCE) == {"a.example": "HTTP 400 dns - NXDOMAIN"}
    assert "--unit=caddy --since=@1000 --output=cat" in made.ran[0]


def test_what_was_refused_before_does_not_count(tmp_path: Path) -> None:
    assert refusals(machine(tmp_path, told(ts=999.9)), since=SINCE) == {}


def test_one_authoritys_refusal_is_not_the_end(tmp_path: Path) -> None:
    assert refusals(machine(tmp_path, told()[:1]), since=SINCE) == {}


@pytest.mark.parametrize(
    ("lacking", "lines", "refused", "seconds"),
    [
        ([], [], {}, 0),
        (["a.example"], told(), {"a.example": "HTTP 400 dns - NXDOMAIN"}, 0),
        (["a.example", "b.example"], told(), {"a.example": "HTTP 400 dns - NXDOMAIN"}, 10),
        (["b.example"], [], {}, 10),
    ],
)
def test_is_waited_for_until_there_is_an_answer(
    tmp_path: Path, lacking: list[str], lines: list[str], refused: dict[str, str], seconds: int
) -> None:
    made = machine(tmp_path, lines)
    assert wait(made, lacking=lambda: lacking, since=SINCE, limit=10) == refused
    assert made.clock == seconds


def test_a_certificate_ends_the_wait(tmp_path: Path) -> None:
    made = machine(tmp_path, [])
    assert wait(made, lacking=lambda: ["a"] if made.clock < 3 else [], since=SINCE, limit=10) == {}
    assert made.clock == 3


def test_whether_a_name_points_here() -> None:
    assert points("localhost", "127.0.0.1")
    assert not points("localhost", "192.0.2.1")
    assert not points("never.invalid", "127.0.0.1")
