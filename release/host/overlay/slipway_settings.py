"""The settings module of every slipway process: the project's own (SLIPWAY_SETTINGS), with ours laid over it."""

import importlib
import os
import sys
from types import ModuleType

import slipway_overlay as _overlay  # type: ignore[import-not-found,unused-ignore]

_NAME = "slipway_settings"


def _imported(module: str) -> ModuleType:
    """The project's settings; DJANGO_CONFIGURATION names a class of django-configurations in it."""
    try:
        if os.environ.get("DJANGO_CONFIGURATION"):
            os.environ["DJANGO_SETTINGS_MODULE"] = module  # the one name its importer looks at
            importlib.import_module("configurations.importer").install()
        return importlib.import_module(module)
    finally:
        os.environ["DJANGO_SETTINGS_MODULE"] = _NAME  # also where the project has assigned its own on the way


_module = _imported(os.environ["SLIPWAY_SETTINGS"])
_project = {name: getattr(_module, name) for name in dir(_module) if name.isupper()}
_settings, _changes = _overlay.apply(user=_project, environ=os.environ)
globals().update(_settings)


def report() -> list[str]:
    """One line for every setting that is not what the project says."""
    return [str(change) for change in _changes]


def overlaid() -> list[str]:
    """The names of these settings."""
    return [change.name for change in _changes]


if __name__ == "__main__":
    sys.stdout.write("\n".join(report()) + "\n")
