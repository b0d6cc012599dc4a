"""The rulesets, as text."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

import pytest

from rehearsal import paths
from rehearsal.cloud.ports import FirewallRules, Rule
from rehearsal.system import firewall

EVERYWHERE = ("0.0.0.0/0", "::/0")
PLUGS: list[dict[str, Any]] = [
    {"machine": 17, "public": "198.51.100.17", "private": "10.100.0.2", "vpc_range": "10.100.0.0/20"},
    {"machine": 18, "public": "198.51.100.18", "private": "10.101.0.2", "vpc_range": "10.101.0.0/20"},
    {"machine": 19, "public": "198.51.100.19", "private": None, "vpc_range": None},
]


def rules(*inbound: Rule, outbound: tuple[Rule, ...] = ()) -> dict[str, Any]:
    return firewall.to_json([FirewallRules(name="web", inbound=inbound, outbound=outbound)])


def render(**changes: Any) -> str:
    known: dict[str, Any] = {"plugs": PLUGS, "addresses": {}, "networks": {"a": "10.100.0.0/20"}, "firewalls": {}}
    return firewall.render(**{**known, **changes})


def chain(ruleset: str, name: str) -> list[str]:
    body = ruleset.partition(f"chain {name} {{")[2].partition("}\n  chain")[0]
    return [line.strip() for line in body.splitlines() if line.strip() and line.strip() != "}"]


def test_a_machine_without_a_firewall_is_open() -> None:
    assert chain(render(), "in_17") == ["accept"]


def test_what_no_rule_names_is_dropped() -> None:
    web = rules(
        Rule(protocol="tcp", ports="22", addresses=("203.0.113.7", "2001:db8::/32")),
        Rule(protocol="udp", ports="8000-9000", addresses=EVERYWHERE),
        Rule(protocol="icmp", ports="", addresses=("10.100.0.0/20",)),
        Rule(protocol="tcp", ports="", addresses=()),
    )
    assert chain(render(firewalls={"17": web}), "in_17") == [
        "ip saddr 203.0.113.7/32 tcp dport 22 accept",
        "ip6 saddr 2001:db8::/32 tcp dport 22 accept",
        "meta nfproto ipv4 udp dport 8000-9000 accept",
        "meta nfproto ipv6 udp dport 8000-9000 accept",
        "ip saddr 10.100.0.0/20 meta l4proto { icmp, ipv6-icmp } accept",
        "drop",
    ]


def test_several_firewalls_add_up() -> None:
    ssh, http = (Rule(protocol="tcp", ports=port, addresses=("0.0.0.0/0",)) for port in ("22", "80"))
    both = [FirewallRules(name=rule.ports, inbound=(rule,), outbound=()) for rule in (ssh, http)]
    lines = chain(render(firewalls={"17": firewall.to_json(both)}), "in_17")
    assert [line.split()[-2] for line in lines[:-1]] == ["22", "80"]


def test_a_machine_sends_with_its_own_addresses_only() -> None:
    lines = chain(render(addresses={"198.51.100.130": 17}), "prerouting")
    assert 'iifname "pub17" ip saddr != { 198.51.100.17, 198.51.100.130 } drop' in lines
    assert 'iifname "prv17" ip saddr != 10.100.0.2 drop' in lines


def test_a_machine_without_a_public_address_has_no_public_rule() -> None:
    plug = {"machine": 20, "public": None, "private": None, "vpc_range": None}
    assert "pub20" not in " ".join(chain(render(plugs=[plug]), "prerouting"))


def test_tunnels_have_no_ports() -> None:
    gre = rules(Rule(protocol="gre", ports="", addresses=("203.0.113.7",)))
    assert chain(render(firewalls={"17": gre}), "in_17")[0] == "ip saddr 203.0.113.7/32 meta l4proto gre accept"


def test_private_networks_are_apart() -> None:
    within = [line for line in chain(render(), "forward") if "prv17" in line and "oifname" in line]
    assert within == ['iifname { "prv17" } ip daddr 10.100.0.0/20 oifname vmap { "prv17" : goto in_17 }']


def test_no_machine_at_all_is_a_ruleset_too() -> None:
    assert "vmap" not in render(plugs=[], networks={})


def test_the_host_lets_only_package_sources_and_resolvers_out() -> None:
    ruleset = firewall.render_host(resolvers=["192.0.2.53"], unrouted=["eth0", "eth1"])
    assert chain(ruleset, "leaving")[1:] == [] or "ip daddr @sources accept" in ruleset
    assert "ip daddr { 192.0.2.53 } meta l4proto { tcp, udp } th dport 53 accept" in ruleset
    assert 'iifname { "eth0", "eth1" } oifname { "eth0", "eth1" } drop' in ruleset
    assert f'oifname "{paths.HOST_LINK}" drop' in ruleset


@pytest.mark.rehearsal
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nftables")
@pytest.mark.parametrize("plugs", [PLUGS, []])
def test_nftables_accepts_them(plugs: list[dict[str, Any]]) -> None:
    both = [
        Rule(protocol="tcp", ports="22", addresses=EVERYWHERE),
        Rule(protocol="esp", ports="", addresses=EVERYWHERE),
    ]
    web = rules(*both)
    host = firewall.render_host(resolvers=["192.0.2.53"], unrouted=["eth0"])
    for ruleset in (render(plugs=plugs, firewalls={"17": web}), host):
        done = subprocess.run(["nft", "-c", "-f", "-"], input=ruleset, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
