"""The end of the story; the last of the files that use its site (they run in the order of their names)."""

from __future__ import annotations

import json

import pytest

from tests.rehearsal.stage import Stage

pytestmark = pytest.mark.rehearsal


def test_destroy_leaves_only_what_was_the_owners(site: Stage) -> None:
    records = owners_records(site)
    site.type("pulumi destroy --yes --non-interactive --color never -s staging")
    left = [row for row in site.cloud("inventory")["resources"] if "staging" in json.dumps(row)]
    assert left == []
    assert owners_records(site) == records


def owners_records(site: Stage) -> list[tuple[str, str, str]]:
    rows = site.api("domains/example.org/records")["domain_records"]
    return sorted((row["type"], row["name"], row["data"]) for row in rows if row["type"] in ("TXT", "MX", "NS", "SOA"))
