"""Account, SSH keys, what can be ordered."""

from __future__ import annotations

import base64
import hashlib

from rehearsal.cloud.digitalocean import catalog
from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.errors import not_found, unprocessable
from rehearsal.cloud.rows import SshKey
from rehearsal.cloud.store import State

routes = Routes()
DROPLET_LIMIT = 25
ACCOUNT = {
    "droplet_limit": DROPLET_LIMIT,
    "floating_ip_limit": 10,
    "reserved_ip_limit": 10,
    "volume_limit": 100,
    "email": "rehearsal@example.com",
    "name": "Rehearsal",
    "uuid": "00000000000000000000000000000000000000c0",
    "email_verified": True,
    "status": "active",
    "status_message": "",
    "team": {"uuid": "00000000000000000000000000000000000000c1", "name": "Rehearsal"},
}


@routes.on("GET", "/account")
def read_account(call: Call) -> Answer:
    """Show the account."""
    return 200, {"account": ACCOUNT}


@routes.on("GET", "/regions")
def list_regions(call: Call) -> Answer:
    """List regions."""
    return call.page("regions", map(catalog.render_region, catalog.REGIONS))


@routes.on("GET", "/sizes")
def list_sizes(call: Call) -> Answer:
    """List droplet sizes."""
    return call.page("sizes", (size.render() for size in catalog.SIZES.values()))


@routes.on("GET", "/images")
def list_images(call: Call) -> Answer:
    """List images; the account has none of its own."""
    mine = call.query.get("private") == "true" or call.query.get("type") == "application" or "tag_name" in call.query
    return call.page("images", () if mine else (image.render() for image in catalog.IMAGES.values()))


@routes.on("GET", "/images/<wanted>")
def read_image(call: Call, wanted: str) -> Answer:
    """Show an image by id or slug."""
    image = catalog.find_image(wanted)
    if image is None:
        raise not_found()
    return 200, {"image": image.render()}


@routes.on("GET", "/account/keys")
def list_keys(call: Call) -> Answer:
    """List SSH keys."""
    with call.read() as state:
        return call.page("ssh_keys", map(vars, state.keys.values()))


@routes.on("POST", "/account/keys")
def create_key(call: Call) -> Answer:
    """Take an SSH key; the same key twice is refused."""
    name, public_key = call.need("name", "public_key")
    fingerprint = _fingerprint(public_key)
    with call.change() as state:
        if any(key.fingerprint == fingerprint for key in state.keys.values()):
            raise unprocessable("SSH Key is already in use on your account")
        key = SshKey(id=state.next_id("key"), name=name, public_key=public_key.strip(), fingerprint=fingerprint)
        state.keys[key.id] = key
        return 201, {"ssh_key": vars(key)}


def _fingerprint(public_key: str) -> str:
    try:
        blob = base64.b64decode(public_key.split()[1], validate=True)
    except (IndexError, ValueError):
        raise unprocessable("Key invalid, key should be of the format `type key [comment]`") from None
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def find_key(state: State, wanted: str | int) -> SshKey | None:
    """Find a key by id or fingerprint."""
    return next((key for key in state.keys.values() if str(wanted) in (str(key.id), key.fingerprint)), None)


def _key(state: State, wanted: str) -> SshKey:
    key = find_key(state, wanted)
    if key is None:
        raise not_found()
    return key


@routes.on("GET", "/account/keys/<wanted>")
def read_key(call: Call, wanted: str) -> Answer:
    """Show an SSH key."""
    with call.read() as state:
        return 200, {"ssh_key": vars(_key(state, wanted))}


@routes.on("PUT", "/account/keys/<wanted>")
def rename_key(call: Call, wanted: str) -> Answer:
    """Rename an SSH key."""
    with call.change() as state:
        key = _key(state, wanted)
        key.name = call.body.get("name") or key.name
        return 200, {"ssh_key": vars(key)}


@routes.on("DELETE", "/account/keys/<wanted>")
def delete_key(call: Call, wanted: str) -> Answer:
    """Forget an SSH key; machines keep it."""
    with call.change() as state:
        del state.keys[_key(state, wanted).id]
        return DONE
