"""Which application a process serves: the project's own where it adds something to Django's, else Django's."""

import ast
import importlib.util
import os
from importlib import import_module
from typing import Any

STOCK_MODULES = ("django.core.wsgi", "django.core.asgi", "configurations.wsgi", "configurations.asgi")
STOCK_CALLS = ("get_wsgi_application", "get_asgi_application", "os.environ.setdefault")


def load(interface: str) -> Any:
    """Django is started with the settings module of this process before any line of the project's own entry runs."""
    settings = os.environ["DJANGO_SETTINGS_MODULE"]
    application = getattr(import_module(f"django.core.{interface}"), f"get_{interface}_application")()
    module, name = chosen(interface)
    if not module or is_stock(module):
        return application
    try:
        return getattr(import_module(module), name)
    finally:
        os.environ["DJANGO_SETTINGS_MODULE"] = settings  # a wsgi.py may assign its own


def chosen(interface: str) -> tuple[str, str]:
    """Module and name; an asgi.py that no setting names is the one beside the wsgi.py or the URLs."""
    from django.conf import settings  # type: ignore[import-not-found,unused-ignore]

    named = getattr(settings, f"{interface.upper()}_APPLICATION", None) or ""
    if not named and interface == "asgi":
        beside = getattr(settings, "WSGI_APPLICATION", None) or f"{getattr(settings, 'ROOT_URLCONF', '')}.application"
        package = beside.rpartition(".")[0].rpartition(".")[0]
        named = f"{package}.asgi.application" if package and exists(f"{package}.asgi") else ""
    module, _, name = named.rpartition(".")
    return module, name


def exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def is_stock(module: str) -> bool:
    """Whether a wsgi.py or asgi.py does nothing but what `startproject` writes, which is done already."""
    spec = importlib.util.find_spec(module)
    if not spec or not spec.origin or not spec.origin.endswith(".py"):
        return False
    with open(spec.origin, encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    return all(is_stock_statement(statement) for statement in body)


def is_stock_statement(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return statement.module in STOCK_MODULES
    if isinstance(statement, ast.Import):
        return [name.name for name in statement.names] == ["os"]
    if isinstance(statement, ast.Assign):
        target = ast.unparse(statement.targets[0])
        return is_stock_value(statement.value) and (target == "application" or target.startswith("os.environ["))
    return isinstance(statement, ast.Expr) and is_stock_value(statement.value)


def is_stock_value(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and ast.unparse(value.func) in STOCK_CALLS)
