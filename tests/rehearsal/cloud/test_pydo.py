"""DigitalOcean's own Python client, and the published description, judge the local cloud."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("pydo")

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean.api import methods
from tests.rehearsal.cloud import official, tour
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.contract import DIGITALOCEAN
from tests.rehearsal.cloud.judge import Judge
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor


def test_the_whole_tour(api: Client, judge: Judge, cloud: Cloud, paper: PaperHypervisor) -> None:
    """Every call the local cloud answers is made by pydo and judged; nothing is left at the end."""
    do = official.client(api.url)
    for stop in tour.STOPS:
        stop(do)
    assert cloud.settle()
    assert (paper.machines, paper.clusters, paper.addresses, paper.firewalls) == ({}, {}, {}, {})
    assert _answered() - {line.split()[0] for line in judge.seen} == set()


def _answered() -> set[str]:
    """Give the published ids of the calls that the local cloud answers."""
    if DIGITALOCEAN.document is None:
        pytest.skip("../shared/contract/digitalocean.openapi.json is not on this computer: the tour was not judged")
    found = [
        (rule, DIGITALOCEAN.find(method, re.sub("<[^>]*>", "1", path))) for rule in methods() for method, path in [rule]
    ]
    assert all(operation for _, operation in found), found
    return {operation.id for _, operation in found if operation}
