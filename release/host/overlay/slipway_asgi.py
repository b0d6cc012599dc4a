"""The ASGI application gunicorn serves: the project's, behind slipway's own paths; web sockets leave in time."""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import slipway_body as _body  # type: ignore[import-not-found,unused-ignore]
import slipway_edge as _edge  # type: ignore[import-not-found,unused-ignore]
import slipway_entry as _entry  # type: ignore[import-not-found,unused-ignore]
from asgiref.sync import sync_to_async  # type: ignore[import-not-found,unused-ignore]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SERVICE_RESTART = 1012  # what a browser hears as: come back, to the release that serves then
LOOK = 0.25  # seconds
SECURE = {"http": "https", "websocket": "wss"}


class Worker:
    """gunicorn's worker in this process, and whether it has been told to go."""

    current: Any = None

    @classmethod
    async def going(cls) -> None:
        """Return when it has."""
        while cls.current is None or cls.current.alive:
            await asyncio.sleep(LOOK)


def edged(application: Application) -> Application:
    """The project's application, told who the visitor is: behind a unix socket there is no peer address."""
    edge = _edge.Edge()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in SECURE:
            return await application(scope, receive, send)
        forwarded = header(scope, b"x-forwarded-for")
        if scope["type"] == "http" and scope["path"] in (_edge.RELEASE, _edge.READY):
            asked = {"path": scope["path"], "visitor": _edge.visitor(forwarded)}
            status, body = await sync_to_async(functools.partial(edge.answer, **asked))()
            return await say(send, status, body, only_head=scope["method"] == "HEAD")
        scope = {**scope, "client": (_edge.visitor(forwarded), 0) if forwarded else scope.get("client")}
        if header(scope, b"x-forwarded-proto") == "https":
            scope["scheme"] = SECURE[scope["type"]]
        await (leaving(application) if scope["type"] == "websocket" else application)(scope, receive, send)

    return answer


def leaving(application: Application) -> Application:
    """A web socket, closed when the worker is told to go; gunicorn alone would wait for it and then cut it off."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        closed = asyncio.Event()

        async def sent(message: MutableMapping[str, Any]) -> None:
            if not closed.is_set():
                await send(message)

        watching = asyncio.ensure_future(close(send, closed))
        try:
            await application(scope, receive, sent)
        finally:
            watching.cancel()

    return answer


async def close(send: Send, closed: asyncio.Event) -> None:
    await Worker.going()
    closed.set()
    with contextlib.suppress(Exception):  # the visitor or the project was faster
        await send({"type": "websocket.close", "code": SERVICE_RESTART})


def header(scope: Scope, name: bytes) -> str | None:
    found = [value.decode("latin-1") for each, value in scope["headers"] if each.lower() == name]
    return ",".join(found) if found else None


async def say(send: Send, status: int, body: bytes, *, only_head: bool) -> None:
    named = [(name.lower().encode(), value.encode()) for name, value in _edge.HEADERS]
    headers = [*named, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if only_head else body})


application = edged(_body.asgi(_entry.load("asgi")))
