"""The example project is a good one: tested, pinned, self-contained, safe without configuration."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.examples.conftest import GALLERY, Manage

pytestmark = pytest.mark.whole

HASHED = """
from gallery.settings import *

STATIC_ROOT = BASE_DIR / "static-root"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
"""


def test_its_own_tests_pass(manage: Manage) -> None:
    done = manage("test")
    assert done.returncode == 0, done.stderr


def test_its_migrations_are_complete(manage: Manage) -> None:
    done = manage("makemigrations", "--check", "--dry-run")
    assert (done.returncode, done.stdout) == (0, "No changes detected\n")


def test_its_static_files_can_be_hashed(manage: Manage, gallery: Path) -> None:
    (gallery / "hashed.py").write_text(HASHED)
    done = manage("collectstatic", "--noinput", settings="hashed")
    assert done.returncode == 0, done.stderr
    static = gallery / "static-root"
    paths = json.loads((static / "staticfiles.json").read_text())["paths"]
    sheet = (static / paths["pictures/gallery.css"]).read_text()
    assert f'url("{Path(paths["pictures/waves.svg"]).name}")' in sheet


def test_it_is_safe_without_configuration(manage: Manage) -> None:
    shown = "from django.conf import settings as s; print(s.DEBUG, len(s.SECRET_KEY), s.ALLOWED_HOSTS)"
    assert manage("shell", "--no-imports", "-c", shown).stdout == "False 50 []\n"


@pytest.mark.parametrize(("given", "debug"), [("1", True), ("true", True), ("0", False), ("", False), ("no", False)])
def test_it_is_configured_by_the_environment(manage: Manage, given: str, debug: bool) -> None:
    shown = "from django.conf import settings as s; print(s.DEBUG, s.SECRET_KEY)"
    assert manage("shell", "--no-imports", "-c", shown, DEBUG=given, SECRET_KEY="mine").stdout == f"{debug} mine\n"


def test_every_requirement_is_pinned_by_hash_and_names_no_index() -> None:
    text = (GALLERY / "requirements.txt").read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
    assert [entry for entry in entries if not re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:", entry, re.DOTALL)] == []
    assert not re.search(r"https?:|--(extra-)?index|--find-links", text)


def test_the_lock_has_what_the_project_asks_for() -> None:
    names = {
        file: set(re.findall(r"^[a-z]+", (GALLERY / file).read_text(), re.MULTILINE))
        for file in ("requirements.in", "requirements.txt")
    }
    assert names["requirements.in"] <= names["requirements.txt"]


def test_its_pages_load_nothing_from_elsewhere() -> None:
    files = [file for kind in ("html", "css", "js", "svg") for file in GALLERY.rglob(f"*.{kind}")]
    assert len(files) >= 7
    addresses = [
        (file.name, found) for file in files for found in re.findall(r"(?:https?:)?//[\w.-]+\.\w+\S*", file.read_text())
    ]
    assert {found for _, found in addresses} <= {'http://www.w3.org/2000/svg"'}


def test_the_edition_is_there_to_be_changed() -> None:
    assert "Edition 1" in (GALLERY / "pictures/templates/pictures/base.html").read_text()
