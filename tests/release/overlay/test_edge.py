"""What stands in front of Django, for either interface; Django itself is not needed for it."""

import asyncio
import importlib
import io
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

Message = dict[str, Any]


@pytest.fixture
def asgi(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """slipway_asgi with a Django that has no application of its own."""

    def in_thread(function: Callable[[], Any]) -> Callable[[], Coroutine[Any, Any, Any]]:
        async def called() -> Any:
            return function()

        return called

    settings = SimpleNamespace(WSGI_APPLICATION=None, ROOT_URLCONF="")
    monkeypatch.setitem(sys.modules, "asgiref.sync", SimpleNamespace(sync_to_async=in_thread))
    monkeypatch.setitem(sys.modules, "django.core.asgi", SimpleNamespace(get_asgi_application=object))
    monkeypatch.setitem(sys.modules, "django.conf", SimpleNamespace(settings=settings))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "x")
    monkeypatch.delitem(sys.modules, "slipway_asgi", raising=False)
    module = importlib.import_module("slipway_asgi")
    monkeypatch.setattr(module, "LOOK", 0)
    return module


def scope(kind: str, path: str, **headers: str) -> Message:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": kind, "method": "GET", "path": path, "scheme": "http", "client": None, "headers": named}


def asked(module: ModuleType, asked_for: Message, application: Any = None) -> list[Message]:
    """What is sent to the visitor."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    asyncio.run(module.edged(application)(asked_for, receive, send))
    return sent


def test_it_says_what_runs_without_asking_the_project(asgi: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_RELEASE", "1-2")
    start, body = asked(asgi, scope("http", "/_slipway/release", x_forwarded_for="192.0.2.7"))
    assert start["status"] == 200
    assert (b"cache-control", b"no-store") in start["headers"]
    assert b'"release": "1-2"' in body["body"]


@pytest.mark.parametrize("forwarded", ["192.0.2.7", "127.0.0.1, 192.0.2.7"])
def test_a_visitor_is_not_told_whether_it_is_ready(asgi: ModuleType, forwarded: str) -> None:
    start, body = asked(asgi, scope("http", "/_slipway/ready", x_forwarded_for=forwarded))
    assert (start["status"], body["body"]) == (404, b"{}")


@pytest.mark.parametrize(("kind", "scheme"), [("http", "https"), ("websocket", "wss")])
def test_the_project_hears_who_the_visitor_is_and_that_he_came_by_https(
    asgi: ModuleType, kind: str, scheme: str
) -> None:
    seen: list[Message] = []

    async def application(given: Message, receive: Any, send: Any) -> None:
        seen.append(given)

    asgi.Worker.current = SimpleNamespace(alive=True)
    asked(asgi, scope(kind, "/", x_forwarded_for="10.0.0.1, 192.0.2.7", x_forwarded_proto="https"), application)
    assert (seen[0]["client"], seen[0]["scheme"]) == (("192.0.2.7", 0), scheme)


def test_lifespan_is_the_projects_alone(asgi: ModuleType) -> None:
    async def application(given: Message, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete", "given": given})

    told = {"type": "lifespan"}
    assert asked(asgi, told, application) == [{"type": "lifespan.startup.complete", "given": told}]


@pytest.mark.parametrize("alive", [True, False])
def test_a_web_socket_is_closed_when_its_worker_is_told_to_go(asgi: ModuleType, alive: bool) -> None:
    """And only then; what the project says after it is dropped."""
    asgi.Worker.current = SimpleNamespace(alive=alive)

    async def application(given: Message, receive: Any, send: Any) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        await send({"type": "websocket.send", "text": "late"})

    sent = asked(asgi, scope("websocket", "/ws"), application)
    late, close = {"type": "websocket.send", "text": "late"}, {"type": "websocket.close", "code": 1012}
    assert sent == ([late] if alive else [close])


def test_wsgi_gets_the_address_of_the_visitor_and_slipways_own_answers(
    overlay: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "django.core.wsgi", SimpleNamespace(get_wsgi_application=object))
    monkeypatch.setitem(sys.modules, "django.conf", SimpleNamespace(settings=SimpleNamespace(WSGI_APPLICATION=None)))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "x")
    edged = importlib.import_module("slipway_wsgi").edged(lambda environ, start: [environ["REMOTE_ADDR"].encode()])
    asked_for = {"PATH_INFO": "/", "REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "10.0.0.1, 192.0.2.7"}
    assert edged({**asked_for, "wsgi.input": io.BytesIO()}, None) == [b"192.0.2.7"]
    said: list[str] = []
    body = edged({**asked_for, "PATH_INFO": "/_slipway/release"}, lambda status, headers: said.append(status))
    assert said == ["200 OK"]
    assert b'"artifact"' in body[0]
