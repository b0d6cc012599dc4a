"""The ways in which projects write their settings, each under the overlay, with an old Django and a newer one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.release.build.conftest import Build
from tests.release.build.projects import SETTINGS, WSGI, site, write
from tests.release.build.test_running import environment, python

pytestmark = pytest.mark.whole

LIBRARIES = "django-environ\nenvirons\npython-decouple\ndjango-configurations\nwhitenoise\n"
SEEN = """
import json
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from slipway_wsgi import application
default = settings.DATABASES["default"]
print(json.dumps({
    "django": django.get_version()[:3], "module": settings.SETTINGS_MODULE, "debug": settings.DEBUG,
    "secret": settings.SECRET_KEY[:3], "hosts": settings.ALLOWED_HOSTS, "host": default["HOST"],
    "shop": getattr(settings, "SHOP", ""), "static": settings.STORAGES["staticfiles"]["BACKEND"].rpartition(".")[2],
    "application": type(application).__name__,
}))
"""
FROM_ENVIRON = """
import environ
env = environ.Env(DEBUG=(bool, True))
DEBUG = env("DEBUG")
SECRET_KEY = env("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
DATABASES = {"default": env.db()}
SHOP = env("SHOP")
"""
FROM_ENVIRONS = """
from environs import Env
env = Env()
DEBUG = env.bool("DEBUG")
SECRET_KEY = env.str("DJANGO_SECRET_KEY")
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS")
SHOP = env("SHOP")
"""
FROM_DECOUPLE = """
from decouple import Csv, config
DEBUG = config("DEBUG", cast=bool)
SECRET_KEY = config("SECRET_KEY")
ALLOWED_HOSTS = config("ALLOWED_HOSTS", cast=Csv())
SHOP = config("SHOP")
"""
AS_A_CLASS = """
import os
from configurations import Configuration, values
from site1 import settings as plain


class Base(Configuration):
    locals().update({name: getattr(plain, name) for name in dir(plain) if name.isupper()})
    SECRET_KEY = values.SecretValue()
    SHOP = "base"


class Production(Base):
    SHOP = values.Value(environ_name="SHOP", environ_prefix=None)
"""
WHITENOISE = """
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware", *MIDDLEWARE]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
"""
HARD = 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "site1.settings"\n'


class Style(NamedTuple):
    """A settings module of the project, and what it says of the environment."""

    settings: str
    shop: str = "corner"
    static: str = "ManifestStaticFilesStorage"


STYLES = {
    "plain": Style("site1.settings", shop=""),
    "split package": Style("config.settings.production", shop="split"),
    "django-environ": Style("config.from_environ"),
    "environs": Style("config.from_environs"),
    "python-decouple": Style("config.from_decouple"),
    "django-configurations": Style("config.classes:Production"),
    "django-configurations, another class": Style("config.classes:Base", shop="base"),
    "a package that sets DJANGO_SETTINGS_MODULE": Style("hard.settings", shop=""),
    "whitenoise": Style("config.with_whitenoise", shop="", static="CompressedManifestStaticFilesStorage"),
}
FILES = {
    "config/__init__.py": "",
    "config/settings/__init__.py": "",
    "config/settings/base.py": "from site1.settings import *\nSHOP = 'base'\n",
    "config/settings/production.py": "from .base import *\nSHOP = 'split'\n",
    "config/from_environ.py": f"from site1.settings import *\n{FROM_ENVIRON}",
    "config/from_environs.py": f"from site1.settings import *\n{FROM_ENVIRONS}",
    "config/from_decouple.py": f"from site1.settings import *\n{FROM_DECOUPLE}",
    "config/classes.py": AS_A_CLASS,
    "config/with_whitenoise.py": f"from site1.settings import *\n{WHITENOISE}",
    "hard/__init__.py": HARD,
    "hard/settings.py": "from site1.settings import *\n",
    "site1/wsgi.py": WSGI + "EXTRA = 1\nprint(end='')\n",
}


@pytest.mark.parametrize("version", ["4.2", "5.2"])
def test_styles_of_settings(version: str, run: Build, cache: Path, builds: Path, tmp_path: Path) -> None:
    """One build, with a class of settings; then every style as a server starts it."""
    project = write(site(tmp_path / "one", requirements=f"Django~={version}.0\n{LIBRARIES}"), FILES)
    lock = builds / f"stacks/styles-{version}.lock"
    artifact = run(project, settings="config.classes:Production", env=["SHOP"], lock=lock)
    variables = environment(cache, artifact, tmp_path / "slot", SHOP="corner")
    for name, style in STYLES.items():
        module, _, configuration = style.settings.partition(":")
        values = {"SLIPWAY_SETTINGS": module, "SHOP": "corner"}
        if configuration:
            values["DJANGO_CONFIGURATION"] = configuration
        given = json.loads((tmp_path / "slot/env").read_text())
        own = tmp_path / "own" / name.replace(" ", "-")
        own.mkdir(parents=True)
        (own / "env").write_text(json.dumps({**given, **values}))
        done = python({**variables, "CREDENTIALS_DIRECTORY": str(own)}, "-c", SEEN)
        assert done.returncode == 0, (name, done.stderr)
        assert (name, json.loads(done.stdout.splitlines()[-1])) == (name, expected(style, version))


def expected(style: Style, version: str) -> dict[str, Any]:
    return {
        "django": version,
        "module": "slipway_settings",
        "debug": False,
        "secret": "sss",
        "hosts": ["example.org"],
        "host": "127.0.0.1",
        "shop": style.shop,
        "static": style.static,
        "application": "function",
    }


ASGI = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "site1.settings"
from django.core.asgi import get_asgi_application
django = get_asgi_application()
async def application(scope, receive, send):
    await django(scope, receive, send)
"""


def asgi(directory: Path, *, apps: str) -> Path:
    """A project with an ASGI application of its own; `channels` is a package of it."""
    lines = f"\nASGI_APPLICATION = 'site1.asgi.application'\nINSTALLED_APPS += {apps}\n"
    return write(site(directory, settings=SETTINGS + lines), {"site1/asgi.py": ASGI, "channels/__init__.py": ""})


@pytest.mark.parametrize(
    ("apps", "asked", "served"),
    [("['channels']", None, "asgi"), ("[]", None, "wsgi"), ("[]", "asgi", "asgi"), ("['channels']", "wsgi", "wsgi")],
)
def test_asgi_when_the_project_or_the_stack_says_so(
    run: Build, tmp_path: Path, apps: str, asked: str | None, served: str
) -> None:
    artifact = run(asgi(tmp_path / "one", apps=apps), interface=asked)
    assert artifact.manifest["interface"] == served
    told = [note for note in artifact.notes if note.startswith("served as ASGI: ")]
    assert bool(told) == (served == "asgi")


OWN = """
import os
DEBUG = os.environ["DEBUG"] == "1"
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ["ALLOWED_HOSTS"].split(",")
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "collected"
BUCKET = os.environ["AWS_STORAGE_BUCKET_NAME"]
"""


def test_overlay_off(run: Build, cache: Path, tmp_path: Path) -> None:
    """Its own settings, files where they look for them, and the release's own paths all the same."""
    artifact = run(site(tmp_path / "one", settings=SETTINGS + OWN), overlay=False)
    assert artifact.manifest["overlay"] is False
    assert list(artifact.notes[-3:]) == [
        "overlay: false: the project's own settings run as they are",
        "DATABASES: should come from DATABASE_URL, else the stack's is not used (yours to do)",
        "SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE: should be True, the site is HTTPS only (yours to do)",
    ]
    bucket = dict.fromkeys(("name", "endpoint", "access_key", "secret_key"), "b")
    media = json.dumps({"mode": "private", "bucket": bucket})
    own = {"DJANGO_SETTINGS_MODULE": "site1.settings", "SLIPWAY_MEDIA": media}
    variables = environment(cache, artifact, tmp_path / "slot", **own)
    assert (tmp_path / "slot/src/collected/notes/notes.css").exists()
    code = (
        "from slipway_wsgi import application\nfrom django.conf import settings\nimport json\n"
        "said = []\nbody = application({'PATH_INFO': '/_slipway/release'}, lambda *told: said.append(told[0]))\n"
        "print(json.dumps([settings.SETTINGS_MODULE, settings.ALLOWED_HOSTS, settings.BUCKET, said, body[0].decode()]))"
    )
    done = python(variables, "-c", code)
    module, hosts, named, said, body = json.loads(done.stdout)
    assert (module, hosts, named, said) == ("site1.settings", ["example.org"], "b", ["200 OK"])
    assert json.loads(body)["release"] == "1-2"


def test_code_that_passes_the_overlay_by_is_named(run: Build, tmp_path: Path) -> None:
    views = "from site1 import settings\nfrom site1.settings import DEBUG\nimport site1.settings\n"
    views += "from django.conf import settings\n"
    files = {"notes/views.py": views, "site1/other.py": "from .settings import DEBUG\n", "notes/tests.py": views}
    told = [note for note in run(write(site(tmp_path / "one"), files)).notes if "imports site1.settings" in note]
    assert told == [
        "notes/views.py:1, notes/views.py:2, notes/views.py:3 and 1 more: imports site1.settings itself and sees it "
        "without slipway's values, use from django.conf import settings"
    ]
