"""Migrations that would break the release that serves, and the way back over them, on a real machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.cut_off import cut_off, tried
from tests.rehearsal.stage import Done, Stage

pytestmark = pytest.mark.rehearsal

URL = "https://staging.example.org"
UP = "--yes --skip-preview --non-interactive --color never"
MODELS = "pictures/models.py"
TEMPLATE = "pictures/templates/pictures/base.html"
COUNT = "    pictures = models.PositiveIntegerField()\n"
NOTE = f"{COUNT}    note = models.TextField(null=True)\n"
KIND = f'{COUNT}    kind = models.CharField(max_length=20, default="")\n'
MIGRATION = """import time

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pictures", "{after}")]
    operations = [{operation}]
"""
ADD = 'migrations.AddField("tally", "note", models.TextField(null=True))'
DROP = 'migrations.RemoveField("tally", "note")'
FILL = (
    'migrations.AddField("tally", "kind", models.CharField(max_length=20, default="")), '
    "migrations.RunPython(lambda apps, editor: time.sleep(3))"
)


@pytest.fixture(scope="module")
def guarded(site: Stage) -> Iterator[Stage]:
    """The story's staging, protected for a while."""
    site.type("pulumi config set protect true -s staging")
    site.up("staging")
    yield site
    site.type("pulumi config set protect false -s staging && pulumi config rm accept-migration -s staging")
    site.up("staging")


def migrate(site: Stage, name: str, *, after: str, operation: str) -> None:
    site.write(f"pictures/migrations/{name}.py", MIGRATION.format(after=after, operation=operation))


def kept(site: Stage) -> dict[str, dict[str, Any]]:
    found = json.loads(site.type("slipway releases staging --json").stdout)["releases"]
    return {each["release"]: each for each in found}


def release(site: Stage) -> str:
    return str(site.live(URL)["release"])


def applied(site: Stage) -> str:
    return site.type("slipway manage staging showmigrations pictures").stdout


def test_a_column_that_may_be_null_only_adds(guarded: Stage) -> None:
    guarded.edit(MODELS, COUNT, NOTE)
    migrate(guarded, "0002_note", after="0001_initial", operation=ADD)
    before = release(guarded)
    assert "migrations:" not in guarded.up("staging").stdout
    assert kept(guarded)[before]["back"] == "yes"


def test_dropping_it_is_refused_while_a_release_uses_it(guarded: Stage) -> None:
    before = release(guarded)
    guarded.edit(MODELS, NOTE, COUNT)
    migrate(guarded, "0003_no_note", after="0002_note", operation=DROP)
    refused = guarded.up("staging", check=False)
    assert refused.returncode != 0
    said = " ".join(refused.stdout.split())
    assert "got pictures.0003_no_note drops the column pictures_tally.note" in said, said
    assert "accept-migration: [pictures.0003]" in said
    assert "slipway up staging --maintenance" in said
    assert release(guarded) == before
    assert "[ ] 0003" not in applied(guarded)  # the release that serves does not even know of it


def test_accepted_it_runs_and_the_way_back_is_closed(guarded: Stage) -> None:
    before = release(guarded)
    guarded.type("pulumi config set --path 'accept-migration[0]' pictures.0003 -s staging")
    assert "breaks the release that serves, accepted" in " ".join(guarded.up("staging").stdout.split())
    assert release(guarded) != before
    assert "[X] 0003_no_note" in applied(guarded)
    previous = kept(guarded)[before]
    assert (previous["state"], previous["back"]) == ("previous", "no")
    assert previous["because"] == "pictures.0003_no_note drops the column pictures_tally.note"
    serving = release(guarded)
    refused = guarded.type("slipway rollback staging --yes", check=False)
    assert refused.returncode == 2
    assert "cannot serve from the database as it is now: pictures.0003_no_note" in refused.stderr
    assert release(guarded) == serving


