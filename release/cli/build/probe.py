"""Runs under the target's Python in the unpacked layers: do they import as gunicorn would, what does Django say?

Called by release/cli/build/trial.py with three arguments: the file for the answer, the code, wsgi or asgi.
"""

import contextlib
import io
import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any


def look(interface: str) -> dict[str, Any]:
    import_module("django").setup()
    checks = import_module("django.core.checks")
    said = [each for each in checks.run_checks(include_deployment_checks=True) if not each.is_silenced()]
    found = [[each.id or "", each.level >= checks.ERROR, str(each.msg).split("\n")[0]] for each in said]
    import_module(f"slipway_{interface}")  # the very module gunicorn loads
    settings = import_module("django.conf").settings
    entry = getattr(settings, f"{interface.upper()}_APPLICATION", None) or "Django's own"
    return {"entry": entry, "checks": found}


def failure(error: BaseException, source: str) -> dict[str, str]:
    """What was raised, and the last line of the project's own that led to it."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [f"{os.path.relpath(file, source)}:{line}" for file, line in frames if file.startswith(source + os.sep)]
    return {"where": own[-1] if own else "", "said": f"{type(error).__name__}: {error}"}


def main() -> None:
    answer, source, interface = sys.argv[1:4]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            result: dict[str, Any] = {"found": look(interface)}
    except BaseException as error:
        result = {"failure": failure(error, source)}
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
