"""Bodies of unannounced length: Django takes them for empty ones, so they are read first, and their length is told."""

import shutil
import tempfile
from typing import Any

IN_MEMORY = 1 << 20  # bytes; more of it goes to TMPDIR
CHUNK = 1 << 16
NAMES = (b"content-length", b"transfer-encoding")


def wsgi(application: Any) -> Any:
    """For a WSGI application."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            body = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - as long as the request
            shutil.copyfileobj(environ["wsgi.input"], body)
            environ |= {"CONTENT_LENGTH": str(body.tell()), "wsgi.input": body}
            body.seek(0)
        return application(environ, start_response)

    return answer


def asgi(application: Any) -> Any:
    """For an ASGI application."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not is_chunked(scope["headers"]):
            await application(scope, receive, send)
            return
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as body:
            if await spool(receive, body):
                kept = [(name, value) for name, value in scope["headers"] if name.lower() not in NAMES]
                headers = [*kept, (b"content-length", str(body.tell()).encode())]
                await application({**scope, "headers": headers}, replayed(body, receive), send)

    return answer


def is_chunked(headers: Any) -> bool:
    return any(name.lower() == b"transfer-encoding" and b"chunked" in value.lower() for name, value in headers)


async def spool(receive: Any, body: Any) -> bool:
    """Whether all of it has come."""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return False
        body.write(message.get("body", b""))
        more = message.get("more_body", False)
    return True


def replayed(body: Any, receive: Any) -> Any:
    """A `receive` that gives the body, then what comes after it."""
    size = body.tell()
    body.seek(0)
    begun = False

    async def heard() -> Any:
        nonlocal begun
        if begun and body.tell() == size:
            return await receive()
        begun = True
        content = body.read(CHUNK)
        return {"type": "http.request", "body": content, "more_body": body.tell() < size}

    return heard
