"""The rehearsal's network without the way out of it: no package index, no name from outside, no other computer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.rehearsal.stage import Stage

TABLE = "inet cut_off"
# Clouds, storage, authority, names and machines are inside; package sources and resolvers are behind this one link.
CUT = f"""
link=$(ip route show default | sed -E 's/.* dev ([^ ]+).*/\\1/')
test -n "$link"
nft -f - <<END
table {TABLE} {{
  counter tried {{ }}
  chain output {{ type filter hook output priority -5; policy accept; oifname "$link" counter name tried reject; }}
  chain forward {{ type filter hook forward priority -5; policy accept; oifname "$link" counter name tried reject; }}
}}
END
"""


@contextmanager
def cut_off(stage: Stage) -> Iterator[None]:
    """Nothing leaves it meanwhile, neither of commands inside nor of machines."""
    stage.type("inside sh -eus", input=CUT)
    try:
        yield
    finally:
        stage.type(f"inside nft delete table {TABLE}")


def tried(stage: Stage) -> int:
    """How many packets were refused so far."""
    listed: dict[str, Any] = json.loads(stage.type(f"inside nft -j list counters table {TABLE}").stdout)
    return sum(int(entry["counter"]["packets"]) for entry in listed["nftables"] if "counter" in entry)
