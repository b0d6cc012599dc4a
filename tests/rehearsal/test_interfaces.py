"""A site that is served as ASGI, with web sockets through Caddy, and a site that runs with its own settings alone."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.stage import Stage, copy_of_gallery, end_prober, wait_until

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

STACK, HOST = "talk", "talk.example.org"
URL = f"https://{HOST}"
PREPARE = f"""
import sys
from rehearsal import paths, shadow
from rehearsal.prepare import prepare_stack
config = {{"cloud": "digitalocean", "region": "fra1", "domain": "example.org", "hosts": ["{HOST}"],
          "project": sys.argv[1], "settings": "gallery.settings", "database": "sqlite", "web-processes": 2}}
shadow.add_stack(shadow=paths.SHADOW, stack="{STACK}", config=config)
prepare_stack("{STACK}")
"""
ASGI = """
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "gallery.settings"  # set hard, as some write it

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        scheme, client = self.scope["scheme"], self.scope["client"][0]
        assert scheme == "wss" and client, (scheme, client)
        await self.send(text_data=f"{text_data} {os.environ['SLIPWAY_RELEASE']}")


sockets = URLRouter([path("ws", Echo.as_asgi())])
application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": sockets})
"""
CHANNELS = """
INSTALLED_APPS += ["channels"]
ASGI_APPLICATION = "gallery.asgi.application"
"""
OWN = """
import os

from gallery.settings import *

DEBUG = os.environ["DEBUG"] == "1"
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ["ALLOWED_HOSTS"].split(",")
DATABASES["default"]["NAME"] = os.environ["DATABASE_URL"].removeprefix("sqlite:///")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "collected"
STORAGES = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": os.environ["AWS_STORAGE_BUCKET_NAME"],
            "endpoint_url": os.environ["AWS_S3_ENDPOINT_URL"],
            "region_name": "us-east-1",
            "signature_version": "s3v4",
            "addressing_style": "virtual",
        },
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
"""
LOOK = """
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
name = default_storage.save("proof.txt", ContentFile(b"kept"))
stored = default_storage.open(name).read() == b"kept"
print(settings.SETTINGS_MODULE, settings.SECURE_PROXY_SSL_HEADER, "stored", stored)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example project with a channel, packages as a person would name them."""
    directory = copy_of_gallery(tmp_path_factory.mktemp("talk") / "gallery")
    (directory / "requirements.txt").write_text("Django>=5.2,<5.3\npillow>=11\nchannels>=4\n")
    (directory / "gallery/asgi.py").write_text(ASGI)
    settings = directory / "gallery/settings.py"
    settings.write_text(settings.read_text() + CHANNELS)
    return directory


@pytest.fixture(scope="module")
def talking(stage: Stage, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    script = tmp_path_factory.mktemp("prepare") / "prepare.py"
    script.write_text(PREPARE)
    stage.type(f"inside env PYTHONPATH=. .venv/bin/python {script} {project}")
    said = stage.up(STACK)
    assert "served as ASGI: ASGI_APPLICATION is set and channels is installed" in said.stdout + said.stderr
    yield stage
    stage.type(f"pulumi destroy --yes --skip-preview --non-interactive -s {STACK}")
    shutil.rmtree(project)


def talker_until(stage: Stage, enough: str) -> Any:
    command = f".venv/bin/python -m tests.rehearsal.talker {HOST} /ws 300 {enough}"
    return stage.start(f"inside env PYTHONPATH=. {command}")


def test_a_web_socket_comes_back_at_once_to_the_next_release(talking: Stage, project: Path, tmp_path: Path) -> None:
    before = talking.live(URL)["release"]
    talker = talker_until(talking, "said 2")
    report = tmp_path / "report.json"
    # Patient: on a busy computer an answer is late, and this is about those that never come.
    asked = f"{URL}/ --rate 10 --timeout 60 --seconds 300"
    prober = talking.start(f"inside .venv/bin/python -m rehearsal.prober {asked} --out {report}")
    (project / "gallery/new.py").write_text("NEW = True\n")
    talking.up(STACK)
    wait_until(lambda: talking.live(URL)["release"] != before, limit=30, what="the next release")
    after = talking.live(URL)["release"]
    ended = end_prober(prober, report)
    found = json.loads((talker.communicate(timeout=330)[0]).splitlines()[-1])
    print(f"\n{found['answers']} answers, closed {found['closes']}, away {found['away']} s; HTTP {ended['sent']} sent")
    assert found["said"] == [before, after]
    assert (found["closes"], found["wrong"], found["refused"]) == ([1012], 0, [])
    assert ended["failed"] == 0, ended["failures"]


def test_it_is_the_same_hardened_unit(talking: Stage) -> None:
    slot = talking.root("readlink /srv/slipway/run/current.sock", stack=STACK).strip().split("/")[-2].split("-")[-1]
    unit = f"slipway-web@{slot}.service"
    assert "Using worker: asgi" in talking.root(f"journalctl -u {unit} -o cat", stack=STACK)
    score = talking.root(f"systemd-analyze security --no-pager {unit} | tail -1", stack=STACK)
    rating = re.search(r"(\d+\.\d)", score)
    assert rating, score
    assert float(rating[1]) <= 1.5


def test_a_cut_is_seen_by_the_same_visitor(talking: Stage) -> None:
    """The control: without the word to go, a web socket ends without a close."""
    talker = talker_until(talking, "closes 1")
    connected = "ss -xH state connected | grep -q web.sock && echo yes"
    wait_until(lambda: "yes" in talking.root(connected, stack=STACK), limit=120, what="the visitor is there")
    talking.root("systemctl kill -s KILL 'slipway-web@*.service'", stack=STACK)
    found = json.loads((talker.communicate(timeout=330)[0]).splitlines()[-1])
    assert 1006 in found["closes"], found


def test_with_overlay_off_its_own_settings_run_untouched(talking: Stage, project: Path) -> None:
    (project / "gallery/own.py").write_text(OWN)
    for key, value in (("overlay", "false"), ("settings", "gallery.own"), ("interface", "wsgi")):
        talking.type(f"pulumi config set {key} {value} -s {STACK}")
    said = talking.up(STACK)
    assert "overlay: false: the project's own settings run as they are" in said.stdout + said.stderr
    seen = talking.type(f"slipway shell {STACK}", input=LOOK).stdout
    assert "gallery.own None stored True" in seen
    assert talking.live(URL)["environment"] == STACK
    sheet = re.search(r'href="(/static/[^"]+\.[0-9a-f]{12}\.css)"', talking.page(URL))
    assert sheet
    header = talking.type(f"inside curl -fsSI --max-time 10 {URL}{sheet[1]}").stdout.lower()
    assert "immutable" in header
