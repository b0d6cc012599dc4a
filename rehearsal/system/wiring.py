"""What hangs on the main namespace: machines, private networks, reserved addresses, and the firewall between them."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from rehearsal import paths
from rehearsal.system import firewall, lans, processes
from rehearsal.system.commands import batch, inside, ip, run, sysctl
from rehearsal.system.network import exists

_FILE = paths.STATE / "network.json"
_lock = threading.RLock()


@dataclass(frozen=True, kw_only=True)
class Plug:
    """How one machine is attached: its public address, and its private one with the network that belongs to.

    `memberships` are its places in private networks that are bridges (lans.py). With `carries` it carries reserved
    addresses itself: they are routed to it as they are; else they are put on its eth0, as if they were translated.
    """

    machine: int
    public: str | None
    private: str | None = None
    vpc_range: str | None = None
    memberships: tuple[lans.Membership, ...] = ()
    carries: bool = False


def read_plug(document: Mapping[str, Any]) -> Plug:
    """Read what `asdict` made of a plug."""
    memberships = tuple(lans.Membership(**each) for each in document.get("memberships", ()))
    return Plug(**{**document, "memberships": memberships})


def plug(plug: Plug) -> None:
    """Make a machine's namespace with eth0 and eth1 as a cloud would hand them over, and the routes to it."""
    with _lock:
        unplug(plug.machine)
        namespace = paths.machine_netns(plug.machine)
        ip("netns", "add", namespace)
        batch("link set lo up", namespace=namespace)
        if plug.public:
            _link(plug.machine, "eth0", address=plug.public, network=paths.PUBLIC)
            batch(f"route add default via {paths.GATEWAY}", namespace=namespace)
        if plug.private and plug.vpc_range:
            _link(plug.machine, "eth1", address=plug.private, network=IPv4Network(plug.vpc_range))
        for membership in plug.memberships:
            lans.join(plug.machine, membership)
        for address, machine in known()["addresses"].items():
            if machine == plug.machine:
                _route(address, plug)


def outer_link(machine: int, link: str) -> str:
    """The name, in the main namespace, of the other end of eth0 or eth1."""
    return f"{'pub' if link == 'eth0' else 'prv'}{machine}"


def mac(machine: int, link: str) -> str:
    """The hardware address of a machine's eth0 or eth1: locally administered, the same at every start."""
    octets = (2, int(link[-1]), *machine.to_bytes(8, "big")[-4:])
    return ":".join(f"{octet:02x}" for octet in octets)


def _link(machine: int, link: str, *, address: str, network: IPv4Network) -> None:
    outer, namespace = outer_link(machine, link), paths.machine_netns(machine)
    source = f" src {paths.GATEWAY}" if link == "eth0" else ""
    batch(
        f"link add {outer} type veth peer name {link} address {mac(machine, link)} netns {namespace}",
        f"link set {outer} up",
        f"route replace {address}/32 dev {outer}{source}",
    )
    # Else the answer to a machine's first packet waits up to 0.8 s, as proxies for slow networks should.
    sysctl(f"net.ipv4.neigh.{outer}.proxy_delay=0")
    batch(f"addr add {address}/{network.prefixlen} dev {link}", f"link set {link} up", namespace=namespace)


def unplug(machine: int) -> None:
    """Take a machine off the network; one that is off is fine."""
    if exists(paths.machine_netns(machine)):
        # The links go first: a namespace that a dying process still holds would keep its addresses answering.
        outer = [outer_link(machine, link) for link in ("eth0", "eth1")]
        outer += [lans.outer_link(machine, link) for link in lans.LINKS]
        batch(*(f"link del {link}" for link in outer), may_fail=True)
        ip("netns", "del", paths.machine_netns(machine), may_fail=True)


def assign(address: str, machine: int | None) -> None:
    """Route a reserved address to a machine, or to nobody."""
    with _lock:
        addresses = known()["addresses"]
        before = addresses.pop(address, None)
        if before not in (None, machine):
            _take_back(address, before)
        if machine is None:
            batch(f"route del {address}/32", may_fail=True)
        else:
            addresses[address] = machine
            _route(address, _plug_of(machine))
        _remember("addresses", addresses)
        refresh_firewall()


