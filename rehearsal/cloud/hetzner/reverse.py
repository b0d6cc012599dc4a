"""Names of addresses, the other way round; told by the API, not served by the rehearsal's DNS."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network

from rehearsal.cloud.hetzner import actions
from rehearsal.cloud.hetzner.calls import Answer, Call
from rehearsal.cloud.hetzner.errors import invalid
from rehearsal.cloud.hetzner.rows import FloatingIp, PrimaryIp, Tables
from rehearsal.cloud.rows import Json

Ip = PrimaryIp | FloatingIp


def default(address: str) -> str:
    """Give the name an IPv4 address has when nobody named it; IPv6 has none."""
    reverse = ip_address(address).reverse_pointer.removesuffix(".in-addr.arpa")
    return f"static.{reverse}.clients.your-server.de"


def name(ip: Ip) -> str:
    """Give the name of an IPv4."""
    return ip.dns_ptr.get(ip.ip) or default(ip.ip)


def names(ip: Ip) -> list[Json]:
    """Give all names of an address or a range."""
    if ip.type == "ipv4":
        return [{"ip": ip.ip, "dns_ptr": name(ip)}]
    return [{"ip": address, "dns_ptr": named} for address, named in ip.dns_ptr.items()]


def change(call: Call, kind: str, id: int, choose: Callable[[Tables, str], Ip | None]) -> Answer:
    """Name an address of a resource, or give it its default name with null."""
    (address,) = call.need("ip")
    if "dns_ptr" not in call.body:
        raise invalid("dns_ptr", "Missing data for required field.")
    with call.change() as tables:
        ip = choose(tables, address)
        if ip is None or not belongs(address, ip):
            raise invalid("ip", f"{address} does not belong to the resource")
        action = actions.instantly(tables, "change_dns_ptr", (kind, id))
        ip.dns_ptr.pop(address, None)
        if call.body["dns_ptr"] is not None:
            ip.dns_ptr[address] = str(call.body["dns_ptr"])
        return actions.answer(action)


def belongs(address: str, ip: Ip) -> bool:
    """Say whether an address is the one given out, or lies in the range given out."""
    try:
        return ip_address(address) in ip_network(ip.ip)
    except ValueError:
        return False
