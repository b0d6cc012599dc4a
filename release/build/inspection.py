"""The project's own code, run under the target's Python: entry points, migrations, checks, collected static files."""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from release.build.errors import BuildError
from release.build.explaining import Failure, project_failure
from release.build.request import Request
from release.build.tree import Tree

PROBE = Path(__file__).with_name("probe.py")
NUMBERS = re.compile(r".*(PORT|TIMEOUT|SIZE|COUNT|LIMIT|SECONDS|MINUTES|HOURS|DAYS|AGE|MAX|MIN|RATE|WORKERS|THREADS)")
SWITCHES = re.compile(r"(DEBUG|USE|ENABLE|DISABLE|IS)_.*|.*(DEBUG|ENABLED|DISABLED|_SSL|_TLS|SECURE)")
DUMMY_DATABASE = "postgres://build:build@127.0.0.1:1/build"  # nothing listens there: a query at import fails at once
# On disk; settings that stay the project's own may name the bucket a stack will have.
MEDIA = {"mode": "disk", "bucket": dict.fromkeys(("name", "endpoint", "access_key", "secret_key"), "placeholder")}
LIMIT = 600


@dataclass(frozen=True)
class Workplace:
    """The directories of one build, all of them scratch but the packages."""

    scratch: Path
    packages: Path
    root: str
    python: Path

    @property
    def source(self) -> Path:
        return self.scratch / "src"

    @property
    def static(self) -> Path:
        return self.scratch / "static"

    @property
    def home(self) -> Path:
        return self.scratch / "home"

    @property
    def overlay(self) -> Path:
        return self.scratch / "overlay"


def look(
    *, workplace: Workplace, tree: Tree, request: Request, stack: Mapping[str, str | None] | None = None
) -> dict[str, Any]:
    """Start Django once; a failure is told in one line about the user's own file.

    A build knows no stack; what one says (None: what it has not) shows which settings it will have.
    """
    answer = workplace.scratch / "answer.json"
    given = {**environment(workplace=workplace, request=request), **(stack or {})}
    variables = {name: value for name, value in given.items() if value is not None}
    said = start(workplace=workplace, answer=answer, variables=variables)
    if not answer.exists():
        raise BuildError(f"{request.settings}: should start under {workplace.python.name} (got {said!r}), correct it")
    result = json.loads(answer.read_text())
    if "failure" in result:
        failure = Failure.read(result["failure"])
        modules = settings_modules(tree=tree, root=workplace.root)
        raise project_failure(failure=failure, settings=request.module, modules=modules, env=request.env)
    found: dict[str, Any] = result["found"]
    return found


def start(
    *, workplace: Workplace, answer: Path, variables: dict[str, str], probe: Path = PROBE, more: Sequence[str] = ()
) -> str:
    # -P: the directory of the probe has modules of ours that must not shadow the project's.
    command = [str(workplace.python), "-P", "-s", str(probe), str(answer), str(workplace.source), *more]
    place = workplace.source / workplace.root
    try:
        done = subprocess.run(
            command, cwd=place, env=variables, capture_output=True, text=True, check=False, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {LIMIT} seconds"
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def environment(*, workplace: Workplace, request: Request) -> dict[str, str]:
    """A small clean environment: what a server gives, with a placeholder for every value."""
    paths = (workplace.overlay, workplace.packages, workplace.source / workplace.root)
    fixed = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(workplace.home),
        "TMPDIR": str(workplace.home),
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",  # where that locale is not known
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONHASHSEED": "0",
        "DJANGO_SETTINGS_MODULE": "slipway_settings" if request.overlay else request.module,
        "SLIPWAY_BUILD": "1",
        "SLIPWAY_SITE": "build",
        "SLIPWAY_ENVIRONMENT": "build",
        "SLIPWAY_SETTINGS": request.module,
        "SLIPWAY_INTERFACE": request.interface,
        "SLIPWAY_KEEP": json.dumps(list(request.keep)),
        "SLIPWAY_HOSTS": "build.invalid",
        "SLIPWAY_STATIC": str(workplace.static),
        "SLIPWAY_MEDIA": json.dumps(MEDIA),
        "SECRET_KEY": "slipway-placeholder-" + "0123456789abcdef" * 4,
        "DATABASE_URL": DUMMY_DATABASE,
    }
    if request.configuration:
        fixed["DJANGO_CONFIGURATION"] = request.configuration
    return {**{name: placeholder(name) for name in request.env}, **fixed}


def placeholder(name: str) -> str:
    """A value of the kind the name suggests, so that int() or a URL parser in settings accepts it."""
    if name.startswith(("REDIS", "CELERY", "CACHE", "BROKER")) and name.endswith(("URL", "BROKER")):
        return "redis://127.0.0.1:1/0"
    if name.endswith(("URL", "URI", "DSN", "ENDPOINT")):
        return "https://slipway-placeholder@placeholder.invalid/1"
    if name in ("DEBUG", "DJANGO_DEBUG"):
        return "False"  # it is 0 unless declared; who declares it has settings that take no number
    if SWITCHES.fullmatch(name):
        return "0"
    if NUMBERS.fullmatch(name):
        return "1"
    if name.endswith(("EMAIL", "EMAIL_ADDRESS")):
        return "slipway-placeholder@placeholder.invalid"
    return "slipway-placeholder"


def settings_modules(*, tree: Tree, root: str) -> list[str]:
    """Modules of the project that look like settings, for a helpful error."""
    base = PurePosixPath(root)
    files = [PurePosixPath(path) for path in tree.paths if path.endswith(".py") and "settings" in path]
    relative = [file.relative_to(base).with_suffix("") for file in files if file.is_relative_to(base)]
    return sorted(".".join(file.parts).removesuffix(".__init__") for file in relative)
