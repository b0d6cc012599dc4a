"""SSH keys."""

from __future__ import annotations

import base64
import hashlib

from rehearsal.cloud.hetzner import labels, paging
from rehearsal.cloud.hetzner.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.hetzner.errors import invalid, not_found, not_unique
from rehearsal.cloud.hetzner.resources import check_name, common, find, update
from rehearsal.cloud.hetzner.rows import SshKey, Tables
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import now

routes = Routes()


def render(key: SshKey) -> Json:
    """Give the API's object of a key."""
    return {**common(key), "fingerprint": key.fingerprint, "public_key": key.public_key}


def named(tables: Tables, wanted: str | int) -> SshKey:
    """Find a key by id or name."""
    found = next((key for key in tables.ssh_keys.values() if str(wanted) in (str(key.id), key.name)), None)
    if found is None:
        raise not_found("SSH key", wanted)
    return found


@routes.on("GET", "/ssh_keys")
def list_keys(call: Call) -> Answer:
    """List keys, all or those with a fingerprint."""
    wanted = call.query.get("fingerprint")
    with call.read() as tables:
        found = [key for key in tables.ssh_keys.values() if wanted in (None, key.fingerprint)]
        return paging.listing(call, "ssh_keys", found, render)


@routes.on("POST", "/ssh_keys")
def create_key(call: Call) -> Answer:
    """Take a key; neither its name nor itself may be there already."""
    name, public_key = call.need("name", "public_key")
    fingerprint = _fingerprint(public_key)
    with call.change() as tables:
        check_name(tables.ssh_keys, "SSH key", name)
        if any(key.fingerprint == fingerprint for key in tables.ssh_keys.values()):
            raise not_unique("SSH key", "public_key")
        key = SshKey(
            id=tables.next_id("ssh_key"),
            name=name,
            created=now(),
            labels=labels.check(call.body.get("labels")),
            public_key=public_key.strip(),
            fingerprint=fingerprint,
        )
        tables.ssh_keys[key.id] = key
        return 201, {"ssh_key": render(key)}


def _fingerprint(public_key: str) -> str:
    try:
        blob = base64.b64decode(public_key.split()[1], validate=True)
    except (IndexError, ValueError):
        raise invalid("public_key", "SSH key is not valid") from None
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


@routes.on("GET", "/ssh_keys/<int:id>")
def read_key(call: Call, id: int) -> Answer:
    """Show a key."""
    with call.read() as tables:
        return 200, {"ssh_key": render(find(tables.ssh_keys, "SSH key", id))}


@routes.on("PUT", "/ssh_keys/<int:id>")
def change_key(call: Call, id: int) -> Answer:
    """Rename or label a key."""
    with call.change() as tables:
        key = find(tables.ssh_keys, "SSH key", id)
        update(tables.ssh_keys, "SSH key", key, call.body)
        return 200, {"ssh_key": render(key)}


@routes.on("DELETE", "/ssh_keys/<int:id>")
def delete_key(call: Call, id: int) -> Answer:
    """Forget a key; machines keep it."""
    with call.change() as tables:
        del tables.ssh_keys[find(tables.ssh_keys, "SSH key", id).id]
        return DONE
