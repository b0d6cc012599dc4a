"""What can be wrong in a Django project: what a person reads, word for word; neither it nor lock nor cache changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pytest

from components import artifact
from release.build import build
from settings import Settings
from tests.bad_inputs import index
from tests.release.build.interpreters import entry
from tests.release.build.projects import FILES, SETTINGS, URLS, commit, listing, site, write
from tests.release.build.seed import PYTHON, surround

pytestmark = pytest.mark.whole

LAST = len(SETTINGS.splitlines()) + 1
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"
QUERY = "from notes.models import Note\nALL = list(Note.objects.all())\n"
READY = """\
from django.apps import AppConfig


class NotesConfig(AppConfig):
    name = "notes"

    def ready(self):
        from notes.models import Note
        Note.objects.count()
"""
PICTURES = """\
from django.db import models


class Note(models.Model):
    text = models.CharField()
    when = models.DateTimeField(auto_now=True, auto_now_add=True)
"""
PYPROJECT = '[project]\nname = "shop"\nversion = "1"\n'
ORDER = "uv.lock, pylock.toml, poetry.lock, Pipfile.lock, requirements.txt or pyproject.toml"
STALE_POETRY = '[metadata]\nlock-version = "2.1"\ncontent-hash = "0"\n'
STALE = 'version = 1\n[[package]]\nname = "shop"\nversion = "1"\nsource = { virtual = "." }\n'


class Bad(NamedTuple):
    """Files that differ from a good project's (None: taken away), what the stack file asks, and the words."""

    files: Mapping[str, str | None]
    words: str
    asked: Mapping[str, Any] = {}
    commit: bool = False


def settings(line: str) -> dict[str, str | None]:
    return {"site1/settings.py": f"{SETTINGS}{line}\n"}


def needs(*lines: str) -> dict[str, str | None]:
    return {"requirements.txt": "".join(f"{line}\n" for line in ("Django>=5.2,<5.3", *lines))}


