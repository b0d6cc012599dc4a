"""Droplets: ordered at once, made by a worker, gone only when the machine is."""

from __future__ import annotations

import re
from functools import partial

from rehearsal.cloud import pools
from rehearsal.cloud.digitalocean import actions, births, catalog, tags, vpcs
from rehearsal.cloud.digitalocean.account import DROPLET_LIMIT, find_key
from rehearsal.cloud.digitalocean.calls import Answer, Call, Routes
from rehearsal.cloud.digitalocean.errors import not_built, not_found, unprocessable
from rehearsal.cloud.rows import Action, Droplet, Json
from rehearsal.cloud.rules import attached
from rehearsal.cloud.store import State, now

routes = Routes()
NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,253}[a-zA-Z0-9])?")
SWITCHES = {"ipv6": "ipv6", "backups": "backups", "monitoring": "monitoring", "with_droplet_agent": "droplet_agent"}
USER_DATA_LIMIT = 64 * 1024


def find(state: State, id: int) -> Droplet:
    """Find a droplet or answer 404."""
    if id not in state.droplets:
        raise not_found()
    return state.droplets[id]


def render(state: State, droplet: Droplet) -> Json:
    """Give the API's object of a droplet."""
    size = catalog.SIZES[droplet.size]
    return {
        "id": droplet.id,
        "name": droplet.name,
        "memory": size.memory,
        "vcpus": size.vcpus,
        "disk": size.disk,
        "disk_info": size.render()["disk_info"],
        "locked": droplet.locked,
        "status": droplet.status,
        "kernel": None,
        "created_at": droplet.created_at,
        "features": droplet.features,
        "backup_ids": [],
        "next_backup_window": None,
        "snapshot_ids": [],
        "image": catalog.IMAGES[droplet.image].render(),
        "volume_ids": [],
        "size": size.render(),
        "size_slug": droplet.size,
        "networks": _networks(state, droplet),
        "region": catalog.render_region(droplet.region),
        "tags": droplet.tags,
        "vpc_uuid": droplet.vpc_uuid,
    }


def _networks(state: State, droplet: Droplet) -> Json:
    if droplet.status == "new":
        return {"v4": [], "v6": []}
    private = vpcs.network(state.vpcs[droplet.vpc_uuid])
    inside = {"ip_address": droplet.private_ip, "netmask": str(private.netmask), "gateway": "", "type": "private"}
    outside = {"ip_address": droplet.public_ip, "netmask": "255.255.255.0", "gateway": "198.51.100.1", "type": "public"}
    reserved = [
        {"ip_address": ip.ip, "netmask": "255.255.255.0", "gateway": "198.51.100.1", "type": "public"}
        for ip in state.reserved_ips.values()
        if ip.droplet_id == droplet.id
    ]
    return {"v4": [outside, inside, *reserved], "v6": []}


@routes.on("GET", "/droplets")
def list_droplets(call: Call) -> Answer:
    """List droplets, all or those with a tag or name."""
    tag, name = call.query.get("tag_name"), call.query.get("name")
    births.notice_stopped(call.cloud)
    with call.read() as state:
        found = (
            render(state, droplet)
            for droplet in state.droplets.values()
            if tag in (None, *droplet.tags) and name in (None, droplet.name)
        )
        return call.page("droplets", found)


@routes.on("GET", "/droplets/<int:id>")
def read_droplet(call: Call, id: int) -> Answer:
    """Show a droplet."""
    births.notice_stopped(call.cloud)
    with call.read() as state:
        return 200, {"droplet": render(state, find(state, id))}


@routes.on("GET", "/droplets/<int:id>/firewalls")
def list_firewalls(call: Call, id: int) -> Answer:
    """List what guards a droplet."""
    with call.read() as state:
        return call.page("firewalls", ({**vars(w), "pending_changes": []} for w in attached(state, find(state, id))))


@routes.on("POST", "/droplets")
def create_droplet(call: Call) -> Answer:
    """Order a droplet, or several with `names`."""
    wanted = call.body.get("names") or [call.need("name")[0]]
    with call.change() as state:
        _check(state, call.body, wanted)
        made = [_order(state, call.body, name) for name in wanted]
        answers = [render(state, droplet) for droplet, _ in made]
    for droplet, action in made:
        call.cloud.start(f"create droplet {droplet.id}", partial(births.make, call.cloud, droplet, action))
    links: Json = {"actions": [actions.link(call, action, "create") for _, action in made]}
    if "names" in call.body:
        return 202, {"droplets": answers, "links": links}
    return 202, {"droplet": answers[0], "links": links}


def _check(state: State, body: Json, names: list[str]) -> None:
    for name in names:
        if not NAME.fullmatch(name):
            raise unprocessable("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
    if len(state.droplets) + len(names) > DROPLET_LIMIT:
        raise unprocessable("creating this/these droplet(s) will exceed your droplet limit")
    if body.get("size") not in catalog.SIZES:
        raise unprocessable("You specified an invalid size for Droplet creation.")
    if body.get("region", "nyc3") not in catalog.REGIONS:
        raise unprocessable("You specified an invalid region for Droplet creation.")
    image = catalog.find_image(body.get("image") or "")
    if image is None:
        raise unprocessable("You specified an invalid image for Droplet creation.")
    if image.slug != catalog.BOOTABLE:
        raise not_built(f"booting {image.slug} (only {catalog.BOOTABLE})")
    _check_extras(state, body)


def _check_extras(state: State, body: Json) -> None:
    if len(str(body.get("user_data") or "").encode()) > USER_DATA_LIMIT:
        raise unprocessable("User data is too long (maximum is 64 KiB)")
    if body.get("volumes"):
        raise not_built("volumes")
    for wanted in body.get("ssh_keys") or ():
        if find_key(state, wanted) is None:
            raise unprocessable(f"{wanted} are invalid key identifiers for Droplet creation.")


def _order(state: State, body: Json, name: str) -> tuple[Droplet, Action]:
    region = body.get("region") or "nyc3"
    vpc = vpcs.choose(state, body.get("vpc_uuid"), region=region)
    image = catalog.find_image(body["image"])
    assert image is not None
    droplet = Droplet(
        id=state.next_id("droplet"),
        name=name,
        region=region,
        size=body["size"],
        image=image.id,
        created_at=now(),
        public_ip=_public_address(state),
        private_ip=vpcs.take_address(state, vpc),
        vpc_uuid=vpc.id,
        user_data=body.get("user_data") or "",
        keys=[key.public_key for wanted in body.get("ssh_keys") or () if (key := find_key(state, wanted))],
        tags=tags.ensure(state, body.get("tags") or []),
        features=[feature for switch, feature in SWITCHES.items() if body.get(switch)] + ["private_networking"],
    )
    state.droplets[droplet.id] = droplet
    return droplet, actions.begin(state, "create", resource=droplet.id, kind="droplet", region=region)


def _public_address(state: State) -> str:
    address = pools.take_public(state)
    if address is None:
        raise unprocessable("creating this/these droplet(s) will exceed your droplet limit")
    return address
