"""The settings module of every slipway process: the project's own (SLIPWAY_SETTINGS), with ours laid over it."""

import importlib
import os
import sys

import slipway_overlay as _overlay  # type: ignore[import-not-found,unused-ignore]

_overlay.prepare(os.environ)
_module = importlib.import_module(os.environ["SLIPWAY_SETTINGS"])
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
