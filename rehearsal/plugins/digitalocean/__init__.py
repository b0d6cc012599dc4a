"""Stand-in for pulumi-resource-digitalocean, for the resources and functions that the program uses."""


def main() -> None:
    """Serve the engine."""
    from rehearsal.plugins.digitalocean.account import ACCOUNT
    from rehearsal.plugins.digitalocean.address import ADDRESS
    from rehearsal.plugins.digitalocean.api import configure
    from rehearsal.plugins.digitalocean.database import DATABASE
    from rehearsal.plugins.digitalocean.dns import DNS
    from rehearsal.plugins.digitalocean.droplet import DROPLET
    from rehearsal.plugins.digitalocean.firewall import FIREWALL
    from rehearsal.plugins.digitalocean.functions import FUNCTIONS
    from rehearsal.plugins.digitalocean.network import NETWORK
    from rehearsal.plugins.digitalocean.spaces import SPACES
    from rehearsal.plugins.digitalocean.table import RESOURCES
    from rehearsal.plugins.service import serve
    from rehearsal.plugins.stand_in import StandIn

    verbs = {**ACCOUNT, **ADDRESS, **DATABASE, **DNS, **DROPLET, **FIREWALL, **NETWORK, **SPACES}
    serve(StandIn(name="digitalocean", resources=RESOURCES, verbs=verbs, functions=FUNCTIONS, configure=configure))
