"""The pages say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def test_the_page_of_settings_is_what_pulumi_yaml_declares() -> None:
    page = subprocess.run(
        [sys.executable, "tools/settings-page"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert (REPOSITORY / "docs/settings.md").read_text() == page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_architecture_names_places_that_exist() -> None:
    text = (REPOSITORY / "docs/architecture.md").read_text()
    places = re.findall(r"`((?:components|release|rehearsal|cloud-init|tests)/[\w./-]+)`", text)
    assert places
    assert [place for place in places if not (REPOSITORY / place).exists()] == []


def test_every_verb_of_the_command_line_is_in_the_readme_or_the_guide() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "release.cli", "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    verbs = re.findall(r"^ +([a-z]+) STACK", help_text, re.MULTILINE)
    assert "promote" in verbs, help_text
    pages = "".join(page.read_text() for page in PAGES)
    assert [verb for verb in verbs if f"slipway {verb}" not in pages] == []
