"""The API's refusals, in its own words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from werkzeug.wrappers import Response

from rehearsal.cloud.rows import Json


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, id: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.id = id
        self.message = message


def unauthorized() -> ApiError:
    """Refuse a missing or foreign token."""
    return ApiError(401, "unauthorized", "Unable to authenticate you")


def forbidden(message: str) -> ApiError:
    """Refuse what is never allowed."""
    return ApiError(403, "forbidden", message)


def not_found() -> ApiError:
    """Say that there is no such thing."""
    return ApiError(404, "not_found", "The resource you were accessing could not be found.")


def conflict(message: str) -> ApiError:
    """Refuse what something else stands in the way of."""
    return ApiError(409, "conflict", message)


def precondition(message: str) -> ApiError:
    """Refuse what is too early."""
    return ApiError(412, "precondition_failed", message)


def unprocessable(message: str) -> ApiError:
    """Refuse a request whose content is wrong."""
    return ApiError(422, "unprocessable_entity", message)


def not_built(what: str) -> ApiError:
    """Say that the rehearsal does not have this call."""
    return ApiError(501, "not_implemented", f"{what}: the rehearsal's DigitalOcean does not have this")


MESSAGES = {
    429: ("too_many_requests", "API Rate limit exceeded."),
    500: ("server_error", "Unexpected server-side error"),
    503: ("service_unavailable", "Service Unavailable"),
}


def refusal(status: int, body: Json | None, headers: Mapping[str, str], *, request_id: str) -> Response:
    """Give a refusal that no work of the API stands behind."""
    id, message = MESSAGES.get(status) or (
        HTTPStatus(status).phrase.lower().replace(" ", "_"),
        HTTPStatus(status).phrase,
    )
    said = {"id": id, "message": message, "request_id": request_id} if body is None else body
    response = Response(json.dumps(said), status=status, content_type="application/json; charset=utf-8")
    response.headers.update(headers)
    return response
