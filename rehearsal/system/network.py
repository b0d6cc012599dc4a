"""The main network namespace, which is the rehearsal's internet, and its way out through the host.

Everything is routed. A machine's eth0 and eth1 end in the main namespace (wiring.py), which answers for all other
addresses (proxy ARP) and has one route to each of the machine's own; between them stands the cloud firewall.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from rehearsal import paths
from rehearsal.system import firewall, host, roots
from rehearsal.system.commands import HOST_NETNS, batch, ip, on_host, sysctl

# Which addresses the main namespace answers on by itself.
_OWN = (paths.GATEWAY, paths.S3, paths.ACME, paths.METADATA)
_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.rp_filter=0",  # the firewall knows what each machine may send, and is stricter
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.conf.default.proxy_arp=1",
)
_NETNS_DIRECTORY = Path("/run/netns")
# Who turned forwarding on for the host is told to other rehearsals here; a reboot forgets it, as it should.
_FORWARDING = Path("/run/slipway/ip_forward")
_IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_ALLOWED_FOR = "2h"


class NetworkError(RuntimeError):
    """The rehearsal's network could not be made"""


def start() -> None:
    """Make the main namespace and its way to the host, or mend what is missing of it."""
    _name_host()
    if not exists(paths.NETNS):
        ip("netns", "add", paths.NETNS)
    if paths.HOST_LINK not in links():
        peer = ["peer", "name", paths.INNER_LINK, "netns", paths.NETNS]
        on_host(["ip", "link", "add", paths.HOST_LINK, "type", "veth", *peer])
    _configure()
    _forward_on_host()
    on_host(["nft", "-f", "-"], input=firewall.render_host(resolvers=host.resolvers(), unrouted=_unrouted()))


def _name_host() -> None:
    """Give the host's network a name; what runs inside cannot be taken for it."""
    main, here = paths.netns_file(paths.NETNS), Path("/proc/self/ns/net").stat().st_ino
    if main.exists() and main.stat().st_ino == here:
        raise NetworkError("network: has to be started and destroyed from the host (got a call from inside), leave it")
    if not exists(HOST_NETNS):
        ip("netns", "attach", HOST_NETNS, str(os.getpid()))


def exists(name: str) -> bool:
    """Whether a named namespace is there; an empty file left without one is removed."""
    file = paths.netns_file(name)
    if file.exists() and file.stat().st_dev == _NETNS_DIRECTORY.stat().st_dev:
        file.unlink()
    return file.exists()


def _configure() -> None:
    outer, inner = paths.link_network().hosts()
    on_host(["ip", "addr", "replace", f"{outer}/30", "dev", paths.HOST_LINK])
    on_host(["ip", "link", "set", paths.HOST_LINK, "up"])
    batch(
        "link set lo up",
        *(f"addr replace {address}/32 dev lo" for address in _OWN),
        f"addr replace {inner}/30 dev {paths.INNER_LINK}",
        f"link set {paths.INNER_LINK} up",
        f"route replace default via {outer}",
        # Else an address that nobody has would be looked for outside.
        f"route replace unreachable {paths.PUBLIC}",
    )
    sysctl(*_SYSCTLS)


def _forward_on_host() -> None:
    if _IP_FORWARD.read_text().strip() == "0":
        _FORWARDING.parent.mkdir(exist_ok=True)
        _FORWARDING.write_text(" ".join(name for name in links() if name != "lo" and not name.startswith("sw")))
        _IP_FORWARD.write_text("1")


def _unrouted() -> list[str]:
    """The links between which the host did not forward before a rehearsal turned forwarding on."""
    return _FORWARDING.read_text().split() if _FORWARDING.exists() else []


def links() -> list[str]:
    """The network links of the host."""
    return [row["ifname"] for row in json.loads(on_host(["ip", "-json", "link", "show"]))]


def namespaces() -> list[str]:
    """The network namespaces of this rehearsal: the main one and the machines'; the host's name is another matter."""
    names = sorted(file.name for file in _NETNS_DIRECTORY.glob(f"{paths.NETNS}*"))
    return [name for name in names if name == paths.NETNS or name.removeprefix(f"{paths.NETNS}-").isdigit()]


def allowed_names() -> frozenset[str]:
    """The names of the package sources, which the rehearsal's DNS may pass on to the host's resolvers."""
    return host.package_hosts(root=roots.machine_root())


def allow_addresses(addresses: Sequence[str]) -> None:
    """Let machines and `inside` reach these addresses, which package sources resolved to, for a while."""
    usable = [address for address in addresses if ":" not in address]
    table = f"inet {paths.NFT_TABLE} sources"
    # Removed and added again, because adding alone does not lengthen the time of an address that is there.
    lines = [
        f"add element {table} {{ {address} }}\ndelete element {table} {{ {address} }}\n"
        f"add element {table} {{ {address} timeout {_ALLOWED_FOR} }}\n"
        for address in usable
    ]
    if lines:
        on_host(["nft", "-f", "-"], input="".join(lines))


def destroy() -> None:
    """Remove namespaces, links, tables; what is not there is fine."""
    _name_host()
    for name in namespaces():
        ip("netns", "del", name, may_fail=True)
    if paths.HOST_LINK in links():
        # The kernel takes a dead namespace's links away a moment later; it may have been quicker than this.
        on_host(["ip", "link", "del", paths.HOST_LINK], may_fail=True)
    if table_exists():
        on_host(["nft", "delete", "table", "inet", paths.NFT_TABLE])
    if forwarding_forgotten():
        _IP_FORWARD.write_text("0")
        _FORWARDING.unlink()
        _FORWARDING.parent.rmdir()
    ip("netns", "del", HOST_NETNS)


def table_exists() -> bool:
    """Whether this rehearsal's nft table is on the host."""
    return f"table inet {paths.NFT_TABLE}" in on_host(["nft", "list", "tables"]).splitlines()


def forwarding_forgotten() -> bool:
    """Whether forwarding is still on for rehearsals though there is none."""
    return _FORWARDING.exists() and "table inet slipway_" not in on_host(["nft", "list", "tables"])
