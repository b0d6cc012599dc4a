"""Every way a release can be bad: one clear error with its way out, the old release serving, no trace left of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.bad.planting import put_back
from tests.rehearsal.bad.project import DATABASE, DEPENDENCIES, HEALTH, PROJECT
from tests.rehearsal.bad.surroundings import ARTIFACT, MACHINE, PROMOTION
from tests.rehearsal.stage import Done, Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

BAD = {**DEPENDENCIES, **PROJECT, **HEALTH, **DATABASE, **MACHINE, **ARTIFACT, **PROMOTION}
URL = "https://staging.example.org"
# What the engine itself says around an error of the program or of a Command.
ENGINE = re.compile(r"update failed|an unhandled error occurred: program exited|exit status 1: running ")
JOURNAL = "journal of "  # from here on the site speaks, tracebacks and all


@pytest.fixture(scope="module")
def site(stage: Stage) -> Iterator[Stage]:
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {stage.gallery}")
    stage.up("staging")
    yield stage
    stage.type("pulumi destroy --yes --skip-preview --non-interactive -s staging")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_release_is_refused_and_the_old_one_serves(site: Stage, name: str, tmp_path: Path) -> None:
    bad = BAD[name]
    first = site.live(URL)
    with put_back(site, tmp_path):
        undo = bad.plant(site)
        try:
            before, page = site.live(URL), site.page(URL)
            done = site.type(bad.typed.format(scratch=tmp_path), check=False)
            serving, shown = site.live(URL), site.page(URL)
        finally:
            undo()
    assert done.returncode != 0
    told = causes(done)
    print(f"\nBAD {name}: {told}")
    assert len(told) == 1, told
    assert re.match(bad.error, told[0]), told[0]
    assert bad.way_out in " ".join(text(done).split())
    assert "Traceback" not in text(done).partition(JOURNAL)[0]
    if told[0].startswith("web-1: "):
        old = f"the old release {before['release']} still serves"
        assert re.search(f"web-1: ({old}|was not changed; what it ran before still serves)", text(done)), text(done)
    assert serving == before
    assert plain(shown) == plain(page)
    if bad.beyond or before != first:  # it takes releases to get there
        site.up("staging")
    again = site.up("staging")
    assert "unchanged" in again.stdout
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", again.stdout), again.stdout
    assert site.live(URL) == first


def test_a_second_error_would_be_seen() -> None:
    """Planted: what the engine adds is no error of ours, a second one of ours is one too many."""
    said = "Diagnostics:\n    error: a: b, c\n    error: update failed\n    error: d: e, f\n"
    assert causes(Done([], 1, said, "")) == ["a: b, c", "d: e, f"]


def text(done: Done) -> str:
    """What a person reads; of the engine's progress above its Diagnostics everything is said again below."""
    return done.stdout.partition("\nDiagnostics:\n")[2] + done.stderr if "Diagnostics:" in done.stdout else _both(done)


def causes(done: Done) -> list[str]:
    """The errors, each without what the engine and the driver's verb put before it."""
    if "error: " not in _both(done):
        return done.stderr.splitlines()  # slipway's own commands say their one line and nothing else
    lines = [line.strip() for line in _both(done).splitlines()]
    own = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    of_commands = [line.removeprefix("release: ") for line in lines if re.match(r"release: (?!sha256-\w+ \()", line)]
    return [*of_commands, *(each for each in own if not ENGINE.match(each))]


def _both(done: Done) -> str:
    return done.stdout.partition("Diagnostics:\n")[2] or done.stdout + done.stderr


def plain(page: str) -> str:
    """A page without what is another in every answer."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)
