"""What a build says when a project cannot become an artifact."""

import re
import shutil
from pathlib import Path

import pytest

from release.build import BuildError
from tests.release.build.conftest import Build
from tests.release.build.projects import SETTINGS, URLS, site, write

UNDECLARED = "env.STRIPE should be declared in the stack file (got none), add it under env or secrets"
NOWHERE = (
    "nowhere should be among the dependencies or in the project "
    "(got ModuleNotFoundError: No module named 'nowhere'), add it"
)
MODEL = """\
from django.db import models


class Note(models.Model):
    text = models.TextField(choices=1)
"""


def refused(run: Build, project: Path, **asked: object) -> str:
    with pytest.raises(BuildError) as caught:
        run(project, **asked)
    return str(caught.value).replace(str(project), "PROJECT")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import os; KEY = os.environ['STRIPE']", UNDECLARED),
        (
            "from django.core.exceptions import *\nraise ImproperlyConfigured('Set the STRIPE environment variable')",
            UNDECLARED,
        ),
        ("import nowhere", NOWHERE),
        ("1 / 0", "should import (got ZeroDivisionError: division by zero), correct it"),
        ("def (", "should import (got SyntaxError: invalid syntax (settings.py, line LINE)), correct it"),
        ("raise SystemExit(3)", "should import (got SystemExit: 3), correct it"),
    ],
)
def test_settings_that_do_not_import(run: Build, tmp_path: Path, line: str, message: str) -> None:
    project = site(tmp_path / "one", settings=f"{SETTINGS}{line}\n")
    where = len(SETTINGS.splitlines()) + len(line.splitlines())
    assert refused(run, project) == f"site1/settings.py:{where}: {message.replace('LINE', str(where))}"


def test_a_declared_name_gets_a_placeholder(run: Build, tmp_path: Path) -> None:
    lines = "import os\nKEY = os.environ['STRIPE']\nPORT = int(os.environ['SMTP_PORT'])\n"
    run(site(tmp_path / "one", settings=SETTINGS + lines), env=["STRIPE", "SMTP_PORT"])


def test_a_placeholder_that_does_not_fit_is_named(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one", settings=f"{SETTINGS}import os\nint(os.environ['WEIGHT'])\n")
    assert "settings should accept any value while building" in refused(run, project, env=["WEIGHT"])


def test_a_settings_module_that_is_not_there(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one")
    assert refused(run, project, settings="site1.setings") == (
        "settings: should name a module of the project (got 'site1.setings'), did you mean site1.settings?"
    )
    assert "did you mean site1.settings?" in refused(run, project, settings="site.settings")


def test_a_query_while_django_starts(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one", urls=f"from notes.models import Note\nALL = list(Note.objects.all())\n{URLS}")
    assert refused(run, project) == (
        "site1/urls.py:2: should not ask the database while Django starts (got OperationalError), "
        "move the query into the view or function that needs it"
    )


def test_a_static_file_that_is_missing(run: Build, tmp_path: Path) -> None:
    project = write(site(tmp_path / "one"), {"notes/static/notes/other.css": "a { background: url(gone.png); }"})
    assert refused(run, project) == (
        "notes/other.css: static files it refers to should exist (got no 'notes/gone.png'), "
        "add the file or drop the reference"
    )


def test_a_failing_check(run: Build, tmp_path: Path) -> None:
    project = write(site(tmp_path / "one"), {"notes/models.py": MODEL})
    assert "should pass Django's checks (got RuntimeError: fields.E" in refused(run, project)


def test_migrations_with_two_ends(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one")
    shutil.copy(project / "notes/migrations/0001_initial.py", project / "notes/migrations/0001_other.py")
    assert "migrations of notes have several ends: makemigrations --merge" in refused(run, project)


def test_a_wsgi_module_that_does_not_import(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one", wsgi="import wrapper\napplication = wrapper.wrap()\n")
    assert refused(run, project).startswith("site1/wsgi.py:1: wrapper should be among the dependencies")


def test_django_is_missing(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one", requirements="asgiref\n")
    message = refused(run, project, lock=tmp_path / "lock")
    assert re.fullmatch(r"requirements.txt: should name Django \(got \d+ packages without it\), add it", message)


def test_no_statement_of_dependencies(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one")
    (project / "requirements.txt").unlink()
    write(project, {"poetry.lock": ""})
    stands = "dependencies: should stand in uv.lock, requirements.txt or pyproject.toml"
    assert refused(run, project).startswith(f"{stands} (got poetry.lock)")


def test_no_manage_py_and_two(run: Build, tmp_path: Path) -> None:
    none = write(tmp_path / "none", {"a.py": ""})
    assert refused(run, none).startswith("PROJECT: should have one manage.py (got none)")
    two = write(tmp_path / "two", {"a/manage.py": "", "b/manage.py": ""})
    assert refused(run, two).startswith("PROJECT: should have one manage.py (got a/manage.py and b/manage.py)")


def test_a_python_the_servers_do_not_have(run: Build, tmp_path: Path) -> None:
    project = write(site(tmp_path / "one"), {"pyproject.toml": '[project]\nname = "x"\nrequires-python = ">=3.99"\n'})
    assert "pyproject.toml: requires-python should admit 3." in refused(run, project)


def test_requirements_that_contradict_each_other(run: Build, tmp_path: Path) -> None:
    project = site(tmp_path / "one", requirements="Django==5.2.1\nDjango==5.2.2\n")
    message = refused(run, project, lock=tmp_path / "lock")
    rule = "requirements.txt: its packages should resolve and install"
    assert message.startswith(f"{rule} (got: Because you require django==5.2.1 and django==5.2.2")


def test_a_project_that_is_no_directory(run: Build, tmp_path: Path) -> None:
    rule = "project: should be a directory with a manage.py"
    assert refused(run, tmp_path / "gone") == f"{rule} (got 'PROJECT'), correct the path"
