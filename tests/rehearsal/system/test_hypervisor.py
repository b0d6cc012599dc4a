"""What the cloud asks for is what there is: mypy compares the two."""

from __future__ import annotations

from rehearsal.cloud import ports
from rehearsal.system.ca import issue
from rehearsal.system.hypervisor import Hypervisor
from rehearsal.system.network import allow_addresses
from rehearsal.system.processes import spawn


def test_the_ports_are_kept() -> None:
    computer: ports.Hypervisor = Hypervisor()
    authority: ports.Authority = issue
    gate: ports.Gate = allow_addresses
    start: ports.Spawn = spawn
    assert all((computer, authority, gate, start))
