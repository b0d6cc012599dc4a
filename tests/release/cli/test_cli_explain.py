"""`slipway explain STACK`: from the stack file and the project alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from rehearsal.paths import SHARED_CACHE
from release.cli.__main__ import main
from release.cli.explain import Asked, explained
from release.cli.explain_text import text_of
from release.cli.project import Project
from tests.release.build.projects import SETTINGS, WSGI, site

PYTHON = "{}.{}".format(*sys.version_info[:2])
FILE = """\
config:
  slipway:project: {project}
  settings: site1.settings
  hosts: [shop.example]
  media: public
  keep: [MEDIA_URL, LOGGING, SITE_ID]
  env: {{SHOP: corner}}
  secrets:
    TOKEN: {{secure: v1:abc}}
  workers: {{mail: sendmail --forever}}
  schedule: {{tidy: {{run: clearsessions, at: daily}}}}
{more}"""


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages are unpacked once for every run of the tests on this computer."""
    monkeypatch.setenv("SLIPWAY_CACHE", str(SHARED_CACHE / "tests/check"))


def project(tmp_path: Path, *, more: str = "", settings: str = SETTINGS) -> Path:
    place = site(tmp_path / "shop", settings=settings, wsgi=f"{WSGI}application = print and application\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: slipway\nstackConfigDir: stacks\n")
    (tmp_path / "stacks/Pulumi.staging.yaml").write_text(FILE.format(project=place, more=more))
    return tmp_path


def found(directory: Path) -> dict[str, Any]:
    return explained(Asked.read(Project(directory), "staging"), python=PYTHON)


@pytest.mark.whole
def test_every_override_has_its_kind_and_reason_and_no_value(tmp_path: Path) -> None:
    settings = (
        SETTINGS + "\nimport os\nTOKEN, SHOP = os.environ['TOKEN'], os.environ['SHOP']\nLOGGING = {'version': 1}\n"
    )
    directory = project(tmp_path, settings=settings)
    said = found(directory)
    laid = {each["name"]: (each["kind"], each["why"]) for each in said["overrides"]}
    assert laid["SECRET_KEY"] == ("secret", "made for this environment")
    assert laid["DATABASES"] == ("secret", "database of the stack")
    assert laid["STORAGES"] == ("secret", "media and static files of the stack")
    assert laid["DEBUG"] == ("true or false", "a site that is live")
    assert not {"MEDIA_URL", "LOGGING", "SITE_ID"} & set(laid)
    kept = {each["name"]: each["would_be_laid_over"] for each in said["kept"]}
    assert kept == {"LOGGING": False, "MEDIA_URL": False, "SITE_ID": False}
    assert said["interface"]["application"] == "site1.wsgi.application"
    text = text_of(said)
    assert "  SECRET_KEY               secret         made for this environment\n" in text
    assert "a bucket that everybody may read" in text
    assert "worker mail    sendmail --forever" in text
    for told in (text, json.dumps(said)):
        assert not [value for value in ("insecure", "slipway-placeholder", "corner", "v1:abc") if value in told]
    assert not (tmp_path / "stacks/staging.lock").exists()


@pytest.mark.whole
def test_with_overlay_off_what_is_yours_to_do(tmp_path: Path) -> None:
    text = text_of(found(project(tmp_path, more="  overlay: false\n  interface: asgi\n")))
    assert "overlay: false, the project's own settings run as they are\n  DATABASES: should come from" in text
    assert "interface      ASGI (as the stack file says): Django's own, gunicorn 27." in text


def test_what_cannot_be_explained_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = project(tmp_path)
    file = directory / "stacks/Pulumi.staging.yaml"
    file.write_text("config:\n  settings: site1.settings\n")
    assert main(["-C", str(directory), "explain", "staging"]) == 2
    file.write_text("config:\n  settings: site1.settings\n  project: elsewhere\n")
    assert main(["-C", str(directory), "explain", "staging"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("Pulumi.staging.yaml: project: is required to explain it (got none), name it there")
    assert "project: should be a directory with a manage.py (got " in second


def test_a_cache_gives_its_address_to_the_settings(tmp_path: Path) -> None:
    asked = Asked.read(Project(project(tmp_path, more="  cache: valkey\n")), "staging")
    assert asked.names == ("CELERY_BROKER_URL", "REDIS_URL", "SHOP", "TOKEN")