def _take_back(address: str, machine: int) -> None:
    if exists(paths.machine_netns(machine)) and not _plug_of(machine).carries:
        batch(f"addr del {address}/32 dev eth0", namespace=paths.machine_netns(machine), may_fail=True)


def _route(address: str, plug: Plug) -> None:
    if not exists(paths.machine_netns(plug.machine)) or not plug.public:
        return
    # Through its public address: whether the machine carries the reserved one is its own matter.
    through = f"via {plug.public} " if plug.carries else ""
    batch(f"route replace {address}/32 {through}dev {outer_link(plug.machine, 'eth0')} src {paths.GATEWAY}")
    if not plug.carries:
        batch(f"addr replace {address}/32 dev eth0", namespace=paths.machine_netns(plug.machine))


def create_network(vpc: str, ip_range: str) -> None:
    """Remember a VPC; addresses of it that nobody has are unreachable."""
    with _lock:
        _remember("networks", {**known()["networks"], vpc: ip_range})
        batch(f"route replace unreachable {ip_range}")
        refresh_firewall()


def destroy_network(vpc: str) -> None:
    """Forget a VPC; an unknown one is fine."""
    with _lock:
        networks = known()["networks"]
        if ip_range := networks.pop(vpc, None):
            _remember("networks", networks)
            batch(f"route del unreachable {ip_range}", may_fail=True)
            refresh_firewall()


def create_lan(network: int) -> None:
    """Make a private network that is a bridge of its own."""
    with _lock:
        _remember("lans", {**known()["lans"], str(network): True})
        lans.create(network)


def destroy_lan(network: int) -> None:
    """Remove such a network; an unknown one is fine."""
    with _lock:
        rest = {name: there for name, there in known()["lans"].items() if name != str(network)}
        _remember("lans", rest)
        lans.destroy(network)


def add_service_address(address: str) -> None:
    """Let the main namespace answer on one more address: a database's."""
    batch(f"addr replace {address}/32 dev lo")


def remove_service_address(address: str) -> None:
    """Take such an address back."""
    batch(f"addr del {address}/32 dev lo", may_fail=True)


def set_firewalls(rules: Mapping[int, Sequence[firewall.FirewallRules]]) -> None:
    """Replace all rules of the cloud firewall."""
    with _lock:
        _remember("firewalls", {str(machine): firewall.to_json(attached) for machine, attached in rules.items()})
        refresh_firewall()


def refresh_firewall() -> None:
    """Load the cloud firewall anew, at once and without cutting a connection, from what is known."""
    with _lock:
        about = known()
        rules = {part: about[part] for part in ("addresses", "networks", "firewalls")}
        ruleset = firewall.render(plugs=_plugs(), **rules)
        run(inside(["nft", "-f", "-"]), input=ruleset)


def restore() -> None:
    """Make a new main namespace know what was known in the one before."""
    with _lock:
        batch(*(f"route replace unreachable {ip_range}" for ip_range in known()["networks"].values()))
        for network in known()["lans"]:
            lans.create(int(network))
        refresh_firewall()


def _plugs() -> list[dict[str, Any]]:
    """How all machines are attached, running or not."""
    files = sorted(paths.MACHINES.glob("*/machine.json"))
    return [json.loads(file.read_text())["plug"] for file in files]


def _plug_of(machine: int) -> Plug:
    """How one machine is attached; one that is gone meanwhile is not."""
    file = paths.machine(machine) / "machine.json"
    return read_plug(json.loads(file.read_text())["plug"]) if file.exists() else Plug(machine=machine, public=None)


def known() -> dict[str, dict[str, Any]]:
    """What has to be there again after a restart: networks, reserved addresses, firewalls."""
    content = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    return {part: content.get(part, {}) for part in ("networks", "addresses", "firewalls", "lans")}


def _remember(part: str, content: Mapping[str, Any]) -> None:
    processes.write_json(_FILE, {**known(), part: content})
