"""Keys for object storage; the S3 front lets in what they grant."""

from __future__ import annotations

import secrets
import string

from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.errors import ApiError, not_found
from rehearsal.cloud.rows import Json, SpacesKey
from rehearsal.cloud.store import State, now

routes = Routes()
PERMISSIONS = ("read", "readwrite", "fullaccess")
LETTERS = string.ascii_uppercase + string.digits


def _find(state: State, access_key: str) -> SpacesKey:
    if access_key not in state.spaces_keys:
        raise not_found()
    return state.spaces_keys[access_key]


def _render(key: SpacesKey) -> Json:
    return {k: v for k, v in vars(key).items() if k != "secret_key"}


def _grants(body: Json) -> list[Json]:
    return [_grant(row) for row in body.get("grants") or []]


def _grant(row: Json) -> Json:
    bucket, permission = row.get("bucket") or "", row.get("permission")
    if permission not in PERMISSIONS:
        raise _bad(f"permission should be read, readwrite or fullaccess (got {permission!r})")
    if (permission == "fullaccess") != (bucket == ""):
        raise _bad("fullaccess is for all buckets (bucket ''), read and readwrite are for one bucket")
    return {"bucket": bucket, "permission": permission}


def _may_be_limited_to(state: State, grants: list[Json]) -> None:
    names = [grant["bucket"] for grant in grants]
    if found := next((name for name in names if name in state.buckets and state.buckets[name].policy), None):
        raise _bad(f"no key can be limited to a bucket that has a policy (got {found})")


def _bad(message: str) -> ApiError:
    return ApiError(400, "bad_request", message)


@routes.on("GET", "/spaces/keys")
def list_keys(call: Call) -> Answer:
    """List keys."""
    bucket = call.query.get("bucket")
    with call.read() as state:
        found = (k for k in state.spaces_keys.values() if bucket is None or bucket in [g["bucket"] for g in k.grants])
        return call.page("keys", map(_render, found))


@routes.on("POST", "/spaces/keys")
def create_key(call: Call) -> Answer:
    """Make a key; this answer alone holds its secret."""
    if not call.body.get("name"):
        raise _bad("name is required")
    key = SpacesKey(
        access_key="DO" + "".join(secrets.choice(LETTERS) for _ in range(18)),
        secret_key=secrets.token_urlsafe(32),
        name=call.body["name"],
        created_at=now(),
        grants=_grants(call.body),
    )
    with call.change() as state:
        _may_be_limited_to(state, key.grants)
        state.spaces_keys[key.access_key] = key
    return 201, {"key": {**_render(key), "secret_key": key.secret_key}}


@routes.on("GET", "/spaces/keys/<access_key>")
def read_key(call: Call, access_key: str) -> Answer:
    """Show a key."""
    with call.read() as state:
        return 200, {"key": _render(_find(state, access_key))}


@routes.on("PUT", "/spaces/keys/<access_key>")
@routes.on("PATCH", "/spaces/keys/<access_key>")
def change_key(call: Call, access_key: str) -> Answer:
    """Rename a key or change what it opens."""
    with call.change() as state:
        key = _find(state, access_key)
        grants = _grants(call.body) if call.body.get("grants") is not None else key.grants
        _may_be_limited_to(state, grants)
        key.name, key.grants = call.body.get("name") or key.name, grants
        return 200, {"key": _render(key)}


@routes.on("DELETE", "/spaces/keys/<access_key>")
def delete_key(call: Call, access_key: str) -> Answer:
    """Take a key back."""
    with call.change() as state:
        del state.spaces_keys[_find(state, access_key).access_key]
        return DONE