FILE = "stacks/Pulumi.staging.yaml"
PROJECTS: Mapping[str, Bad] = {
    "no manage.py": Bad(
        {"manage.py": None},
        f"{FILE}: project: should have one manage.py (got none in PROJECT), name the directory that has it",
    ),
    "two manage.py": Bad(
        {"manage.py": None, "shop/manage.py": "", "blog/manage.py": ""},
        f"{FILE}: project: should have one manage.py (got blog/manage.py and shop/manage.py in PROJECT), "
        "name the directory of one of them",
    ),
    "uncommitted, in a protected stack": Bad(
        {},
        f"{FILE}: project: should be committed in a protected stack (got changes in notes/new.py and 1 more), "
        "commit or stash them",
        {"protect": True},
        commit=True,
    ),
    "a Git LFS pointer": Bad(
        {"notes/static/notes/big.png": POINTER},
        "notes/static/notes/big.png: should be the file itself (got a Git LFS pointer), run `git lfs pull`",
    ),
    "a broken repository": Bad(
        {".git": "gitdir: /nowhere\n"},
        "one: should be readable by git (got 'fatal: not a git repository: /nowhere'), repair the repository",
    ),
    "requires-python": Bad(
        {"pyproject.toml": f'{PYPROJECT}requires-python = "<3.9"\n'},
        f"pyproject.toml: requires-python should admit {PYTHON}, the servers' Python, or one that uv can fetch, 3.11 "
        f"or newer (got '<3.9'), run the project with {PYTHON} and say so there",
    ),
    ".python-version": Bad(
        {".python-version": "3.9.18\n"},
        f".python-version: should admit {PYTHON}, the servers' Python, or one that uv can fetch, 3.11 or newer "
        f"(got '3.9'), run the project with {PYTHON} and say so there",
    ),
    "no dependencies": Bad(
        {"requirements.txt": None},
        f"{FILE}: project: should state its dependencies in {ORDER} (got none), "
        "write one with pip freeze > requirements.txt",
    ),
    "poetry without its lock": Bad(
        {"requirements.txt": None, "pyproject.toml": '[tool.poetry.dependencies]\ndjango = "^5.2"\n'},
        f"{FILE}: project: should state its dependencies in {ORDER} "
        "(got Poetry's pyproject.toml without its lock), write it with poetry lock",
    ),
    "a stale poetry.lock": Bad(
        {"pyproject.toml": '[tool.poetry.dependencies]\ndjango = "^5.2"\n', "poetry.lock": STALE_POETRY},
        "poetry.lock: should be made from this very pyproject.toml (got an older one's), run `poetry lock`",
    ),
    "a stale Pipfile.lock": Bad(
        {"Pipfile": '[packages]\ndjango = "*"\n', "Pipfile.lock": '{"_meta": {"hash": {"sha256": "0"}}}'},
        "Pipfile.lock: should be made from this very Pipfile (got an older one's), run `pipenv lock`",
    ),
    "a package outside of the project": Bad(
        needs("-e ../shared"),
        "requirements.txt: a local package should lie inside the project (got '../shared'), publish it or move it in",
    ),
    "TOML": Bad(
        {"pyproject.toml": "[project\n"},
        "pyproject.toml: should be valid TOML (got Expected ']' at the end of a table declaration "
        "(at line 1, column 9)), correct it",
    ),
    "a stale uv.lock": Bad(
        {"pyproject.toml": f'{PYPROJECT}dependencies = ["pillow>=1"]\n', "uv.lock": STALE},
        "uv.lock: should be up to date with pyproject.toml (got no 'pillow>=1'), run `uv lock`",
    ),
    "no requirement": Bad(
        {"pyproject.toml": f'{PYPROJECT}dependencies = ["pillow 1"]\n', "uv.lock": STALE},
        "pyproject.toml: each dependency should be a requirement (got 'pillow 1': Expected semicolon (after name with "
        "no version specifier) or end), correct it",
    ),
    "UTF-16": Bad(
        {"requirements.txt": "UTF-16"},
        "requirements.txt: should be UTF-8 text (got UTF-16), save it as UTF-8",
    ),
    "a file that is not included": Bad(
        needs("-r base.txt"),
        "requirements.txt: the files it includes should exist (got no 'base.txt'), add it or its lines",
    ),
    "no Django": Bad(
        {"requirements.txt": "asgiref==3.9.1\n"},
        "requirements.txt: should name Django (got 1 packages without it), add it",
    ),
    "an old Django": Bad(
        {"requirements.txt": "Django==3.2.25\n"},
        f"requirements.txt: should have Django 4.2 or newer, older ones do not run on Python {PYTHON} (got 3.2.25), "
        "upgrade it",
    ),
    "versions that contradict": Bad(
        needs("Django==5.2.1", "Django==5.2.2"),
        "requirements.txt: its packages should resolve and install (got: Because you require "
        "django==5.2.1 and django==5.2.2, we can conclude that your requirements are unsatisfiable.), "
        "change the one named",
    ),
    "a wheel for another system": Bad(
        needs("forwindows"),
        "requirements.txt: forwindows==1.0 should have a wheel for the servers (got wheels for others only), "
        "name a version or package that has one",
    ),
    "a source package that needs a compiler": Bad(
        needs("needscc"),
        "requirements.txt: needscc==1.0 should have a wheel for the servers (got a source package that does not build "
        "here: RuntimeError: command 'x86_64-linux-gnu-gcc' failed: No such file or directory), "
        "name a package with wheels",
    ),
    "a settings module that is not there": Bad(
        {},
        f"{FILE}: settings: should name a module of the project (got 'site1.setings'), did you mean site1.settings?",
        {"settings": "site1.setings"},
    ),
    "an undeclared variable": Bad(
        settings("import os; KEY = os.environ['STRIPE']"),
        f"site1/settings.py:{LAST}: env.STRIPE should be declared in the stack file (got none), "
        "add it under env or secrets",
    ),
    "the address of a cache that is not asked for": Bad(
        settings("import os; CACHE = os.environ['REDIS_URL']"),
        f"site1/settings.py:{LAST}: env.REDIS_URL should be declared in the stack file (got none), "
        "add it under env or secrets, or let cache: valkey make one",
    ),
    "an undeclared variable of a library's": Bad(
        settings("import django.core.exceptions as e; raise e.ImproperlyConfigured('Set the STRIPE env variable')"),
        f"site1/settings.py:{LAST}: env.STRIPE should be declared in the stack file (got none), "
        "add it under env or secrets",
    ),
    "a variable no placeholder fits": Bad(
        settings("import os; int(os.environ['WEIGHT'])"),
        f"site1/settings.py:{LAST}: settings should accept any value while building (got ValueError: invalid literal "
        "for int() with base 10: 'slipway-placeholder'), give another default when SLIPWAY_BUILD is set",
        {"env": {"WEIGHT": "5"}},
    ),
    "a .env that stays at home": Bad(
        settings("KEY = open(BASE_DIR / '.env').read()") | {".env": "A=1"},
        f"site1/settings.py:{LAST}: should start without .env, which never leaves this computer "
        "(got FileNotFoundError), put its values under env and secrets",
    ),
    "a package that is not stated": Bad(
        settings("import stripe"),
        f"site1/settings.py:{LAST}: stripe should be among the dependencies or in the project "
        "(got ModuleNotFoundError: No module named 'stripe'), add it",
    ),
    "an app that is not there": Bad(
        settings("INSTALLED_APPS += ['shop']"),
        "site1.settings: shop should be among the dependencies or in the project "
        "(got ModuleNotFoundError: No module named 'shop'), add it",
    ),
    "a mistake in the settings": Bad(
        settings("def ("),
        f"site1/settings.py:{LAST}: should import (got SyntaxError: invalid syntax (settings.py, line "
        f"{LAST})), correct it",
    ),
    "settings that end the program": Bad(
        settings("raise SystemExit(3)"), f"site1/settings.py:{LAST}: should import (got SystemExit: 3), correct it"
    ),
    "a query at import": Bad(
        {"site1/urls.py": f"{QUERY}{URLS}"},
        "site1/urls.py:2: should not ask the database while Django starts (got OperationalError), "
        "move the query into the view or function that needs it",
    ),
    "a query when an app is ready": Bad(
        settings("INSTALLED_APPS[-1] = 'notes.apps.NotesConfig'") | {"notes/apps.py": READY},
        "notes/apps.py:9: should not ask the database while Django starts (got OperationalError), "
        "move the query into the view or function that needs it",
    ),
    "a failing check": Bad(
        {"notes/models.py": PICTURES},
        "site1.settings: should pass Django's checks (got fields.E160 notes.Note.when The options auto_now, "
        "auto_now_add, and default are mutually exclusive. Only one of these options may be present.), correct it",
    ),
    "migrations with two ends": Bad(
        {"notes/migrations/0001_other.py": "copy of 0001_initial.py"},
        "site1.settings: migrations should have one end for each app (got several for notes), "
        "run makemigrations --merge",
    ),
    "a wsgi module without application": Bad(
        {"site1/wsgi.py": "app = 1\n"},
        "site1.settings: WSGI_APPLICATION should import (got AttributeError: module 'site1.wsgi' has no attribute "
        "'application'), correct it",
    ),
    "a build command that fails": Bad(
        {},
        f"{FILE}: build[1]: 'echo no such tool; exit 127' should succeed in the project's directory (got exit code 127 "
        "after 0 s), correct it or what it runs. It said last:\n    no such tool",
        {"build": ["true", "echo no such tool; exit 127"]},
    ),
    "a static file that is missing": Bad(
        {"notes/static/notes/other.css": "a { background: url(gone.png); }"},
        "notes/other.css: static files it refers to should exist (got no 'notes/gone.png'), "
        "add the file or drop the reference",
    ),
}

