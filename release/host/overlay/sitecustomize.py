"""What a slipway process does at interpreter start: load its credentials, export what settings files read by
convention, keep secrets out of the journal, and foreign packages off sys.path."""

import json
import os
import re
import site
import sys
from typing import TextIO

# Paths beside an unpacked release's PYTHONPATH: Debian's own Python packages, the interpreter's, a user's.
_FOREIGN = ("dist-packages", "site-packages")


def _load_credentials() -> None:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    path = os.path.join(directory, "env") if directory else ""
    if not os.path.exists(path):
        return
    try:
        with open(path, encoding="utf-8") as file:
            os.environ.update({str(name): str(value) for name, value in json.load(file).items()})
    except (OSError, ValueError, AttributeError) as error:
        # Started without its environment, a site would run with the wrong settings: better not at all.
        sys.stderr.write(f"slipway: {path}: should be a readable JSON object (got {type(error).__name__})\n")
        sys.stderr.flush()
        os._exit(78)


def _keep_secrets_out_of_the_journal() -> None:
    hidden = json.loads(os.environ.pop("SLIPWAY_MASK", "[]"))
    if not hidden or not os.environ.get("JOURNAL_STREAM"):
        return
    pattern = re.compile("|".join(map(re.escape, hidden)))
    for stream in (sys.stdout, sys.stderr):
        if _is_journal(stream):
            _mask(stream, pattern)


def _is_journal(stream: TextIO) -> bool:
    """As systemd describes it; a terminal and a pipe get what was written."""
    status = os.fstat(stream.fileno())
    return os.environ["JOURNAL_STREAM"] == f"{status.st_dev}:{status.st_ino}"


def _mask(stream: TextIO, pattern: re.Pattern[str]) -> None:
    write = stream.write

    def masked(text: str, /) -> int:
        write(pattern.sub("[secret]", text))
        return len(text)

    stream.write = masked  # type: ignore[method-assign]


def _use_only_the_release() -> None:
    ours = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = [
        entry for entry in sys.path if os.path.basename(entry) not in _FOREIGN or os.path.abspath(entry) in ours
    ]
    for entry in ours:
        if os.path.basename(entry) == "site-packages":
            site.addsitedir(entry)  # PYTHONPATH alone does not read .pth files
        elif _is_source_root(os.path.join(entry, "src")):
            sys.path.append(os.path.join(entry, "src"))


def _is_source_root(path: str) -> bool:
    return os.path.isdir(path) and not os.path.exists(os.path.join(path, "__init__.py"))


def _export_conventional_names() -> None:
    if "SLIPWAY_SITE" in os.environ:
        import slipway_environment  # type: ignore[import-not-found,unused-ignore]

        slipway_environment.prepare(os.environ)


def _install_configurations() -> None:
    """django-configurations makes settings of a class; with the overlay, slipway_settings does this when it is time."""
    if os.environ.get("DJANGO_CONFIGURATION") and os.environ.get("DJANGO_SETTINGS_MODULE") != "slipway_settings":
        from configurations.importer import install  # type: ignore[import-not-found,unused-ignore]

        install()


_load_credentials()
_export_conventional_names()
_keep_secrets_out_of_the_journal()
_use_only_the_release()
_install_configurations()
