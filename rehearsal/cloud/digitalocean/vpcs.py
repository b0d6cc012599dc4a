"""VPCs: every region already has a default one, as in an account that has been used."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network

from rehearsal.cloud.digitalocean.calls import DONE, Answer, Call, Routes
from rehearsal.cloud.digitalocean.catalog import REGIONS
from rehearsal.cloud.digitalocean.errors import conflict, forbidden, not_found, unprocessable
from rehearsal.cloud.places import next_address, vpc_addresses, vpc_range
from rehearsal.cloud.rows import Json, Vpc
from rehearsal.cloud.store import State, new_uuid, now

routes = Routes()


def seed(state: State) -> None:
    """Give every region its default VPC."""
    have = {vpc.region for vpc in state.vpcs.values() if vpc.default}
    for region in sorted(set(REGIONS) - have):
        add(state, name=f"default-{region}", region=region, default=True)


def add(
    state: State, *, name: str, region: str, description: str = "", ip_range: str = "", default: bool = False
) -> Vpc:
    """Add a VPC, with a range of its own when none is asked for."""
    vpc = Vpc(
        id=new_uuid(),
        name=name,
        region=region,
        description=description,
        ip_range=ip_range or _free_range(state),
        created_at=now(),
        default=default,
    )
    state.vpcs[vpc.id] = vpc
    return vpc


def _free_range(state: State) -> str:
    free = (ip_range for ip_range in map(vpc_range, range(150)) if not _overlaps(state, ip_range))
    found = next(free, None)
    if found is None:
        raise unprocessable("no free range left for a VPC")
    return found


def _overlaps(state: State, ip_range: str) -> bool:
    wanted = IPv4Network(ip_range)
    return any(wanted.overlaps(network(vpc)) for vpc in state.vpcs.values())


def network(vpc: Vpc) -> IPv4Network:
    """Give a VPC's range."""
    return IPv4Network(vpc.ip_range)


def choose(state: State, id: str | None, *, region: str) -> Vpc:
    """Find the VPC a new member goes to: the one asked for, or the region's default."""
    if id:
        vpc = state.vpcs.get(id)
        if vpc is None or vpc.region != region:
            raise unprocessable("VPC UUID is not valid or not in the region of the resource")
        return vpc
    return next(vpc for vpc in state.vpcs.values() if vpc.default and vpc.region == region)


def take_address(state: State, vpc: Vpc) -> str:
    """Give the next free address of a VPC."""
    taken = {droplet.private_ip for droplet in state.droplets.values()}
    taken |= {cluster.host_ip for cluster in state.databases.values()}
    pool = vpc_addresses(vpc.ip_range)
    index = next_address(pool, taken=taken, last=state.cursors.get(vpc.id, -1))
    if index is None:
        raise unprocessable("the VPC has no free address")
    state.cursors[vpc.id] = index
    return pool[index]


def members(state: State, vpc: Vpc) -> list[Json]:
    """List what lives in a VPC."""
    droplets = [("droplet", d.id, d.name, d.created_at) for d in state.droplets.values() if d.vpc_uuid == vpc.id]
    clusters = [("dbaas", c.id, c.name, c.created_at) for c in state.databases.values() if c.vpc_uuid == vpc.id]
    rows: Iterable[tuple[str, int | str, str, str]] = [*droplets, *clusters]
    return [{"urn": f"do:{kind}:{id}", "name": name, "created_at": born} for kind, id, name, born in rows]


def _find(state: State, id: str) -> Vpc:
    if id not in state.vpcs:
        raise not_found()
    return state.vpcs[id]


def _render(vpc: Vpc) -> Json:
    about = {k: v for k, v in vars(vpc).items() if k != "wired"}
    return {**about, "urn": f"do:vpc:{vpc.id}"}


@routes.on("GET", "/vpcs")
def list_vpcs(call: Call) -> Answer:
    """List VPCs."""
    with call.read() as state:
        return call.page("vpcs", map(_render, state.vpcs.values()))


@routes.on("POST", "/vpcs")
def create_vpc(call: Call) -> Answer:
    """Make a VPC."""
    name, region = call.need("name", "region")
    ip_range, description = call.body.get("ip_range") or "", call.body.get("description") or ""
    with call.change() as state:
        _check(state, name, region, ip_range)
        vpc = add(state, name=name, region=region, description=description, ip_range=ip_range)
    call.cloud.wire(vpc)
    return 201, {"vpc": _render(vpc)}


def _check(state: State, name: str, region: str, ip_range: str) -> None:
    if region not in REGIONS:
        raise unprocessable("region is invalid")
    if any(vpc.name == name for vpc in state.vpcs.values()):
        raise unprocessable("a VPC with this name already exists in your account")
    if ip_range:
        _check_range(state, ip_range)


def _check_range(state: State, ip_range: str) -> None:
    try:
        wanted = IPv4Network(ip_range)
    except ValueError:
        raise unprocessable("ip_range is not a valid CIDR") from None
    if not wanted.is_private or not 16 <= wanted.prefixlen <= 28:
        raise unprocessable("ip_range must be a private range between /16 and /28")
    if _overlaps(state, ip_range):
        raise unprocessable("This range/size overlaps with another VPC network in your account")


@routes.on("GET", "/vpcs/<id>")
def read_vpc(call: Call, id: str) -> Answer:
    """Show a VPC."""
    with call.read() as state:
        return 200, {"vpc": _render(_find(state, id))}


@routes.on("PUT", "/vpcs/<id>")
@routes.on("PATCH", "/vpcs/<id>")
def change_vpc(call: Call, id: str) -> Answer:
    """Rename a VPC, describe it, make it its region's default."""
    with call.change() as state:
        vpc = _find(state, id)
        vpc.name = call.body.get("name") or vpc.name
        vpc.description = call.body.get("description", vpc.description) or ""
        if call.body.get("default"):
            for other in state.vpcs.values():
                other.default = other.default and other.region != vpc.region
            vpc.default = True
        return 200, {"vpc": _render(vpc)}


@routes.on("GET", "/vpcs/<id>/members")
def list_members(call: Call, id: str) -> Answer:
    """List a VPC's members."""
    kind = call.query.get("resource_type")
    with call.read() as state:
        found = members(state, _find(state, id))
        return call.page("members", (m for m in found if kind is None or f":{kind}:" in m["urn"]))


@routes.on("DELETE", "/vpcs/<id>")
def delete_vpc(call: Call, id: str) -> Answer:
    """Delete a VPC that is empty and not a default."""
    with call.change() as state:
        vpc = _find(state, id)
        if vpc.default:
            raise forbidden("Can not delete the default VPC of a region")
        if members(state, vpc):
            raise conflict("Can not delete VPC with members")
        del state.vpcs[id]
        state.cursors.pop(id, None)
        state.filed.pop(f"do:vpc:{id}", None)
    call.cloud.hypervisor.destroy_network(id)
    return DONE
