"""The end of the story; the last of the files that use its site (they run in the order of their names)."""

from __future__ import annotations

import json
import re

import pytest

from tests.rehearsal.accounts import ACCOUNTS
from tests.rehearsal.stage import Stage

pytestmark = pytest.mark.rehearsal
CLOUDS = ("digitalocean", "hetzner")


def test_destroy_leaves_only_what_was_the_owners(site: Stage) -> None:
    account = ACCOUNTS[site.cloud_name]
    records = account.owners_records(site, "example.org")
    backups = site.outputs("staging")["data"]["bucket"]["name"]
    site.type("pulumi destroy --yes --non-interactive --color never -s staging")
    left = [row for row in site.cloud("inventory")["resources"] if "staging" in json.dumps(row)]
    # they outlive what they are of: docs/backups.md
    # those of environments that had this name before it are still there, too
    assert backups in [row["id"] for row in left]
    assert [row for row in left if not re.fullmatch(r"slipway-staging-backups-[0-9a-f]{6}", row["id"])] == []
    assert account.owners_records(site, "example.org") == records
