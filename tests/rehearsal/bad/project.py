"""Projects that cannot become a release, and releases that do not work: dependencies, code, health, database."""

from __future__ import annotations

from tests.rehearsal.bad.planting import (
    Bad,
    Plant,
    all_of,
    config,
    edit,
    held_lock,
    rewrite,
    visitors_told_to_wait,
    write,
)

SETTINGS, VIEWS, URLS, MODELS = "gallery/settings.py", "pictures/views.py", "pictures/urls.py", "pictures/models.py"
LOCK, STYLE = "requirements.txt", "pictures/static/pictures/gallery.css"
FIRST_LINE, HOME, ROUTES = "import os\n", "    form = PictureForm(request.POST or None", "urlpatterns = [\n"
COUNT = "    pictures = models.PositiveIntegerField()\n"
KIND = f'{COUNT}    kind = models.CharField(max_length=20, default="")\n'
NOTE = f"{COUNT}    note = models.TextField(null=True)\n"
MIGRATION = """from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pictures", "{after}")]
    operations = [{operation}]
"""
ADD = 'migrations.AddField("tally", "note", models.TextField(null=True))'
DROP = 'migrations.RemoveField("tally", "counted")'
REMOVE = 'migrations.RemoveField("tally", "note")'
REQUIRE = 'migrations.AddField("tally", "kind", models.CharField(max_length=20, default=""))'


def migration(operation: str, *, name: str = "0002_more", after: str = "0001_initial") -> Plant:
    return write(f"pictures/migrations/{name}.py", MIGRATION.format(after=after, operation=operation))


def view(body: str) -> Plant:
    """A page at /probe/, asked as the site's health."""
    return all_of(
        edit(VIEWS, "def home(", f"def probe(request: HttpRequest) -> HttpResponse:\n    {body}\n\n\ndef home("),
        edit(URLS, ROUTES, f'{ROUTES}    path("probe/", views.probe),\n'),
        config("health", "/probe/"),
    )


# A package whose own backend gives what it is told to, with nothing to be fetched for it.
PACKAGE = """[project]
name = "fast"
version = "1.0"

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """import zipfile


def build_wheel(directory, config_settings=None, metadata_directory=None):
    {first}
    name = "fast-1.0-cp313-cp313-linux_x86_64.whl"
    with zipfile.ZipFile(f"{{directory}}/{{name}}", "w") as wheel:
        wheel.writestr("fast.py", "")
        wheel.writestr("fast-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: fast\\nVersion: 1.0\\n")
        tags = "Root-Is-Purelib: false\\nTag: cp313-cp313-linux_x86_64\\n"
        wheel.writestr("fast-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\\nGenerator: own\\n{{tags}}")
        wheel.writestr("fast-1.0.dist-info/RECORD", "")
    return name
