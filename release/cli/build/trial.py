"""An artifact tried out: its layers unpacked as on a server, started under the target's Python, tested."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from release.build import Artifact
from release.build.cache import Cache
from release.build.inspection import Workplace, environment, placeholder, start
from release.build.python import find_python
from release.build.request import Request
from release.build.unpacking import unpack
from release.build.uv import OTHERS
from release.cli.check.findings import EDGES

__all__ = ["Started", "Tested", "laid_out", "run_test", "start_it"]

PROBE = Path(__file__).with_name("probe.py")


@dataclass(frozen=True)
class Started:
    """What the entry point and `check --deploy` said; `error` is the one reason why it would not be released."""

    entry: str = ""
    warnings: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Tested:
    """The project's own test command, as it ended."""

    command: str
    code: int
    seconds: float


@contextmanager
def laid_out(artifact: Artifact, *, cache: Cache) -> Iterator[Workplace]:
    """The layers, exactly as packed, where a server would have them."""
    layers = artifact.manifest["layers"]
    with cache.scratch() as scratch:
        for layer in layers.values():
            unpack(cache=cache, layer=layer, target=scratch)
        bundled = scratch / "python/bin/python3"
        python = bundled if "python" in layers else find_python(artifact.manifest["python"])
        root = artifact.manifest["root"]
        workplace = Workplace(scratch=scratch, packages=scratch / "site-packages", root=root, python=python)
        workplace.home.mkdir()
        workplace.static.mkdir(exist_ok=True)
        yield workplace


def start_it(workplace: Workplace, *, request: Request) -> Started:
    """Import what gunicorn would, and let Django check it."""
    answer = workplace.scratch / "answer.json"
    variables = environment(workplace=workplace, request=request)
    said = _probe(workplace, answer, variables, request.interface)
    result: dict[str, Any] = json.loads(answer.read_text()) if answer.exists() else {"failure": {"said": said}}
    if "failure" in result:
        where = result["failure"].get("where") or request.settings
        return Started(error=f"{where}: should start from the unpacked layers (got {result['failure']['said']})")
    checks = result["found"]["checks"]
    errors = [f"check --deploy: {id} {text}".strip() for id, grave, text in checks if grave]
    told = [(id, text) for id, grave, text in checks if not grave and id not in EDGES]
    warnings = tuple(f"{id} {text.split('. ')[0]}".strip() for id, text in told)
    return Started(entry=result["found"]["entry"], warnings=warnings, error=errors[0] if errors else "")


def _probe(workplace: Workplace, answer: Path, variables: dict[str, str], interface: str) -> str:
    return start(workplace=workplace, answer=answer, variables=variables, probe=PROBE, more=[interface])


def run_test(workplace: Workplace, *, command: str, request: Request, out: IO[str] | None) -> Tested:
    """The command in the unpacked code, with the artifact's packages before all others; what it says goes to `out`."""
    began = time.monotonic()
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=workplace.source / workplace.root,
        env=_variables(workplace, request),
        stdout=out or sys.stdout,
        stderr=sys.stderr,
        check=False,
    )
    return Tested(command, done.returncode, round(time.monotonic() - began, 1))


def _variables(workplace: Workplace, request: Request) -> Mapping[str, str]:
    """The caller's own environment wins over what stands in for it: a database to test on, a settings module."""
    bin_ = _interpreters(workplace)
    caller = {name: value for name, value in os.environ.items() if name not in OTHERS}
    stand_in = {
        "DEBUG": "0",
        "SECRET_KEY": placeholder("SECRET_KEY"),
        "DATABASE_URL": f"sqlite:///{workplace.scratch}/test.sqlite3",
        "DJANGO_SETTINGS_MODULE": request.module,
        **({"DJANGO_CONFIGURATION": request.configuration} if request.configuration else {}),
        **{name: placeholder(name) for name in request.env},
    }
    paths = (workplace.packages, workplace.source / workplace.root)
    fixed = {
        "PATH": f"{bin_}{os.pathsep}{caller.get('PATH', os.defpath)}",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    return {**stand_in, **caller, **fixed}


def _interpreters(workplace: Workplace) -> Path:
    """`python` and `python3` are the target's; not links, which would make another one of a version manager's."""
    directory = workplace.scratch / "bin"
    directory.mkdir()
    for name in ("python", "python3", f"python{_version(workplace)}"):
        (directory / name).write_text(f'#!/bin/sh\nexec {shlex.quote(str(workplace.python))} "$@"\n')
        (directory / name).chmod(0o755)
    return directory


def _version(workplace: Workplace) -> str:
    code = "import sys; print('{}.{}'.format(*sys.version_info[:2]))"
    return subprocess.run(
        [workplace.python, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
