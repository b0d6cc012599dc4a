"""What a DigitalOcean account is asked before anything is made in it, and how it is told what it does not have."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pulumi
import pulumi_digitalocean as do

from components.clouds.cloud import Fail, Order
from components.clouds.words import explaining, near, not_ours

T = TypeVar("T")
Records = Sequence[do.outputs.GetRecordsRecordResult]

IMAGE = "debian-13-x64"
SERVER_SIZES: Mapping[str, str] = {"small": "s-1vcpu-1gb", "medium": "s-2vcpu-2gb", "large": "s-2vcpu-4gb"}
DATABASE_SIZES: Mapping[str, str] = {
    "small": "db-s-1vcpu-1gb",
    "medium": "db-s-1vcpu-2gb",
    "large": "db-s-2vcpu-4gb",
}
# The provider cannot list them; any other of their form is left to DigitalOcean.
_DATABASE_SIZE = re.compile(r"(db-(s|amd|intel)|gd|so1_5|m3?)-[0-9]+vcpu-[0-9]+gb(-intel)?")
_USUAL = [f"db-s-{each}" for each in ("1vcpu-1gb", "1vcpu-2gb", "2vcpu-4gb", "4vcpu-8gb", "6vcpu-16gb", "8vcpu-32gb")]
_REFUSALS = {
    r": 429 ": "DigitalOcean takes no more calls for now, the same again in a minute goes on",
    r"\blimits?\b|quota": "the account's limit is reached, destroy what is not needed or ask DigitalOcean for more",
    r"\bsize\b": "this size cannot be had in this region now, choose another server-size or database-size",
    r": 40[13] ": "the token may not do this, make one with full access under API > Tokens",
}
_CLASHING = ("A", "AAAA", "CNAME")
_TOKENS = ("DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN")


def refuse(order: Order, *, fail: Fail) -> None:
    """What DigitalOcean does not take."""
    if order.storage:
        fail("storage-access-key", "has no meaning on digitalocean, which makes its own keys, take storage-... out")
    for key in order.database_machine:
        fail(key, f"has no meaning on digitalocean, which keeps the database on servers of its own, take {key} out")


def check(order: Order, *, fail: Fail) -> None:
    """Look up what is ordered for the first time, in one call for regions and sizes together."""
    refuse(order, fail=fail)
    _check_database(order, fail)
    if not pulumi.Config("digitalocean").get("token") and not any(map(os.environ.get, _TOKENS)):
        raise _token("none")
    if order.server_size:
        _check_server(order.region, order.server_size, fail)
    if order.zone:
        records(order.zone, fail=fail)


def memory(size: str) -> int | None:
    """MiB of a server, which stands in the name of its size."""
    slug = SERVER_SIZES.get(size, size)
    if found := re.search(r"vcpu-([0-9]+)(mb|gb)", slug):
        return int(found[1]) * (1024 if found[2] == "gb" else 1)
    return 2048 * int(found[1]) if (found := re.fullmatch(r"c-([0-9]+)", slug)) else None


def connections(size: str) -> int | None:
    """Of a database: 25 for each GB, of which DigitalOcean keeps three."""
    found = re.search(r"vcpu-([0-9]+)gb", DATABASE_SIZES.get(size, size))
    return 25 * int(found[1]) - 3 if found else None


def records(zone: str, *, fail: Fail) -> Records:
    """Everything that stands in a zone of the account."""
    found = _ask(lambda: do.get_records(domain=zone).records)
    if found is not None:
        return found
    fail(
        "domain",
        f"should be a zone in this DigitalOcean account (got {zone!r}), add it under Networking > Domains "
        f"or with doctl compute domain create {zone}, or say dns: external",
    )


def foreign(host: str, label: str, zone: str, found: Records, *, stack: str) -> str | None:
    """What stands at a wanted name, and how it is taken over."""
    for record in found:
        if record.name == label and record.type in _CLASHING:
            take = f"digitalocean:index/dnsRecord:DnsRecord {host} {zone},{record.id}" if record.type == "A" else None
            return not_ours(host, f"{record.type} {record.value}", take=take, stack=stack)
    return None


explain = explaining(_REFUSALS)


def _check_server(region: str, size: str, fail: Fail) -> None:
    regions = {each.slug: each for each in _ask(lambda: do.get_regions().regions) or []}
    open_ = sorted(slug for slug, each in regions.items() if each.available)
    if region not in regions:
        fail("region", f"should be a region of DigitalOcean's (got {region!r}){near(region, open_, open_)}")
    if region not in open_:
        fail("region", f"should take new servers (got {region!r}, which does not), choose one of {', '.join(open_)}")
    sizes = regions[region].sizes
    if SERVER_SIZES.get(size, size) not in sizes:
        rule = f"should be small, medium, large or one of DigitalOcean's sizes in {region}"
        usual = [slug for slug in SERVER_SIZES.values() if slug in sizes]
        got = f"{size!r}, which is {SERVER_SIZES[size]}" if size in SERVER_SIZES else repr(size)
        fail("server-size", f"{rule} (got {got}){near(size, sizes, usual)}")
    if _ask(lambda: do.get_image(slug=IMAGE)) is None:
        fail("cloud", f"should have the image {IMAGE} (got none in this account), take a newer slipway")


def _check_database(order: Order, fail: Fail) -> None:
    size = order.database_size
    if size is None:
        return
    slug = DATABASE_SIZES.get(size, size)
    if not _DATABASE_SIZE.fullmatch(slug):
        rule = "should be small, medium, large or a database size of DigitalOcean's"
        fail("database-size", f"{rule} (got {size!r}){near(size, _USUAL, DATABASE_SIZES.values())}")
    if order.database_standby and slug == DATABASE_SIZES["small"]:
        fail("database-standby", f"needs a larger database (got {size}), set database-size: medium")


def _ask(look: Callable[[], T]) -> T | None:
    """An answer of the provider, or None for what is not there."""
    try:
        return look()
    except Exception as error:  # the SDK knows no narrower one
        cause = str(error).rpartition("returned an error: ")[2]
    if "not found" in cause or ": 404 " in cause:
        return None
    if ": 401 " in cause:
        raise _token("one that DigitalOcean refuses")
    if ": 403 " in cause:
        raise _token("one that may not do this")
    way_out = "look at https://status.digitalocean.com and run the same again"
    raise pulumi.RunError(f"DigitalOcean: should answer (got {cause}), {way_out}")


def _token(got: str) -> pulumi.RunError:
    return pulumi.RunError(
        f"DIGITALOCEAN_TOKEN: should be a token of your DigitalOcean account (got {got}), make one with full access "
        "under API > Tokens and export it, or pulumi config set --secret digitalocean:token"
    )
