"""A wsgi.py that only says what Django says is not imported at all."""

import importlib
import io
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

STOCK = '''"""WSGI config."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site.settings")

application = get_wsgi_application()
'''


@pytest.fixture
def entry(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """slipway_wsgi with a Django that has no WSGI_APPLICATION."""
    settings = SimpleNamespace(WSGI_APPLICATION=None)
    monkeypatch.setitem(sys.modules, "django.core.wsgi", SimpleNamespace(get_wsgi_application=object))
    monkeypatch.setitem(sys.modules, "django.conf", SimpleNamespace(settings=settings))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "x")
    return importlib.import_module("slipway_wsgi")


@pytest.mark.parametrize(
    ("source", "stock"),
    [
        (STOCK, True),
        (STOCK.replace("os.environ.setdefault(", "print("), False),
        ('import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "site.settings"\n', True),
        (STOCK + "application = Wrapper(application)\n", False),
        (STOCK + "import newrelic\n", False),
    ],
)
def test_stock(entry: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, stock: bool) -> None:
    name = f"wsgi_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert entry.is_stock(name) is stock
    assert name not in sys.modules


def read(environ: dict[str, Any], start_response: Any) -> Any:
    """As Django does: as much as is announced."""
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


@pytest.mark.parametrize("size", [0, 10, 3 << 20])
def test_a_body_of_unannounced_length_is_not_lost(entry: ModuleType, size: int) -> None:
    body = b"x" * size
    chunked: dict[str, Any] = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(body)}
    assert read(dict(chunked), None) == b"", "the control: Django alone takes it for empty"
    assert entry.measured(read)(chunked, None) == body
    chunked["wsgi.input"].close()


def test_any_other_body_is_left_to_django(entry: ModuleType) -> None:
    announced: dict[str, Any] = {"CONTENT_LENGTH": "3", "wsgi.input": io.BytesIO(b"abcdef")}
    assert entry.measured(read)(announced, None) == b"abc"
    assert announced["wsgi.input"].tell() == 3
