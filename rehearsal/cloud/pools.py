"""The rehearsal's public addresses, which all clouds on this computer give out from."""

from __future__ import annotations

from rehearsal.cloud.places import DROPLETS, RESERVED, next_address
from rehearsal.cloud.store import State


def take_public(state: State) -> str | None:
    """Give an address for a new machine; None when all are taken."""
    taken = {droplet.public_ip for droplet in state.droplets.values()}
    return _take(state, "public", DROPLETS, taken | {ip.ip for ip in state.hetzner.primary_ips.values()})


def take_reserved(state: State) -> str | None:
    """Give an address that moves between machines; None when all are taken."""
    taken = {*state.reserved_ips, *(ip.ip for ip in state.hetzner.floating_ips.values())}
    return _take(state, "reserved", RESERVED, taken)


def _take(state: State, pool: str, addresses: tuple[str, ...], taken: set[str]) -> str | None:
    index = next_address(addresses, taken=taken, last=state.cursors.get(pool, -1))
    if index is None:
        return None
    state.cursors[pool] = index
    return addresses[index]
