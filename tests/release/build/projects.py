"""Small Django projects, written where a test wants them."""

import subprocess
from pathlib import Path

SETTINGS = """\
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "insecure"
DEBUG = True
ALLOWED_HOSTS = []
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.staticfiles",
    "notes",
]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "site1.urls"
WSGI_APPLICATION = "site1.wsgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
STATIC_URL = "static/"
MEDIA_ROOT = BASE_DIR / "media"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
WSGI = """\
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
application = get_wsgi_application()
"""
MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True)), ("text", models.TextField())])
    ]
"""
URLS = """\
from django.http import HttpResponse
from django.urls import path


def broken(request):
    raise RuntimeError("broken on purpose")


urlpatterns = [
    path("", lambda request: HttpResponse("from " + request.META["REMOTE_ADDR"])),
    path("broken", broken),
]
"""
FILES = {
    "manage.py": "import os\n",
    # A compiled package, and one that only a Mac gets.
    "requirements.txt": "Django>=5.2,<5.3\npillow>=11\nappnope>=0.1.4; sys_platform == 'darwin'\n",
    "site1/__init__.py": "",
    "site1/settings.py": SETTINGS,
    "site1/urls.py": URLS,
    "site1/wsgi.py": WSGI,
    "notes/__init__.py": "",
    "notes/models.py": "from django.db import models\n\n\nclass Note(models.Model):\n    text = models.TextField()\n",
    "notes/migrations/__init__.py": "",
    "notes/migrations/0001_initial.py": MIGRATION,
    "notes/static/notes/notes.css": "body { background: url(dot.svg); }\n" + "/* long enough to compress */\n" * 60,
    "notes/static/notes/dot.svg": "<svg/>\n",
}


def write(directory: Path, files: dict[str, str]) -> Path:
    """Write files below a directory."""
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(content)
    return directory


def site(directory: Path, **changed: str) -> Path:
    """The small project; `changed` gives other content to settings, urls, wsgi or requirements."""
    names = {"settings": "site1/settings.py", "urls": "site1/urls.py", "wsgi": "site1/wsgi.py"}
    other = {names.get(name, f"{name}.txt"): content for name, content in changed.items()}
    return write(directory, {**FILES, **other})


def git(directory: Path, *arguments: str) -> str:
    """Run git as a committer nobody configured."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout


def commit(directory: Path) -> Path:
    """Make a directory a repository with everything in it committed."""
    git(directory, "init", "-q")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "first")
    return directory


def listing(directory: Path) -> list[tuple[str, int, int, bytes]]:
    """Every file with its times and content, to see that nothing was touched."""
    files = sorted(path for path in directory.rglob("*"))
    return [
        (str(path), path.lstat().st_mtime_ns, path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in files
    ]
