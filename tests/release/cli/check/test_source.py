"""What is read out of a project's files without running them."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.cli.check.choosing import choose
from release.cli.check.report import Report
from release.cli.check.source import Read, Source
from tests.release.build.projects import write


def source(directory: Path, files: dict[str, str]) -> Source:
    """A project with these files."""
    return Source(write(directory, files), "", frozenset(files))


def reads(directory: Path, text: str) -> list[tuple[str, bool]]:
    return [(read.name, read.required) for read in source(directory, {"settings.py": text}).reads("settings")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('import os\nA = os.environ["A"]', [("A", True)]),
        ('import os\nA = os.environ.get("A")\nB = os.getenv("B", "x")', [("A", False), ("B", False)]),
        ('import os\nif "A" in os.environ:\n    A = os.environ["A"]', [("A", False)]),
        ('import os\nos.environ["A"] = "set"', []),
        ('import os\ndef view():\n    return os.environ["A"]', [("A", True)]),
        ('import environ\nenv = environ.Env(D=(bool, False))\nD = env("D")\nA = env("A")', [("D", False), ("A", True)]),
        ('import environ\nenv = environ.Env()\nB = env.int("B", default=1)\nX = env.db()',
         [("B", False), ("DATABASE_URL", True)]),
        ('from decouple import config\nA = config("A")\nB = config("B", default="")', [("A", True), ("B", False)]),
        ('A = env("A")', []),
        ("this is not Python", []),
    ],
)  # fmt: skip
def test_variables_that_are_read(tmp_path: Path, text: str, wanted: list[tuple[str, bool]]) -> None:
    assert sorted(reads(tmp_path, text)) == sorted(wanted)


def test_only_what_runs_with_these_settings_counts(tmp_path: Path) -> None:
    line = 'import os\n{0} = os.environ["{0}"]\n'
    files = {
        "site/settings/base.py": line.format("BASE"),
        "site/settings/prod.py": f"from .base import *\n{line.format('PROD')}",
        "site/settings/dev.py": line.format("DEV"),
        "shop/tests/test_views.py": line.format("TEST"),
        "shop/views.py": line.format("SHOP"),
    }
    found = source(tmp_path, files)
    assert found.reads("site.settings.prod") == [
        Read("BASE", "site/settings/base.py:2", required=True),
        Read("PROD", "site/settings/prod.py:3", required=True),
        Read("SHOP", "shop/views.py:2", required=True),
    ]


def test_where_a_setting_gets_its_last_value(tmp_path: Path) -> None:
    package = "from .base import *\ntry:\n    from .local import *\nexcept ImportError:\n    B = 2\n"
    base = "A = 1\nB = 1\ndef f():\n    C = 1\n"
    found = source(tmp_path, {"site/settings/__init__.py": package, "site/settings/base.py": base})
    assert found.places("site.settings") == {"A": "site/settings/base.py:1", "B": "site/settings/__init__.py:5"}


def test_files_written_beside_the_code(tmp_path: Path) -> None:
    text = 'open(BASE_DIR / "log", "a")\nopen(BASE_DIR / "in")\nopen(path, "w")\n(BASE_DIR / "x").write_text("")\n'
    assert source(tmp_path, {"settings.py": text}).writes("settings") == ["settings.py:1", "settings.py:4"]


def test_the_settings_a_manage_py_names(tmp_path: Path) -> None:
    text = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "site.dev")\n'
    assert source(tmp_path, {"manage.py": text}).default_settings("manage.py") == "site.dev"


def test_classes_of_django_configurations_are_settings_too(tmp_path: Path) -> None:
    text = (
        "from configurations import Configuration\nclass Base(Configuration): ...\n"
        "class Production(Base): ...\nclass Mixin: ...\n"
    )
    found = source(tmp_path, {"shop/settings.py": text})
    assert found.configurations("shop.settings") == ["shop.settings:Base", "shop.settings:Production"]
    report = Report("shop")
    assert choose(report, found, known=["shop.settings"], asked=None) == "shop.settings:Production"
    assert report.lines[0].text.startswith("taken, it says production; others are shop.settings:Base")
