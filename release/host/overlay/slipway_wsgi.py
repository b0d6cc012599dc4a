"""The WSGI entry of every slipway process: settings are ours before any line of the project's wsgi.py runs."""

import ast
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib import import_module
from typing import Any

SETTINGS = "slipway_settings"
STOCK_CALLS = ("get_wsgi_application", "os.environ.setdefault")
IN_MEMORY = 1 << 20  # bytes of a body of unannounced length; more of it goes to TMPDIR


def load() -> Any:
    """The project's WSGI application when it adds something to Django's own, else Django's own."""
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    from django.core.wsgi import get_wsgi_application  # type: ignore[import-not-found,unused-ignore]

    application = get_wsgi_application()
    module, name = chosen()
    if not module or is_stock(module):
        return application
    try:
        return getattr(import_module(module), name)
    finally:
        os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS  # a wsgi.py may assign its own


def chosen() -> tuple[str, str]:
    from django.conf import settings  # type: ignore[import-not-found,unused-ignore]

    module, _, name = (settings.WSGI_APPLICATION or "").rpartition(".")
    return module, name


def is_stock(module: str) -> bool:
    """Whether a wsgi.py does nothing but what `startproject` writes, which the overlay makes superfluous."""
    spec = importlib.util.find_spec(module)
    if not spec or not spec.origin or not spec.origin.endswith(".py"):
        return False
    with open(spec.origin, encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    return all(is_stock_statement(statement) for statement in body)


def is_stock_statement(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "django.core.wsgi"
    if isinstance(statement, ast.Import):
        return [name.name for name in statement.names] == ["os"]
    if isinstance(statement, ast.Assign):
        target = ast.unparse(statement.targets[0])
        return is_stock_value(statement.value) and (target == "application" or target.startswith("os.environ["))
    return isinstance(statement, ast.Expr) and is_stock_value(statement.value)


def is_stock_value(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and ast.unparse(value.func) in STOCK_CALLS)


def measured(application: Callable[..., Any]) -> Callable[..., Any]:
    """Django takes a body of unannounced length for an empty one: read it first, and say how long it is."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            body = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - as long as the request
            shutil.copyfileobj(environ["wsgi.input"], body)
            environ |= {"CONTENT_LENGTH": str(body.tell()), "wsgi.input": body}
            body.seek(0)
        return application(environ, start_response)

    return answer


application = measured(load())