"""


def source_package(first: str) -> Plant:
    return all_of(
        write("fast/pyproject.toml", PACKAGE),
        write("fast/backend.py", BACKEND.format(first=first)),
        edit(LOCK, "asgiref==", "./fast\nasgiref=="),
    )


DEPENDENCIES = {
    "a lock nothing satisfies": Bad(
        edit(LOCK, "django==5.2.", "django==5.2.999"), r"requirements\.txt: its packages should resolve", "change the"
    ),
    "a lock whose hash is another": Bad(
        rewrite(LOCK, "sha256:.{8}", "sha256:00000000"),
        r"requirements\.txt: \S+==\S+ should be the file whose hash is stated",
        "lock it anew",
    ),
    "a lock with both sides of a merge": Bad(
        edit(LOCK, "asgiref==", "<<<<<<< ours\nasgiref=="),
        r"requirements\.txt: should be one side of the merge",
        "resolve it",
    ),
    "a lock without Django": Bad(write(LOCK, "pillow==12.0.0\n"), r"requirements\.txt: should name Django", "add it"),
    "native code of a source package": Bad(
        source_package("pass"), r"requirements\.txt: fast 1\.0 should have a wheel for x86_64", "use another"
    ),
    "a source package that does not build": Bad(
        source_package('raise RuntimeError("fast.h: no such file")'),
        r"requirements\.txt: fast should have a wheel for the servers .*fast\.h: no such file",
        "name a package with wheels",
    ),
    "a Python nobody has": Bad(
        write(".python-version", "3.9\n"), r"\.python-version: should admit 3\.13, the servers' Python", "run the"
    ),
}
PROJECT = {
    "settings that do not import": Bad(
        edit(SETTINGS, FIRST_LINE, f"{FIRST_LINE}import no_such_module\n"),
        r"gallery/settings\.py:\d+: no_such_module should be among the dependencies",
        "add it",
    ),
    "a variable nobody declared": Bad(
        edit(SETTINGS, FIRST_LINE, f'{FIRST_LINE}os.environ["STRIPE_KEY"]\n'),
        r"gallery/settings\.py:\d+: env\.STRIPE_KEY should be declared",
        "add it under env or secrets",
    ),
    "a style that refers to nothing": Bad(
        edit(STYLE, ":root {", 'body { background: url("no-such.png") }\n:root {'),
        r"pictures/gallery\.css: static files it refers to should exist",
        "add the file",
    ),
    "two ends of the migrations": Bad(
        all_of(migration(ADD), migration(DROP, name="0002_other")),
        r".*migrations should have one end for each app",
        "makemigrations --merge",
    ),
    "a build command that fails": Bad(
        config("build[0]", "echo no bundle; exit 3"), r"stacks/Pulumi\.staging\.yaml: build", "correct it"
    ),
    "a setting that is misspelt": Bad(
        config("helth", "/up/"), r"stacks/Pulumi\.staging\.yaml: unknown key: helth", "did you mean health"
    ),
    "processes that do not fit": Bad(
        config("web-processes", "64"), r"stacks/Pulumi\.staging\.yaml: \S+-size: should bear", "choose a larger one"
    ),
    "a secret key in use left out": Bad(
        config("rotations.secret-key[0]", "7"),
        r"stacks/Pulumi\.staging\.yaml: rotations\.secret-key: should hold 1, which is in use",
        "slipway rotate staging secret-key",
    ),
}
HEALTH = {
    "health 404": Bad(config("health", "/nowhere/"), r"web-1: gate: GET /nowhere/: should answer 200 \(got 404", "200"),
    "health 301": Bad(config("health", "/pictures/1"), r"web-1: gate: GET /pictures/1: .* \(got 301", "200"),
    "health 500": Bad(view('raise LookupError("no till")'), r"web-1: gate: LookupError: no till \(GET /probe/", "200"),
    "health slow": Bad(
        view('__import__("time").sleep(100)\n    return HttpResponse()'),
        r"web-1: gate: GET /probe/: should answer 200 \(got no answer in \d+ s",
        "200",
    ),
    "a front page that fails": Bad(
        edit(VIEWS, HOME, f'    raise LookupError("no wall")\n{HOME}'), r"web-1: gate: LookupError: no wall", "500"
    ),
    "an import that fails there alone": Bad(
        edit(
            VIEWS,
            "from django.contrib",
            'if __import__("os").path.exists("/srv/slipway"):\n    import no_till\n\nfrom django.contrib',
        ),
        r"web-1: preflight: ModuleNotFoundError: No module named 'no_till'",
        "",
    ),
    "a worker that ends": Bad(
        config("workers.till", "no_such_command"),
        r"web-1: gate: Unknown command: 'no_such_command' \(slipway-worker@\w+-till\.service does not stay up",
        "",
    ),
}
DATABASE = {
    "models without their migration": Bad(
        edit(MODELS, COUNT, NOTE),
        r"web-1: preflight: migrations: should make every table and column that the models use "
        r"\(got none that makes pictures_tally\.note",
        "run makemigrations pictures",
    ),
    "a migration that fails": Bad(
        migration('migrations.RunSQL("SELECT * FROM no_such_table")'),
        r'web-1: migrate: \w+: relation "no_such_table" does not exist',
        "",
    ),
    "a migration that fails in a maintenance window": Bad(
        all_of(visitors_told_to_wait(), migration(f'{ADD}, migrations.RunSQL("SELECT * FROM no_such_table")')),
        r'web-1: migrate: \w+: relation "no_such_table" does not exist',
        "",
        typed="slipway up staging --maintenance --yes --skip-preview --non-interactive --color never",
    ),
    "a migration that waits for a lock": Bad(
        all_of(held_lock("pictures_tally"), edit(MODELS, COUNT, NOTE), migration(ADD)),
        r"web-1: migrate: .*lock timeout",
        "",
    ),
    "a migration the old release cannot bear": Bad(
        all_of(config("protect", "true"), edit(MODELS, COUNT, KIND), migration(REQUIRE)),
        r"web-1: migrations: should leave the release that serves working \(got pictures\.0002_more",
        "accept-migration: [pictures.0002]",
        beyond=True,
    ),
    "a command before the release that fails": Bad(
        config("before-release[0]", "no_such_command"), r"web-1: before-release: no_such_command: Unknown command", ""
    ),
}