def test_a_pin_by_hand_past_it_is_refused_by_the_machine(guarded: Stage) -> None:
    serving = release(guarded)
    old = next(each for each in kept(guarded).values() if each["back"] == "no")
    guarded.type(f"pulumi config set artifact {old['artifact']} -s staging")
    refused = guarded.up("staging", check=False)
    guarded.type("pulumi config rm artifact -s staging")
    assert "which is ahead of this release by pictures.0003_no_note" in " ".join(refused.stdout.split())
    assert journal(guarded, "preflight")[-1]["recalled"], "the database alone was asked"
    assert release(guarded) == serving


def test_a_rollback_moves_nothing_and_stays(guarded: Stage) -> None:
    back = release(guarded)
    guarded.edit(TEMPLATE, "</footer>", "<!-- a release too many --></footer>")
    guarded.up("staging")
    newest = release(guarded)
    rolled = guarded.type("slipway rollback staging --yes")
    assert release(guarded) == back
    assert "a release too many" not in guarded.page(URL)
    assert journal(guarded, "fetch")[-1]["layers"] == 0
    assert journal(guarded, "preflight")[-1]["recalled"]
    print(f"a release: {spent(guarded, newest):.2f} s on the server, the rollback: {spent(guarded, back):.2f} s")
    assert f"pin-reason: rolled back from {newest} to {back}" in rolled.stdout
    again = guarded.up("staging")
    assert f"rolled back from {newest} to {back}" in " ".join(again.stdout.split())
    assert release(guarded) == back
    guarded.type("slipway unpin staging")
    guarded.up("staging")
    assert release(guarded) == newest


def test_in_a_maintenance_window_visitors_are_told_to_come_back(guarded: Stage, tmp_path: Path) -> None:
    guarded.edit(MODELS, COUNT, KIND)
    migrate(guarded, "0004_kind", after="0003_no_note", operation=FILL)
    assert guarded.up("staging", check=False).returncode != 0
    seen = tmp_path / "seen"
    ask = f'curl -s -o /dev/null -w "%{{http_code}} %header{{retry-after}}\\n" {URL}/'
    asking = guarded.start(f"inside sh -c 'for try in $(seq 3000); do {ask} >>{seen}; sleep 0.1; done'")
    try:
        done: Done = guarded.type(f"slipway up staging --maintenance {UP}")
    finally:
        asking.terminate()
        asking.communicate(timeout=30)
    answers = seen.read_text().splitlines()
    assert {"200", "503 10"} <= {each.strip() for each in answers}, set(answers)
    assert {each.split()[0] for each in answers} == {"200", "503"}, set(answers)
    assert answers[-1].startswith("200")
    assert "in a maintenance window" in " ".join(done.stdout.split())
    assert "[X] 0004_kind" in applied(guarded)


def test_a_promotion_builds_nothing_and_asks_no_index(guarded: Stage, tmp_path: Path) -> None:
    """An empty cache and no way out of the clouds: all that production runs came out of staging's release bucket."""
    guarded.type("inside .venv/bin/python -m rehearsal.story --prepare production")
    with cut_off(guarded):
        build = f"SLIPWAY_CACHE={tmp_path}/control slipway build staging"
        assert guarded.type(build, check=False).returncode != 0, "the control: a build from nothing asks an index"
        assert tried(guarded)
        guarded.type("slipway promote staging production")
        # Production may serve a release that some of the migrations would break.
        guarded.type(f"SLIPWAY_CACHE={tmp_path}/cache slipway up production --maintenance {UP}")
    proven = guarded.live(URL)["artifact"]
    assert guarded.live("https://example.org")["artifact"] == proven == guarded.outputs("production")["artifact"]
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.parent.name in ("packages", "work", "layers")]


def journal(site: Stage, event: str) -> list[dict[str, Any]]:
    said = site.root("cat /var/lib/slipway-agent/*/journal.jsonl").splitlines()
    return [entry for entry in map(json.loads, said) if entry["event"] == event]


def spent(site: Stage, release: str) -> float:
    """Seconds on the server of a release's newest run, from its first step to its commit."""
    entries = [each for each in journal(site, "end") if each["release"] == release]
    last = max(n for n, each in enumerate(entries) if each["step"] == "fetch")
    return float(sum(each["seconds"] for each in entries[last:] if each["step"] != "drain"))
