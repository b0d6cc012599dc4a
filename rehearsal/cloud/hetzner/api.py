"""The door of `/v1`: token, route, answer."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Request, Response

from rehearsal.cloud.core import Cloud, log
from rehearsal.cloud.hetzner import (
    actions,
    firewalls,
    floating_ips,
    memberships,
    networks,
    offers,
    orders,
    placement_groups,
    primary_ips,
    rrsets,
    server_actions,
    servers,
    ssh_keys,
    volume_actions,
    volumes,
    zones,
)
from rehearsal.cloud.hetzner.calls import Answer, Answerer, Call
from rehearsal.cloud.hetzner.errors import ApiError, not_built, unauthorized
from rehearsal.cloud.routes import Directory
from rehearsal.cloud.rows import Json

PARTS = (
    actions,
    firewalls,
    floating_ips,
    memberships,
    networks,
    offers,
    orders,
    placement_groups,
    primary_ips,
    server_actions,
    servers,
    ssh_keys,
    volume_actions,
    volumes,
    zones,
    rrsets,
)
TOKEN, TOKEN_LENGTH = "local-", 64


DIRECTORY = Directory(PARTS)
methods = DIRECTORY.methods


class Api:
    """Answers one request; knows nothing of how it came."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def __call__(self, request: Request, request_id: str) -> Response:
        """Give the answer, a refusal included."""
        try:
            status, body = self._answer(request)
        except ApiError as error:
            status, body = self._refuse(request, error)
        except Exception as error:
            log.exception("LOUD %s %s broke", request.method, request.path)
            self.cloud.event("failed", work=f"{request.method} {request.path}", cause=str(error))
            status, body = self._refuse(request, ApiError("server_error", f"Unexpected: {error}"))
        response = Response(status=status)
        if body is not None:
            response = Response(json.dumps(body), status=status, content_type="application/json")
        response.headers["X-Correlation-Id"] = request_id
        return response

    def _answer(self, request: Request) -> Answer:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith(TOKEN) or len(token) != TOKEN_LENGTH:
            raise unauthorized()
        answer, values = self._find(request)
        return answer(Call(cloud=self.cloud, query=request.args, body=_body(request)), **values)

    def _find(self, request: Request) -> tuple[Answerer, dict[str, Any]]:
        try:
            return DIRECTORY.find(request)
        except LookupError as error:
            raise not_built(str(error)) from None

    def _refuse(self, request: Request, error: ApiError) -> Answer:
        if error.status == 501:
            log.error("LOUD 501: %s", error.message)
            self.cloud.event("not built", method=request.method, path=request.path, what=error.message)
        return error.status, error.body()


def _body(request: Request) -> Json:
    raw = request.get_data()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiError("json_error", "Invalid JSON input in your request") from None
    if not isinstance(body, dict):
        raise ApiError("json_error", "The request's JSON should be an object")
    return body
