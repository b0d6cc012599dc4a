"""The API's refusals, in its own words: clients go by the code, the status is what belongs to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Response

from rehearsal.cloud.rows import Json

# Of several codes with one status a fault rule means the first: what may pass, not what the caller did.
STATUS = {
    "json_error": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "token_readonly": 403,
    "resource_limit_exceeded": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "uniqueness_error": 409,
    "resource_unavailable": 412,
    "locked": 423,
    "protected": 423,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "not_implemented": 501,
    "bad_gateway": 502,
    "service_error": 503,
    "timeout": 504,
}
MESSAGES = {
    "rate_limit_exceeded": "API rate limit exceeded",
    "server_error": "Error within the API backend",
    "bad_gateway": "The request could not be answered by the API backend, please retry",
    "service_error": "Error within a service",
    "timeout": "The request could not be answered in time, please retry",
}


class ApiError(Exception):
    """An answer that is not a success; a code without a status of its own is an input that cannot be processed."""

    def __init__(self, code: str, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS.get(code, 422)
        self.message = message
        self.details = details

    def body(self) -> Json:
        """Give the answer's JSON."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


def unauthorized() -> ApiError:
    """Refuse a missing or foreign token."""
    return ApiError("unauthorized", "unable to authenticate")


def not_found(kind: str, id: object) -> ApiError:
    """Say that there is no such thing."""
    return ApiError("not_found", f"{kind} with ID '{id}' not found")


def invalid(field: str, message: str) -> ApiError:
    """Refuse a field of the request."""
    details = {"fields": [{"name": field, "messages": [message]}]}
    return ApiError("invalid_input", f"invalid input in field '{field}': {message}", details)


def not_unique(kind: str, field: str = "name") -> ApiError:
    """Refuse what something else already is."""
    details = {"fields": [{"name": field, "messages": [f"{field} is already used"]}]}
    return ApiError("uniqueness_error", f"{kind} {field} is already used", details)


def locked(kind: str) -> ApiError:
    """Refuse what has to wait for the action that runs."""
    return ApiError("locked", f"cannot perform operation because {kind} is locked")


def protected(kind: str) -> ApiError:
    """Refuse what the user has forbidden."""
    return ApiError("protected", f"{kind} deletion is protected")


def in_use(what: str) -> ApiError:
    """Refuse to delete what something needs."""
    return ApiError("resource_in_use", f"{what} is still in use")


def not_built(what: str) -> ApiError:
    """Say that the rehearsal does not have this call."""
    return ApiError("not_implemented", f"{what}: the rehearsal's Hetzner Cloud does not have this")


def refusal(status: int, body: Json | None, headers: Mapping[str, str], *, request_id: str) -> Response:
    """Give a refusal that no work of the API stands behind."""
    code = next((code for code, known in STATUS.items() if known == status), "unknown_error")
    message = MESSAGES.get(code) or HTTPStatus(status).phrase
    said = body if body is not None else {"error": {"code": code, "message": message, "details": None}}
    response = Response(json.dumps(said), status=status, content_type="application/json")
    response.headers.update({"X-Correlation-Id": request_id, **headers})
    return response
