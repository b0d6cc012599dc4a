"""The door of `/v2`: token, route, answer."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Request, Response

from rehearsal.cloud.core import Cloud, log
from rehearsal.cloud.digitalocean import (
    account,
    actions,
    addresses,
    cluster_parts,
    cluster_sizes,
    databases,
    domains,
    droplet_actions,
    droplets,
    firewalls,
    projects,
    spaces,
    tags,
    vpcs,
)
from rehearsal.cloud.digitalocean.calls import Answer, Answerer, Call
from rehearsal.cloud.digitalocean.errors import ApiError, not_built, unauthorized
from rehearsal.cloud.routes import Directory
from rehearsal.cloud.rows import Json

PARTS = (
    account,
    actions,
    addresses,
    cluster_parts,
    cluster_sizes,
    databases,
    domains,
    droplet_actions,
    droplets,
    firewalls,
    projects,
    spaces,
    tags,
    vpcs,
)
TOKEN = "local-"


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
            status, body = self._refuse(request, error, request_id)
        except Exception as error:
            log.exception("LOUD %s %s broke", request.method, request.path)
            self.cloud.event("failed", work=f"{request.method} {request.path}", cause=str(error))
            status, body = self._refuse(request, ApiError(500, "server_error", f"Unexpected: {error}"), request_id)
        response = Response(status=status)
        if body is not None:
            response = Response(json.dumps(body), status=status, content_type="application/json; charset=utf-8")
        return response

    def _answer(self, request: Request) -> Answer:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith(TOKEN):
            raise unauthorized()
        answer, values = self._find(request)
        url = request.base_url
        return answer(Call(cloud=self.cloud, url=url, query=request.args, body=_body(request)), **values)

    def _find(self, request: Request) -> tuple[Answerer, dict[str, Any]]:
        try:
            return DIRECTORY.find(request)
        except LookupError as error:
            raise not_built(str(error)) from None

    def _refuse(self, request: Request, error: ApiError, request_id: str) -> Answer:
        if error.status == 501:
            log.error("LOUD 501: %s", error.message)
            self.cloud.event("not built", method=request.method, path=request.path, what=error.message)
        return error.status, {"id": error.id, "message": error.message, "request_id": request_id}


def _body(request: Request) -> Json:
    raw = request.get_data()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiError(400, "bad_request", "Unable to parse the request's JSON") from None
    if not isinstance(body, dict):
        raise ApiError(400, "bad_request", "The request's JSON should be an object")
    return body


def seed(cloud: Cloud) -> None:
    """Give a new account what every account has."""
    with cloud.store.change() as state:
        projects.seed(state)
        vpcs.seed(state)
