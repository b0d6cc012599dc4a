"""The verb `arrive`: TLS on, then names and certificate reported apart; waiting is no failure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from release.driver import arrive
from release.driver.documents import Arriving
from release.live import Running
from tests.release.driver.world import KEY, World


def document(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "site": "slipway",
        "environment": "staging",
        "hosts": ["localhost"],
        "servers": world.servers,
        "login_key": KEY,
        "bucket": world.bucket,
        "certificate_key": "certificate-secret",
        "dns": "managed",
        "limit": 1,
        **changes,
    }


def test_names_that_point_elsewhere_wait_and_are_told(world: World) -> None:
    world.server(notes=["edge changed"])
    answer = world.run("arrive", "198.51.100.130", document=document(world)).answer
    assert (answer["dns"], answer["certificate"]) == ("waiting", "waiting")
    assert answer["address"] == "198.51.100.130"
    assert set(answer["seconds"]) == {"edge", "dns", "certificate"}
    assert answer["notes"][0] == "edge changed"
    assert answer["notes"][1].startswith("localhost does not point here yet (got ")
    assert answer["notes"][1].endswith("set localhost A 198.51.100.130")
    assert answer["notes"][2:] == [
        "https://localhost gets its certificate by itself once the name points here",
        "pulumi up looks again, and lets Caddy ask for the certificate at once",
    ]


def test_names_that_point_here_and_no_certificate_yet(world: World) -> None:
    world.server()
    answer = world.run("arrive", "127.0.0.1", document=document(world)).answer
    assert (answer["dns"], answer["certificate"]) == ("ok", "waiting")
    assert answer["notes"][0].startswith("https://localhost does not answer as these servers do yet (")


def test_a_name_that_points_here_since_we_waited_is_asked_for_at_once(world: World) -> None:
    world.server(refused={"localhost": "429 too many certificates"})
    answer = world.run("arrive", "127.0.0.1", document=document(world)).answer
    first, second = world.heard()
    assert (first["here"], second["here"]) == ([], ["localhost"])
    assert answer["notes"][0] == "https://localhost got no certificate, the authority said: 429 too many certificates"


def test_the_servers_own_resolver_counts_too(world: World) -> None:
    """Ours may keep for half an hour that there was no such name."""
    world.server(finds_here=["never.invalid"])
    answer = world.run("arrive", "127.0.0.1", document=document(world, hosts=["never.invalid"])).answer
    assert (answer["dns"], answer["certificate"]) == ("ok", "waiting")
    assert len(world.heard()) == 1


def test_the_agent_gets_hosts_and_address_and_no_login_key(world: World) -> None:
    world.server()
    world.run("arrive", "127.0.0.1", document=document(world))
    heard = world.heard()[0]
    assert heard["hosts"] == ["localhost"]
    assert heard["address"] == "127.0.0.1"
    assert not {"servers", "login_key"} & set(heard)


def test_a_refused_edge_fails(world: World) -> None:
    world.server(fails_at="edge", error="caddy: refused the site's file", detail=["line 3: unknown directive"])
    result = world.run("arrive", "127.0.0.1", document=document(world))
    lines = result.err.splitlines()
    assert lines[0] == "arrive: web-1: caddy: refused the site's file"
    assert lines[1] == "way out: correct the cause and run pulumi up again; the release itself stands and serves"
    assert lines[2] == "  line 3: unknown directive"


def test_a_server_out_of_reach_fails(world: World) -> None:
    world.server(ssh_says="Host key verification failed.")
    result = world.run("arrive", "127.0.0.1", document=document(world))
    assert result.err.splitlines()[0].endswith("or somebody is in between")


def test_records_of_another_hand_are_not_waited_for(world: World) -> None:
    world.server()
    limit = 600  # the whole test run would notice if it were waited for
    answer = world.run("arrive", "198.51.100.130", document=document(world, dns="external", limit=limit)).answer
    assert answer["dns"] == "waiting"


@pytest.mark.parametrize(("running", "why"), [("ours", ""), ("another", "it runs another, not ours")])
def test_who_answers_at_the_address_runs_what_our_servers_run(
    running: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrive, "ask_securely", lambda *_, **__: Running("sha256-aa", running, "staging"))
    arriving = cast(Arriving, SimpleNamespace(address="192.0.2.1", hosts=("example.org",)))
    assert arrive._seen(arriving, "example.org", releases={"ours"}) == why
