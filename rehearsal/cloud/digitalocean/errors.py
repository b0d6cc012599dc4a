"""The API's refusals, in its own words."""

from __future__ import annotations


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
