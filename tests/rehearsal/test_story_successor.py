"""The story's machine is replaced by a new one, and no visitor loses a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rehearsal.replacement import machines, replaced, seen
from tests.rehearsal.stage import Stage

pytestmark = pytest.mark.rehearsal
CLOUDS = ("digitalocean", "hetzner")


def test_a_new_machine_takes_over_and_no_request_is_lost(site: Stage, tmp_path: Path) -> None:
    before = seen(site)
    probe = replaced(site, tmp_path, key="server-generation", value="2")
    after = seen(site)
    assert probe["failed"] == 0, probe
    assert min(probe["kept"], probe["fresh"]) > 100
    assert before.machine not in machines(site)
    assert after.address == before.address
    assert (after.certificate, after.orders) == (before.certificate, before.orders)
