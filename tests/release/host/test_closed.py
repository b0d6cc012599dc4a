"""The password of a site that is not meant for the public: hashed once, and nowhere in plain."""

from __future__ import annotations

import pytest

from release.host.agent import closed
from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.agent.site import Site
from release.host.agent.state import load
from tests.release.host.bench import Recorded

HASH = "$2a$14$made-by-caddy"


@pytest.fixture
def caddy(machine: Recorded) -> Recorded:
    machine.answers["caddy hash-password"] = Done(0, f"{HASH}\n", "")
    return machine


def test_it_is_hashed_once(site: Site, caddy: Recorded) -> None:
    assert [closed.hashed(site, caddy, "open sesame") for _ in range(3)] == [HASH] * 3
    assert caddy.told("caddy") == ["caddy hash-password --algorithm bcrypt"]
    assert caddy.inputs[-1] == "open sesame\n"
    assert closed.known(site) == HASH


def test_another_one_is_hashed_anew(site: Site, caddy: Recorded) -> None:
    closed.hashed(site, caddy, "open sesame")
    caddy.answers["caddy hash-password"] = Done(0, "$2a$14$another\n", "")
    assert closed.hashed(site, caddy, "open barley") == "$2a$14$another"


def test_it_is_nowhere_in_plain(site: Site, caddy: Recorded) -> None:
    closed.hashed(site, caddy, "open sesame")
    assert "sesame" not in (site.state / "state.json").read_text()
    assert "sesame" not in "".join(caddy.ran)
    assert (site.state / "state.json").stat().st_mode & 0o777 == 0o600


def test_a_site_without_one_stays_open(site: Site, machine: Recorded) -> None:
    assert closed.hashed(site, machine, "") == ""
    assert machine.ran == []
    assert load(site).proven == {}


@pytest.mark.parametrize("password", ["two\nlines", "x" * 73])
def test_one_that_bcrypt_would_cut_off_is_refused(site: Site, machine: Recorded, password: str) -> None:
    with pytest.raises(Failure, match="staging-password: should be one line of at most 72 bytes"):
        closed.hashed(site, machine, password)


def test_a_caddy_that_makes_none_is_told(site: Site, machine: Recorded) -> None:
    with pytest.raises(Failure, match="staging-password: caddy made no hash of it"):
        closed.hashed(site, machine, "open sesame")