Choose = Callable[[Path, Mapping[str, Any]], artifact.Chosen]


@pytest.fixture
def stacks(builds: Path, tmp_path: Path) -> Path:
    """The directory of the stack files, with the lock of an earlier good build."""
    (tmp_path / "stacks").mkdir()
    shutil.copy(builds / "stacks/test.lock", tmp_path / "stacks/staging.lock")
    return tmp_path / "stacks"


@pytest.fixture
def choose(stacks: Path, monkeypatch: pytest.MonkeyPatch) -> Choose:
    """The choice the program makes, with this interpreter as the servers'."""
    monkeypatch.setattr(artifact, "build", partial(build, python=PYTHON))
    asked = {"region": "fra1", "settings": "site1.settings"}

    def chosen(project: Path, more: Mapping[str, Any]) -> artifact.Chosen:
        given = Settings.parse("staging", {**asked, "project": str(project), **more})
        return artifact.choose(given, lock=stacks / "staging.lock")

    return chosen


@pytest.fixture(autouse=True)
def _packages(builds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surround(monkeypatch, cache=builds / "cache")
    links = builds / "links"
    if not links.exists():
        links.mkdir()
        index.for_windows(links, "forwindows")
        index.in_need_of_a_compiler(links, "needscc")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))


def written(directory: Path, bad: Bad) -> Path:
    """The good project with the bad files."""
    project = site(directory)
    for path, content in bad.files.items():
        (project / path).unlink(missing_ok=True)
        if content == "UTF-16":
            (project / path).write_bytes((project / "manage.py").read_text().encode("utf-16"))
        elif content is not None:
            write(project, {path: content})
    if "notes/migrations/0001_other.py" in bad.files:
        shutil.copy(project / "notes/migrations/0001_initial.py", project / "notes/migrations/0001_other.py")
    if bad.commit:
        write(commit(project), {"notes/new.py": "", "notes/newer.py": ""})
    return project


