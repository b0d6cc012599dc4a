"""Stand-in for pulumi-resource-hcloud, for the resources and functions that the program uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.plugins.stand_in import StandIn


def stand_in() -> StandIn:
    """The table, the verbs and the functions as one provider."""
    from rehearsal.plugins.hcloud.account import ACCOUNT
    from rehearsal.plugins.hcloud.address import ADDRESS
    from rehearsal.plugins.hcloud.api import configure
    from rehearsal.plugins.hcloud.dns import DNS
    from rehearsal.plugins.hcloud.firewall import FIREWALL
    from rehearsal.plugins.hcloud.functions import FUNCTIONS
    from rehearsal.plugins.hcloud.network import NETWORK
    from rehearsal.plugins.hcloud.server import SERVER
    from rehearsal.plugins.hcloud.table import RESOURCES
    from rehearsal.plugins.hcloud.volume import VOLUME
    from rehearsal.plugins.stand_in import StandIn

    verbs = {**ACCOUNT, **ADDRESS, **DNS, **FIREWALL, **NETWORK, **SERVER, **VOLUME}
    return StandIn(name="hcloud", resources=RESOURCES, verbs=verbs, functions=FUNCTIONS, configure=configure)


def main() -> None:
    """Serve the engine."""
    from rehearsal.plugins.service import serve

    serve(stand_in())
