"""`python -m rehearsal.cloud`: the daemon, to be started inside the rehearsal's main network namespace."""

from __future__ import annotations

import logging
import sys

from rehearsal.cloud.daemon import Computer, run
from rehearsal.system import ca, host, hypervisor, network, processes


def main() -> int:
    """Join the two halves of the rehearsal: the APIs, and the computer they run on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    return run(
        Computer(
            hypervisor=hypervisor.Hypervisor(),
            authority=ca.issue,
            gate=network.allow_addresses,
            spawn=processes.spawn,
            allowed_names=network.allowed_names,
            resolvers=host.resolvers,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
