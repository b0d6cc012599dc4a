"""Running uv with this machine's own package sources, and nothing of the shell it was started from."""

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from release.build.credentials import masked
from release.build.errors import BuildError
from release.build.indexes import Index, variables

PIP_FILES = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf", "~/Library/Application Support/pip/pip.conf")
OLDER = "UV_INDEX_URL"  # than UV_DEFAULT_INDEX, and of the same meaning
OTHERS = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT")


class UvFailed(Exception):
    """What uv wrote to stderr before it gave up."""


def find_uv() -> str:
    """The uv installed beside this Python, else the one on PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise BuildError("uv: should be installed beside slipway or be on PATH (got neither), run `make setup`")
    return found


def uv(arguments: Sequence[str], *, directory: Path, indexes: Sequence[Index] = (), file: str = "") -> str:
    """Run it, with the indexes that `file` names asked first; what it says of a failure holds no password."""
    around = environment()
    around |= variables(indexes, file=file, environment=around)
    done = subprocess.run(
        [find_uv(), *arguments], cwd=directory, env=around, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UvFailed(masked(done.stderr, environment=around))
    return done.stdout


def environment() -> dict[str, str]:
    """The user's environment (proxies, certificates, credentials) with pip's sources said in uv's words."""
    inherited = {name: value for name, value in os.environ.items() if name not in OTHERS}
    if OLDER in inherited:  # else what a pip.conf says would win over it
        inherited.setdefault("UV_DEFAULT_INDEX", inherited[OLDER])
    # An error has to come in whole lines: uv breaks them where a terminal would.
    fixed = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "COLUMNS": "9999"}
    return {**sources(pip_settings()), **inherited, **fixed}


def sources(pip: dict[str, str]) -> dict[str, str]:
    found = {"UV_DEFAULT_INDEX": pip.get("index-url", ""), "UV_INDEX": pip.get("extra-index-url", "")}
    folders = [folder for folder in pip.get("find-links", "").split() if os.path.isdir(folder)]
    found["UV_FIND_LINKS"] = ",".join(folders)
    found["UV_KEYRING_PROVIDER"] = "subprocess" if pip.get("keyring-provider") in ("subprocess", "import") else ""
    found["SSL_CERT_FILE"] = pip.get("cert", "")
    return {name: " ".join(value.split()) for name, value in found.items() if value.strip()}


def pip_settings() -> dict[str, str]:
    """What pip's own files and variables say, later ones winning as in pip."""
    parser = configparser.RawConfigParser(strict=False)
    given = os.environ.get("PIP_CONFIG_FILE")
    files = [given] if given else [*PIP_FILES, os.path.join(sys.prefix, "pip.conf")]
    try:
        parser.read([os.path.expanduser(file) for file in files], encoding="utf-8")
    except configparser.Error as error:
        raise BuildError(f"pip.conf: should be readable (got {str(error).splitlines()[0]!r}), repair it") from None
    settings = dict(parser.items("global")) if parser.has_section("global") else {}
    variables = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return {**settings, **{name[4:].lower().replace("_", "-"): value for name, value in variables.items()}}
