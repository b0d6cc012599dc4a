"""The unpacked layers of an artifact, started as a server starts them."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import zstandard

from release.build import Artifact
from tests.release.build.conftest import Build
from tests.release.build.projects import SETTINGS, WSGI, site

pytestmark = pytest.mark.whole

Ask = Callable[..., list[Any]]
CLIENT = """
import io, json, os, sys
from slipway_wsgi import application
from django.conf import settings
answers = []
for path in sys.argv[1:]:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "example.org", "SERVER_PORT": "80"}
    environ |= {"wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http", "REMOTE_ADDR": ""}
    environ |= {"HTTP_HOST": "example.org", "SERVER_PROTOCOL": "HTTP/1.1"}
    environ |= {"HTTP_X_FORWARDED_FOR": os.environ.get("VISITOR", "192.0.2.7")}
    status = []
    body = b"".join(application(environ, lambda code, headers: status.append(int(code[:3]))))
    answers.append([status[0], body.decode()])
print(json.dumps([*answers, settings.SETTINGS_MODULE]))
"""
STATIC = """
import django
django.setup()
from django.templatetags.static import static
print(static("notes/notes.css"))
"""
VALUES = {
    "SLIPWAY_SITE": "shop",
    "SLIPWAY_ENVIRONMENT": "staging",
    "SLIPWAY_ARTIFACT": "sha256-1",
    "SLIPWAY_RELEASE": "1-2",
    "SLIPWAY_SETTINGS": "site1.settings",
    "SLIPWAY_HOSTS": "example.org",
    "SLIPWAY_MEDIA": '{"mode": "disk"}',
    "SECRET_KEY": "s" * 60,
    "DATABASE_URL": "postgres://u:p@127.0.0.1:1/x",
}


def environment(cache: Path, artifact: Artifact, place: Path, **values: str) -> dict[str, str]:
    for name in ("code", "static"):
        packed = (cache / "layers" / f"{artifact.manifest['layers'][name]}.tar.zst").read_bytes()
        with tarfile.open(fileobj=BytesIO(zstandard.ZstdDecompressor().decompress(packed))) as archive:
            archive.extraction_filter = lambda member, _: member  # our own archive; the argument is too new for 3.11.2
            archive.extractall(place)
    (known,) = [
        file
        for file in (cache / "packages").glob("*.json")
        if artifact.manifest["layers"]["dependencies"] in file.read_text()
    ]
    paths = [place / "overlay", known.with_suffix("") / "site-packages", place / "src"]
    (place / "env").write_text(json.dumps({**VALUES, "SLIPWAY_STATIC": str(place / "static"), **values}))
    return {"PYTHONPATH": os.pathsep.join(map(str, paths)), "CREDENTIALS_DIRECTORY": str(place)}


def python(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {**variables, "DJANGO_SETTINGS_MODULE": "slipway_settings", "PATH": os.defpath}
    return subprocess.run([sys.executable, *arguments], env=variables, capture_output=True, text=True, check=False)


@pytest.fixture
def ask(run: Build, cache: Path, tmp_path: Path) -> Ask:
    """Answers of a site to some paths, and what it wrote to stderr at the end."""

    def asked(project: Path, *paths: str, **values: str) -> list[Any]:
        variables = environment(cache, run(project), tmp_path / "slot", **values)
        done = python(variables, "-c", CLIENT, *paths)
        assert done.returncode == 0, done.stderr
        return [*json.loads(done.stdout), done.stderr]

    return asked


def test_it_says_what_runs_and_who_asks(ask: Ask, tmp_path: Path) -> None:
    release, home, module, _ = ask(site(tmp_path / "one"), "/_slipway/release", "/")
    assert [release[0], json.loads(release[1])] == [
        200,
        {"artifact": "sha256-1", "release": "1-2", "environment": "staging"},
    ]
    assert home == [200, "from 192.0.2.7"]
    assert module == "slipway_settings"


def test_it_is_not_ready_without_its_database(ask: Ask, tmp_path: Path) -> None:
    ready, _, stderr = ask(site(tmp_path / "one"), "/_slipway/ready", VISITOR="127.0.0.1")
    assert [ready[0], json.loads(ready[1])] == [503, {"ready": False, "reason": "database: OperationalError"}]
    assert "not ready: connection" in stderr


@pytest.mark.parametrize("visitor", ["192.0.2.7", "127.0.0.1, 192.0.2.7"])
def test_a_visitor_is_not_told_whether_it_is_ready(ask: Ask, tmp_path: Path, visitor: str) -> None:
    ready, _, stderr = ask(site(tmp_path / "one"), "/_slipway/ready", VISITOR=visitor)
    assert ready == [404, "{}"]
    assert "not ready" not in stderr


def test_it_is_ready_when_its_migrations_are_applied(run: Build, cache: Path, tmp_path: Path) -> None:
    database = f"DATABASES['default']['NAME'] = {str(tmp_path / 'db.sqlite3')!r}\n"
    artifact = run(site(tmp_path / "one", settings=SETTINGS + database))
    variables = environment(cache, artifact, tmp_path / "slot", SLIPWAY_KEEP="DATABASES", VISITOR="127.0.0.1")
    before = json.loads(python(variables, "-c", CLIENT, "/_slipway/ready").stdout)[0]
    assert before[0] == 503
    assert "migrations are not applied, the next is" in before[1]
    assert python(variables, "-m", "django", "migrate", "--verbosity=0").stderr == ""
    after = json.loads(python(variables, "-c", CLIENT, "/_slipway/ready").stdout)[0]
    assert after == [200, '{"ready": true, "reason": ""}']


def test_an_unhandled_exception_is_on_stderr_whatever_the_project_logs(ask: Ask, tmp_path: Path) -> None:
    quiet = "LOGGING = {'version': 1, 'disable_existing_loggers': True, 'loggers': {'django': {'level': 'ERROR'}}}\n"
    for name, settings in (("one", SETTINGS), ("two", SETTINGS + quiet)):
        broken, _, stderr = ask(site(tmp_path / name, settings=settings), "/broken")
        assert broken[0] == 500
        assert stderr.count("RuntimeError: broken on purpose") == 1


def test_a_wsgi_module_with_more_in_it_is_used_and_cannot_change_the_settings(ask: Ask, tmp_path: Path) -> None:
    assigned = WSGI.replace(".setdefault(", "[").replace(', "site1.settings")', '] = "site1.settings"')
    wrapped = (
        "inner = application\ndef application(environ, start):\n    return [*inner(environ, start), b' wrapped']\n"
    )
    home, module, _ = ask(site(tmp_path / "one", wsgi=assigned + wrapped), "/")
    assert home == [200, "from 192.0.2.7 wrapped"]
    assert module == "slipway_settings"


def test_static_names_are_hashed_and_the_report_is_a_command(run: Build, cache: Path, tmp_path: Path) -> None:
    variables = environment(cache, run(site(tmp_path / "one")), tmp_path / "slot")
    done = python(
        variables,
        "-c",
        STATIC,
    )
    name = done.stdout.strip()
    assert name.startswith("/static/notes/notes.")
    assert (tmp_path / "slot" / name.lstrip("/")).exists()
    report = python(variables, "-m", "slipway_settings").stdout.splitlines()
    assert "DATABASES: replaced (database of the stack)" in report
    assert "INSTALLED_APPS: with django.contrib.postgres (the database is Postgres)" in report