def state(builds: Path, stacks: Path, project: Path) -> list[Any]:
    """All that a build may change when it succeeds; the packages it has unpacked are no part of that."""
    kinds = [builds / "cache" / kind for kind in ("index", "manifests", "work")]
    return [listing(place) for place in (project, stacks, *kinds)]


@pytest.mark.parametrize("bad", PROJECTS.values(), ids=PROJECTS)
def test_a_project(bad: Bad, choose: Choose, stacks: Path, builds: Path, tmp_path: Path) -> None:
    project = written(tmp_path / "one", bad)
    before = state(builds, stacks, project)
    with pytest.raises(pulumi.RunError) as caught:
        choose(project, bad.asked)
    assert str(caught.value).replace(str(project), "PROJECT") == bad.words
    assert state(builds, stacks, project) == before


def test_a_lock_in_the_middle_of_a_merge(choose: Choose, stacks: Path, builds: Path, tmp_path: Path) -> None:
    lock, project = stacks / "staging.lock", site(tmp_path / "one")
    lock.write_text(f"<<<<<<< HEAD\n{lock.read_text()}=======\nDjango==5.2.1\n>>>>>>> other\n")
    before = state(builds, stacks, project)
    with pytest.raises(pulumi.RunError) as caught:
        choose(project, {})
    assert str(caught.value) == (
        "staging.lock: should be a list of requirements, as slipway wrote it (got Expected package name at the start "
        "of dependency specifier), take one side of the merge or delete it"
    )
    assert state(builds, stacks, project) == before


def test_a_python_that_is_out_of_reach(
    choose: Choose, stacks: Path, builds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, facts = entry("3.12.1", "linux", "gnu", "")
    (tmp_path / "downloads.json").write_text(json.dumps({key: {**facts, "url": (tmp_path / "gone").as_uri()}}))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", (tmp_path / "downloads.json").as_uri())
    project = write(site(tmp_path / "one"), {".python-version": "3.12\n"})
    before = state(builds, stacks, project)
    with pytest.raises(pulumi.RunError) as caught:
        choose(project, {})
    first, _, rest = str(caught.value).partition(" (got: ")
    assert first == ".python-version: Python 3.12.1, which goes with the site, should be within uv's reach"
    assert rest.endswith("), go online, set UV_PYTHON_INSTALL_MIRROR, or let the project run on the servers' own")
    assert state(builds, stacks, project) == before


def test_a_path_without_anything(choose: Choose, tmp_path: Path) -> None:
    rule = f"{FILE}: project: should be a directory with a manage.py"
    with pytest.raises(pulumi.RunError) as caught:
        choose(tmp_path / "gone", {})
    assert str(caught.value) == f"{rule} (got '{tmp_path}/gone'), correct the path"
    with pytest.raises(pulumi.RunError) as caught:
        choose(site(tmp_path / "one") / "manage.py", {})
    assert str(caught.value) == f"{rule} (got the file '{tmp_path}/one/manage.py'), write its directory"


def test_what_a_good_project_changes_is_seen(choose: Choose, stacks: Path, builds: Path, tmp_path: Path) -> None:
    """The planted counterexample: a build that succeeds is noticed by what every case above looks at."""
    project = site(tmp_path / "one", requirements=f"# changed\n{FILES['requirements.txt']}", urls=f"# too\n{URLS}")
    before = state(builds, stacks, project)
    assert choose(project, {}).id
    after = state(builds, stacks, project)
    assert [seen == was for seen, was in zip(after, before, strict=True)] == [True, False, False, False, True]
