"""A wsgi.py that only says what Django says is not imported at all."""

import asyncio
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
def entry(overlay: Path) -> ModuleType:
    return importlib.import_module("slipway_entry")


@pytest.fixture
def body(overlay: Path) -> ModuleType:
    return importlib.import_module("slipway_body")


@pytest.mark.parametrize(
    ("source", "stock"),
    [
        (STOCK, True),
        (STOCK.replace("wsgi", "asgi"), True),
        (STOCK.replace("django.core.wsgi", "configurations.wsgi"), True),
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
def test_a_body_of_unannounced_length_is_not_lost(body: ModuleType, size: int) -> None:
    content = b"x" * size
    chunked: dict[str, Any] = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(content)}
    assert read(dict(chunked), None) == b"", "the control: Django alone takes it for empty"
    assert body.wsgi(read)(chunked, None) == content
    chunked["wsgi.input"].close()


@pytest.mark.parametrize("parts", [[b""], [b"x" * 10], [b"x" * 100_000] * 30])
def test_nor_is_it_under_asgi(body: ModuleType, parts: list[bytes]) -> None:
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages += [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
    heard: list[dict[str, Any]] = []
    announced: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        announced.extend(value for name, value in scope["headers"] if name == b"content-length")
        while not heard or heard[-1]["type"] == "http.request":
            heard.append(await receive())

    scope = {"type": "http", "headers": [(b"transfer-encoding", b"chunked")]}
    asyncio.run(body.asgi(application)(scope, receive, None))
    *requests, last = heard
    assert b"".join(each["body"] for each in requests) == b"".join(parts)
    assert [each["more_body"] for each in requests][-1] is False
    assert (announced, last["type"]) == ([str(len(b"".join(parts))).encode()], "http.disconnect")


def test_a_visitor_who_leaves_halfway_is_not_taken_for_one_who_has_sent_all(body: ModuleType) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("was called")

    scope = {"type": "http", "headers": [(b"Transfer-Encoding", b"chunked")]}
    asyncio.run(body.asgi(application)(scope, receive, None))


def test_any_other_body_is_left_to_django(body: ModuleType) -> None:
    announced: dict[str, Any] = {"CONTENT_LENGTH": "3", "wsgi.input": io.BytesIO(b"abcdef")}
    assert body.wsgi(read)(announced, None) == b"abc"
    assert announced["wsgi.input"].tell() == 3


def test_an_asgi_module_is_found_beside_the_wsgi_module_or_the_urls(
    entry: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop").mkdir()
    for name in ("__init__", "asgi"):
        (tmp_path / f"shop/{name}.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for settings, found in (
        ({"ASGI_APPLICATION": "other.entry.app"}, ("other.entry", "app")),
        ({"WSGI_APPLICATION": "shop.wsgi.application"}, ("shop.asgi", "application")),
        ({"ROOT_URLCONF": "shop.urls"}, ("shop.asgi", "application")),
        ({"ROOT_URLCONF": "elsewhere.urls"}, ("", "")),
        ({}, ("", "")),
    ):
        monkeypatch.setitem(sys.modules, "django.conf", SimpleNamespace(settings=SimpleNamespace(**settings)))
        assert entry.chosen("asgi") == found
