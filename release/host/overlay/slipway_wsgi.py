"""The WSGI application gunicorn serves: the project's, behind slipway's own paths."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import slipway_body as _body  # type: ignore[import-not-found,unused-ignore]
import slipway_edge as _edge  # type: ignore[import-not-found,unused-ignore]
import slipway_entry as _entry  # type: ignore[import-not-found,unused-ignore]

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def edged(application: Application) -> Application:
    """The project's application, told who the visitor is: behind a unix socket there is no peer address."""
    edge = _edge.Edge()

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        forwarded, path = environ.get("HTTP_X_FORWARDED_FOR"), environ.get("PATH_INFO", "")
        if not environ.get("REMOTE_ADDR"):
            environ["REMOTE_ADDR"] = _edge.visitor(forwarded or "")
        if path not in (_edge.RELEASE, _edge.READY):
            return application(environ, start_response)
        status, body = edge.answer(path=path, visitor=_edge.visitor(forwarded))
        start_response(f"{status} {HTTPStatus(status).phrase}", [*_edge.HEADERS, ("Content-Length", str(len(body)))])
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]

    return answer


application = edged(_body.wsgi(_entry.load("wsgi")))
