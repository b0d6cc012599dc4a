"""What a Hetzner project is asked before anything is made in it, and how it is told what it does not have."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pulumi
import pulumi_hcloud as hcloud

from components.clouds.cloud import Fail, Order
from components.clouds.words import explaining, near, not_ours

T = TypeVar("T")
Rrsets = Sequence[hcloud.outputs.GetZoneRrsetsRrsetResult]

IMAGE = "debian-13"
EUROPE = ("fsn1", "nbg1", "hel1")
CONSOLE = "https://console.hetzner.com"
# What is sold in Europe and overseas is not the same.
SIZES: Mapping[str, tuple[str, str]] = {
    "small": ("cx23", "cpx11"),
    "medium": ("cx33", "cpx21"),
    "large": ("cx43", "cpx31"),
}
_GIGABYTES: Mapping[int, str] = {
    2: "cpx11 cpx12",
    4: "cx22 cx23 cpx21 cpx22",
    8: "cx32 cx33 cpx31 cpx32 ccx13",
    16: "cx42 cx43 cpx41 cpx42 ccx23",
    24: "cpx52",
    32: "cx52 cx53 cpx51 cpx62 ccx33",
    64: "ccx43",
    128: "ccx53",
    192: "ccx63",
}
_MEMORY = {name: gigabytes * 1024 for gigabytes, names in _GIGABYTES.items() for name in names.split()}
_REFUSALS = {
    r"token_readonly": "the token may only read, make one with Read & Write under Security > API tokens",
    r"rate_limit_exceeded": "Hetzner takes no more calls for now, the same again in a minute goes on",
    r"resource_limit_exceeded|limit_reached": "the project's limit is reached, destroy what is not needed or ask "
    "Hetzner for more under Limits in the console",
    r"resource_unavailable|placement_error|unsupported location": "this size cannot be had in this region now, "
    "choose another server-size or database-size, or try again",
    r"\bforbidden\b": "the token may not do this, make one with Read & Write under Security > API tokens",
}
_CLASHING = ("A", "AAAA", "CNAME")

explain = explaining(_REFUSALS)


def server_type(size: str, region: str) -> str:
    """The type a size stands for in a region; any other word is a type already."""
    return SIZES[size][region not in EUROPE] if size in SIZES else size


def memory(size: str, region: str) -> int | None:
    """MiB of a server."""
    return _MEMORY.get(server_type(size, region))


def refuse(order: Order, *, fail: Fail) -> None:
    """What Hetzner does not have."""
    if order.network:
        fail("network", "has no meaning on hetzner, where an environment makes its own, take network out")
    if order.database_standby:
        fail("database-standby", "has no meaning on hetzner, which sells no database, take database-standby out")


def check(order: Order, *, fail: Fail) -> None:
    """Look up what is ordered for the first time."""
    refuse(order, fail=fail)
    _check_storage(order, fail)
    if not pulumi.Config("hcloud").get("token") and not os.environ.get("HCLOUD_TOKEN"):
        raise _token("none")
    if order.server_size:
        _check_region(order.region, fail)
        _check_size("server-size", order.server_size, order.region, fail)
        _check_image(fail)
    if order.database_size:
        _check_size("database-size", order.database_size, order.region, fail)
    if order.zone:
        rrsets(order.zone, fail=fail)


def rrsets(zone: str, *, fail: Fail) -> Rrsets:
    """Everything that stands in a zone of the project."""
    found = _ask(lambda: hcloud.get_zone_rrsets(zone=zone).rrsets)
    if found is not None:
        return found
    fail(
        "domain",
        f"should be a zone in this Hetzner project (got {zone!r}), add it under DNS in the console "
        f"or with hcloud zone create --name {zone}, or say dns: external",
    )


def foreign(host: str, label: str, zone: str, found: Rrsets, *, stack: str) -> str | None:
    """What stands at a wanted name, and how it is taken over."""
    for each in found:
        if each.name == label and each.type in _CLASHING:
            take = f"hcloud:index/zoneRrset:ZoneRrset {host} {zone}/{label}/A" if each.type == "A" else None
            got = f"{each.type} {', '.join(record.value for record in each.records)}"
            return not_ours(host, got, take=take, stack=stack)
    return None


def network_zone(region: str) -> str:
    """The zone of private networks that a location is in."""
    return hcloud.get_location(name=region).network_zone


def _check_storage(order: Order, fail: Fail) -> None:
    if not order.storage:
        rule = "is required on hetzner, which has no API that makes keys of its object storage"
        way_out = f"make two pairs under Security > S3 credentials in {CONSOLE} and set them with pulumi config set"
        fail("storage-access-key", f"{rule}: {way_out} --secret, docs/guide.md, On Hetzner, says how")


def _check_region(region: str, fail: Fail) -> None:
    known = [each.name for each in _ask(lambda: hcloud.get_locations().locations) or []]
    if region not in known:
        fail("region", f"should be a location of Hetzner's (got {region!r}){near(region, known, known)}")


def _check_size(key: str, size: str, region: str, fail: Fail) -> None:
    types = _ask(lambda: hcloud.get_server_types().server_types) or []
    sold = {each.name for each in types if each.architecture == "x86" and _sold(each, region)}
    wanted = server_type(size, region)
    if wanted in sold:
        return
    usual = [name for name in (server_type(word, region) for word in SIZES) if name in sold]
    got = f"{size!r}, which is {wanted}" if size in SIZES else repr(size)
    rule = f"should be small, medium, large or one of Hetzner's x86 server types to be had in {region}"
    fail(key, f"{rule} (got {got}){near(size, sold, usual)}")


def _sold(each: hcloud.outputs.GetServerTypesServerTypeResult, region: str) -> bool:
    """What is deprecated stays with who has it, and is sold no more."""
    return any(place.name == region and place.available and not place.is_deprecated for place in each.locations)


def _check_image(fail: Fail) -> None:
    if _ask(lambda: hcloud.get_image(name=IMAGE, with_architecture="x86")) is None:
        fail("cloud", f"should have the image {IMAGE} (got none at Hetzner), take a newer slipway")


def _ask(look: Callable[[], T]) -> T | None:
    """An answer of the provider, or None for what is not there."""
    try:
        return look()
    except Exception as error:  # the SDK knows no narrower one
        cause = str(error).rpartition("returned an error: ")[2]
    if "not_found" in cause or "not found" in cause:
        return None
    if "unauthorized" in cause or "must be exactly 64" in cause:
        raise _token("one that Hetzner refuses")
    if "forbidden" in cause:
        raise _token("one that may not do this")
    way_out = "look at https://status.hetzner.com and run the same again"
    raise pulumi.RunError(f"Hetzner: should answer (got {cause}), {way_out}")


def _token(got: str) -> pulumi.RunError:
    return pulumi.RunError(
        f"HCLOUD_TOKEN: should be a token of your Hetzner project (got {got}), make one with Read & Write "
        f"under Security > API tokens in {CONSOLE} and export it, or pulumi config set --secret hcloud:token"
    )
