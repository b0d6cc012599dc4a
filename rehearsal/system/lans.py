"""Private networks that are bridges of their own, so that several may use the same addresses; no cloud firewall there.

At Hetzner such a network is routed by its first address, and its own servers carry theirs as a /32. Here it is one
bridge without an address: members reach each other by the same addresses, and nothing answers as the gateway.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rehearsal import paths
from rehearsal.system.commands import batch, sysctl
from rehearsal.system.network import exists

# As Hetzner's images name what is plugged in, in this order.
LINKS = ("enp7s0", "enp8s0", "enp9s0")
_MTU = 1450
# Where the host's kernel hands bridged packets to nftables, the cloud firewall would see them.
_FILTERS = Path("/proc/sys/net/bridge")
_UNFILTERED = ("net.bridge.bridge-nf-call-iptables=0",) if _FILTERS.exists() else ()


class Nic(Protocol):
    """What a machine gets in a network."""

    @property
    def network(self) -> int: ...
    @property
    def ip_range(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def mac(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Membership:
    """One machine's place in one network."""

    network: int
    ip_range: str
    address: str
    mac: str
    link: str


def bridge(network: int) -> str:
    """The name of a network's bridge in the main namespace."""
    return f"lan{network}"


def create(network: int) -> None:
    """Make a network's bridge; one that is there is fine."""
    batch(f"link add {bridge(network)} type bridge", may_fail=True)
    # Else the main namespace, which answers for what it routes, would answer for the members as well.
    sysctl(
        *_UNFILTERED, f"net.ipv4.conf.{bridge(network)}.proxy_arp=0", f"net.ipv6.conf.{bridge(network)}.disable_ipv6=1"
    )
    batch(f"link set {bridge(network)} mtu {_MTU} up")


def destroy(network: int) -> None:
    """Remove a network's bridge; an absent one is fine."""
    batch(f"link del {bridge(network)}", may_fail=True)


def with_nic(taken: Sequence[Membership], nic: Nic) -> tuple[Membership, ...]:
    """A machine's memberships and one more, on its next free interface; a member already is fine."""
    if any(each.network == nic.network for each in taken):
        return tuple(taken)
    names = {each.link for each in taken}
    link = next(link for link in LINKS if link not in names)
    new = Membership(network=nic.network, ip_range=nic.ip_range, address=nic.address, mac=nic.mac, link=link)
    return (*taken, new)


def join(machine: int, membership: Membership) -> None:
    """Plug a machine into a network, also while it runs."""
    namespace, outer = paths.machine_netns(machine), outer_link(machine, membership.link)
    if not exists(namespace):
        return
    batch(f"link del {outer}", may_fail=True)
    batch(
        f"link add {outer} mtu {_MTU} type veth peer name {membership.link} address {membership.mac} mtu {_MTU} "
        f"netns {namespace}",
        f"link set {outer} master {bridge(membership.network)} up",
    )
    batch(
        f"addr add {membership.address}/32 dev {membership.link}",
        f"link set {membership.link} up",
        f"route add {membership.ip_range} dev {membership.link} src {membership.address}",
        namespace=namespace,
    )


def leave(machine: int, link: str) -> None:
    """Unplug a machine from a network."""
    batch(f"link del {outer_link(machine, link)}", may_fail=True)


def outer_link(machine: int, link: str) -> str:
    """The name, in the main namespace, of the other end of a private interface."""
    return f"lan{machine}x{LINKS.index(link)}"
