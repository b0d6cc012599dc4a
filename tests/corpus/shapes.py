"""The shapes Django projects come in: each is made as its users make it, and says what its stack file says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.corpus import making
from tests.corpus.making import add_shelf, append, compiled, pyproject, ran, replace, start, tool, write

__all__ = ["SHAPES", "Shape"]


@dataclass(frozen=True)
class Shape:
    """One project: what it is in words, what makes it in a directory, and its settings in a stack file."""

    words: str
    make: Callable[[Path], object]
    stack: Mapping[str, Any] = field(default_factory=dict)
    project: str = ""  # below the directory
    admin: str = "/admin/"
    proof: str = ""  # typed into its shell once it is live; ends well when what is special about it works


def startproject(directory: Path) -> None:
    start(directory)
    write(directory / "requirements.txt", compiled(directory, making.DJANGO))


def hashed(directory: Path) -> None:
    start(directory)
    write(directory / "requirements.txt", compiled(directory, making.DJANGO, hashes=True))


def constrained(directory: Path) -> None:
    """Names without versions, versions in a constraints file."""
    start(directory)
    write(directory / "requirements.txt", "-c constraints.txt\ndjango\nargon2-cffi\n")
    write(directory / "constraints.txt", "django>=5.2,<5.3\n")


def unlocked(directory: Path) -> None:
    start(directory)
    pyproject(directory, "django>=5.2,<6")


def uv(directory: Path) -> None:
    unlocked(directory)
    ran(making.UV, "lock", "--quiet", cwd=directory)


def pylock(directory: Path) -> None:
    uv(directory)
    exported = ran(making.UV, "export", "--quiet", "--no-emit-project", "--format", "pylock.toml", cwd=directory)
    write(directory / "pylock.toml", exported)
    (directory / "uv.lock").unlink()


def poetry(directory: Path) -> None:
    start(directory)
    source = f'[[tool.poetry.source]]\nname = "index"\nurl = "{making.index()}"\npriority = "primary"'
    pyproject(directory, "django (>=5.2,<6)", more=f"[tool.poetry]\npackage-mode = false\n\n{source}")
    tool("poetry", "lock", package="poetry", cwd=directory)


def pipenv(directory: Path) -> None:
    start(directory)
    source = f'[[source]]\nurl = "{making.index()}"\nverify_ssl = true\nname = "index"'
    write(directory / "Pipfile", f'{source}\n\n[packages]\ndjango = ">=5.2,<6"\n')
    tool("pipenv", "lock", package="pipenv", cwd=directory)


def wagtail(directory: Path) -> None:
    directory.mkdir(parents=True)
    tool("wagtail", "start", "mysite", ".", package="wagtail<8", cwd=directory)
    add_shelf(directory, settings=directory / "mysite/settings/base.py")


def cms(directory: Path) -> None:
    """django CMS added to a project by hand, as its documentation describes."""
    start(directory)
    settings = directory / "mysite/settings.py"
    append(
        settings,
        """
        SITE_ID = 1
        LANGUAGES = [("en", "English")]
        LANGUAGE_CODE = "en"
        CMS_CONFIRM_VERSION4 = True
        X_FRAME_OPTIONS = "SAMEORIGIN"
        INSTALLED_APPS += ["django.contrib.sites", "cms", "menus", "treebeard", "sekizai"]
        MIDDLEWARE += [
            "django.middleware.locale.LocaleMiddleware",
            "cms.middleware.user.CurrentUserMiddleware",
            "cms.middleware.page.CurrentPageMiddleware",
            "cms.middleware.toolbar.ToolbarMiddleware",
            "cms.middleware.language.LanguageCookieMiddleware",
        ]
        TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
        TEMPLATES[0]["OPTIONS"]["context_processors"] += [
            "django.template.context_processors.i18n",
            "sekizai.context_processors.sekizai",
            "cms.context_processors.cms_settings",
        ]
        CMS_TEMPLATES = [("page.html", "Page")]
        """,
    )
    write(
        directory / "templates/page.html",
        "{% load cms_tags sekizai_tags %}<html><head>{% render_block 'css' %}</head><body>{% cms_toolbar %}"
        "{% block content %}{% endblock %}{% render_block 'js' %}</body></html>\n",
    )
    append(
        directory / "mysite/urls.py", 'from django.urls import include\nurlpatterns += [path("", include("cms.urls"))]'
    )
    write(
        directory / "requirements.txt", compiled(directory, making.DJANGO, "django-cms", "packaging")
    )  # django-cms 5.1 imports it, and says so nowhere


def split(directory: Path) -> None:
    """Settings in a package, values from the environment, requirements in files that include each other."""
    start(directory, name="config")
    settings = directory / "config/settings.py"
    base = directory / "config/settings/base.py"
    base.parent.mkdir()
    base.write_text(settings.read_text().replace("parent.parent", "parent.parent.parent"))
    settings.unlink()
    replace(base, r"SECRET_KEY = .*?\n", "import environ\n\nenv = environ.Env()\n")
    replace(base, r"DATABASES = .*?\n}\n", 'DATABASES = {"default": env.db("DATABASE_URL")}\n')
    append(
        base,
        """
        SECRET_KEY = env("DJANGO_SECRET_KEY", default="for development")
        MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")
        STATIC_ROOT = BASE_DIR / "staticfiles"
        """,
    )
    write(
        directory / "config/settings/production.py",
        """
        from .base import *

        DEBUG = False
        SECRET_KEY = env("DJANGO_SECRET_KEY")
        ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=[])
        CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": env("REDIS_URL")}}
        STORAGES = {
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
        }
        """,
    )
    write(directory / "config/settings/__init__.py", "")
    for file in ("wsgi.py", "asgi.py"):
        replace(directory / "config" / file, r"config\.settings", "config.settings.production")
    replace(directory / "manage.py", r"config\.settings", "config.settings.local")
    write(
        directory / "requirements/base.txt",
        compiled(directory, making.DJANGO, "django-environ", "whitenoise", "redis", "argon2-cffi"),
    )
    write(directory / "requirements/production.txt", "-r base.txt\n" + compiled(directory, "psycopg[c]"))


def configurations(directory: Path) -> None:
    start(directory)
    settings = directory / "mysite/settings.py"
    lines = settings.read_text().replace('INSTALLED_APPS += ["shelf"]\n', "")
    lines = lines.replace('"django.contrib.staticfiles",\n', '"django.contrib.staticfiles",\n    "shelf",\n')
    lines = lines.replace("'django.contrib.staticfiles',\n", "'django.contrib.staticfiles',\n    'shelf',\n")
    head, _, body = lines.partition("BASE_DIR =")
    body = "\n".join(f"    {line}" if line else "" for line in f"BASE_DIR ={body}".splitlines())
    settings.write_text(
        f"{head}from configurations import Configuration, values\n\n\nclass Base(Configuration):\n{body}\n\n\n"
        "class Production(Base):\n    DEBUG = False\n    SECRET_KEY = values.SecretValue()\n"
    )
    for file in ("wsgi.py", "asgi.py", "manage.py"):
        setup = "import configurations\n\nconfigurations.setup()\n"
        path = directory / ("" if file == "manage.py" else "mysite") / file
        text = path.read_text()
        if file == "manage.py":
            text = text.replace("django.core.management import", "configurations.management import")
        else:
            text = text.replace(
                "from django.core", f'os.environ.setdefault("DJANGO_CONFIGURATION", "Base")\n{setup}from django.core', 1
            )
            text = text.replace("import configurations", "import configurations  # noqa")
        path.write_text(text)
    write(directory / "requirements.txt", compiled(directory, making.DJANGO, "django-configurations"))


def hard_set(directory: Path) -> None:
    """wsgi.py and manage.py that assign the settings module, and a WSGI application of its own."""
    start(directory)
    for path in (directory / "manage.py", directory / "mysite/wsgi.py"):
        assigned = 'os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"'
        replace(path, r"os\.environ\.setdefault\([^)]*\)", assigned)
    append(
        directory / "mysite/wsgi.py",
        """
        inner = application


        def application(environ, start_response):
            def start(status, headers, exc_info=None):
                return start_response(status, [*headers, ("X-Own-Application", "yes")], exc_info)

            return inner(environ, start)
        """,
    )
    write(directory / "requirements.txt", compiled(directory, making.DJANGO))


def environs(directory: Path) -> None:
    """A src layout, environs, and no default for what only the server knows."""
    start(directory / "src")
    settings = directory / "src/mysite/settings.py"
    replace(
        settings, r"SECRET_KEY = .*?\n", "from environs import Env\n\nenv = Env()\nSECRET_KEY = env('SECRET_KEY')\n"
    )
    replace(settings, r"DATABASES = .*?\n}\n", "DATABASES = {'default': env.dj_db_url('DATABASE_URL')}\n")
    append(settings, "GREETING = env('GREETING')")
    pyproject(directory, "django>=5.2,<6", "environs[django]")
    ran(making.UV, "lock", "--quiet", cwd=directory)


def channels(directory: Path) -> None:
    start(directory)
    append(
        directory / "mysite/settings.py",
        """
        INSTALLED_APPS.insert(0, "channels")
        ASGI_APPLICATION = "mysite.asgi.application"
        """,
    )
    append(
        directory / "mysite/asgi.py",
        """
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.urls import path


        class Echo(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(text_data=text_data)


        application = ProtocolTypeRouter(
            {"http": application, "websocket": URLRouter([path("ws/echo/", Echo.as_asgi())])}
        )
        """,
    )
    write(directory / "requirements.txt", compiled(directory, making.DJANGO, "channels"))


def celery(directory: Path) -> None:
    start(directory)
    write(
        directory / "mysite/celery.py",
        """
        import os

        from celery import Celery

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
        app = Celery("mysite")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.autodiscover_tasks()
        """,
    )
    write(directory / "mysite/__init__.py", "from .celery import app as celery_app\n\n__all__ = ('celery_app',)\n")
    append(
        directory / "mysite/settings.py",
        'import os\nCELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "memory://")',
    )
    write(
        directory / "shelf/tasks.py",
        """
        from celery import shared_task


        @shared_task
        def note(title):
            from shelf.models import Document

            Document.objects.create(title=title)
        """,
    )
    write(directory / "requirements.txt", compiled(directory, making.DJANGO, "celery[redis]"))


def workspace(directory: Path) -> None:
    """A repository with several packages: the site in one of them, what it shares in another."""
    backend, shared = directory / "backend", directory / "packages/greetings"
    start(backend)
    write(
        shared / "pyproject.toml",
        """
        [project]
        name = "greetings"
        version = "1.0"

        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        """,
    )
    write(shared / "src/greetings/__init__.py", 'HELLO = "hello"\n')
    append(backend / "mysite/settings.py", "from greetings import HELLO")
    more = '[tool.uv.sources]\ngreetings = { path = "../packages/greetings" }'
    pyproject(backend, "django>=5.2,<6", "greetings", more=more)
    ran(making.UV, "lock", "--quiet", cwd=backend)
    ran("git", "init", "--quiet", cwd=directory)
    ran("git", "add", "-A", cwd=directory)
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    ran("git", *who, "commit", "--quiet", "-m", "all of it", cwd=directory)


def oldest(directory: Path) -> None:
    """The oldest Django that is still cared for by somebody."""
    start(directory, django="django==4.2.*")
    write(directory / "requirements.txt", compiled(directory, "django==4.2.*"))


def assets(directory: Path) -> None:
    """Style sheets that a command makes, and a table that another one makes before a release."""
    start(directory)
    write(
        directory / "tools/styles.py",
        """
        from pathlib import Path

        out = Path("shelf/static/shelf/site.css")
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text("body { margin: 0 auto; max-width: 60rem }\\n" * 40)
        """,
    )
    write(directory / ".gitignore", "shelf/static/\n")
    append(
        directory / "mysite/settings.py",
        'CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}',
    )
    write(directory / "requirements.txt", compiled(directory, making.DJANGO))


DONE = """
import time
from shelf.models import Document
from shelf.tasks import note
note.delay("noted")
until = time.monotonic() + 20
while not Document.objects.filter(title="noted").exists():
    assert time.monotonic() < until, "the worker should have done its task"
    time.sleep(0.2)
Document.objects.filter(title="noted").delete()

"""
CACHED = """
from django.core.cache import cache
cache.set("greeting", "hello", 60)
assert cache.get("greeting") == "hello"
"""
PRODUCTION = {"settings": "config.settings.production"}
SHAPES: Mapping[str, Shape] = {
    "startproject": Shape("startproject, requirements.txt with versions", startproject),
    "hashed": Shape("requirements.txt with hashes", hashed),
    "constrained": Shape("requirements.txt without versions, constraints.txt", constrained),
    "unlocked": Shape("pyproject.toml without a lock", unlocked),
    "uv": Shape("uv: pyproject.toml, uv.lock", uv),
    "pylock": Shape("pylock.toml", pylock),
    "poetry": Shape("Poetry: poetry.lock", poetry),
    "pipenv": Shape("Pipenv: Pipfile.lock", pipenv),
    "wagtail": Shape("wagtail start", wagtail, {"settings": "mysite.settings.production"}, admin="/django-admin/"),
    "cms": Shape("django CMS", cms),
    "split": Shape(
        "split settings, django-environ, whitenoise, Redis cache, requirements/production.txt",
        split,
        {**PRODUCTION, "cache": "valkey"},
        proof=CACHED,
    ),
    "configurations": Shape("django-configurations", configurations, {"settings": "mysite.settings:Production"}),
    "hard-set": Shape("settings assigned in wsgi.py, a WSGI application of its own", hard_set),
    "environs": Shape("src layout, environs", environs, {"env": {"GREETING": "hello"}}),
    "channels": Shape("ASGI: Channels", channels),
    "celery": Shape(
        "Celery",
        celery,
        {"cache": "valkey", "workers": {"queue": "celery -A mysite worker --concurrency 1"}},
        proof=DONE,
    ),
    "workspace": Shape("a repository of several packages", workspace, project="backend"),
    "oldest": Shape("Django 4.2", oldest),
    "assets": Shape(
        "build: and before-release: commands",
        assets,
        {"build": ["python3 tools/styles.py"], "before-release": ["createcachetable"]},
        proof=CACHED,
    ),
}
