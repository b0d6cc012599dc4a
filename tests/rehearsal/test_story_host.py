"""The machine of the story's site: what its processes can reach, what it lets in, what it says when one breaks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.stage import Stage, wait_until

pytestmark = pytest.mark.rehearsal

URL = "https://staging.example.org"
SCAN = "inside .venv/bin/python -m tests.rehearsal.outsider .venv/bin/python -m tests.rehearsal.scan"
OPEN = {"tcp": {"open": [22, 80, 443], "refused": []}, "udp": {"answered": [443], "refused": []}}
PLANTED = 8765
UDP = "53,67,68,69,111,123,137,161,443,500,514,546,1194,1900,4500,5060,5353,11211"
SANDBOXED = ("web@{slot}", "worker@{slot}-stumbler", "schedule-stumble", "holding")
# ssh-audit asks for key exchange that withstands a quantum computer; clients that lack it get the best other one.
KNOWN_WARNINGS = {"curve25519-sha256", "curve25519-sha256@libssh.org"}


@pytest.fixture(scope="module")
def slot(site: Stage) -> str:
    status = json.loads(site.type("slipway status staging --json").stdout)
    return str(next(iter(status["servers"].values()))["slot"])


@pytest.mark.parametrize("where", ["web", "manage"])
def test_a_process_of_the_site_reaches_its_own_and_nothing_else(site: Stage, where: str, slot: str) -> None:
    seen = sandbox(site, where)
    assert not [peer for peer, answer in seen["connect"].items() if answer == "ok"], seen["connect"]
    assert not [path for path, answer in seen["read"].items() if answer == "ok"], seen["read"]
    assert f"/etc/slipway/slipway/{slot}.env" in seen["read"]
    assert {answer for path, answer in seen["write"].items() if path.startswith("/srv")} == {"EROFS"}
    assert not [path for path, answer in seen["write"].items() if answer == "ok"], seen["write"]
    assert set(seen["writable"].values()) == {"ok"}, seen["writable"]
    assert len(seen["writable"]) == 4
    assert not set(seen["filesystem"].values()) & {"tmpfs", "ramfs"}, seen["filesystem"]
    assert seen["temporary"] == "/var/lib/slipway/tmp"
    assert seen["processes of others"] == []
    assert not [name for name, answer in seen["raise"].items() if answer == "ok"], seen["raise"]
    assert seen["status"] == {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}


def sandbox(site: Stage, where: str) -> dict[str, Any]:
    """What this process of the site says of itself."""
    command = {"web": f"inside curl -fsS {URL}/trials/sandbox/", "manage": "slipway manage staging sandbox"}[where]
    found: dict[str, Any] = json.loads(site.type(command).stdout.splitlines()[-1])
    return found


def test_root_on_the_machine_reaches_what_the_site_does_not(site: Stage) -> None:
    """The control: there is a metadata service, and the files are there."""
    said = site.root(
        "curl -fsS -m 3 http://169.254.169.254/metadata/v1/id; echo\n"
        "wc -c /etc/slipway/slipway/*.env /var/lib/slipway-agent/slipway/*.json* | tail -1\n"
        "test -S /run/caddy/admin.sock && ls /proc | grep -c '^[0-9]'\n"
    ).split()
    assert int(said[0]) > 0
    assert int(said[1]) > 1000
    assert int(said[-1]) > 10


def test_every_unit_is_sandboxed(site: Stage, slot: str) -> None:
    run = "slipway-run-manage-judged"
    units = [*(f"slipway-{unit.format(slot=slot)}.service" for unit in SANDBOXED), f"{run}.service"]
    units += ["caddy.service", "slipway-reconcile.service"]
    said = site.root(
        f"systemd-run --quiet --unit={run} sleep 20\n"
        f"for unit in {' '.join(units)}; do systemd-analyze security --no-pager $unit | tail -1; done\n"
        f"systemctl stop {run}\n"
    )
    levels = {unit: float(level) for unit, level in re.findall(r"for (\S+): ([\d.]+)", said)}
    print(*(f"{unit}: {level}" for unit, level in levels.items()), sep="\n")
    assert list(levels) == units
    assert max(levels.values()) <= 1.5, levels


@pytest.fixture(scope="module")
def listener(site: Stage) -> Iterator[None]:
    """Somebody on the machine listens where nobody should be reached, by TCP and UDP, IPv4 and IPv6."""
    code = (
        f"import socket as s; tcp = s.create_server(('::', {PLANTED}), family=s.AF_INET6, dualstack_ipv6=True); "
        f"udp = s.socket(s.AF_INET6, s.SOCK_DGRAM); udp.bind(('::', {PLANTED}))\n"
        "while True: udp.sendto(b'here', udp.recvfrom(4096)[1])"
    )
    site.root(f'systemd-run --quiet --unit=planted-listener python3 -c "{code}"\nsleep 0.3')
    yield
    site.root("systemctl stop planted-listener")


@pytest.fixture(scope="module")
def addresses(site: Stage) -> dict[str, str]:
    """Where the machine can be scanned: its own address, the reserved one, IPv6 on its link to the internet."""
    found = site.outputs("staging")
    public = found["servers"][0]["host"]
    droplets = site.api("droplets")["droplets"]
    id_ = next(row["id"] for row in droplets if public in {each["ip_address"] for each in row["networks"]["v4"]})
    local = site.root("ip -6 -o addr show dev eth0 scope link").split()[3].partition("/")[0]
    return {"public": public, "reserved": found["address"], "v6": f"{local}%pub{id_}"}


@pytest.fixture(scope="module")
def udp(site: Stage, listener: None) -> str:
    """The ports that are usual, and those where something listens, the planted one among them."""
    listening = site.root("ss -Hlun | awk '{print $4}' | sed 's/.*://' | sort -u | paste -sd,").strip()
    assert str(PLANTED) in listening
    return f"{UDP},{listening}"


def scan(site: Stage, address: str, *, tcp: str, udp: str) -> dict[str, Any]:
    """From a stranger's computer; a link's own addresses are reached from its other end only."""
    command = SCAN.replace("-m tests.rehearsal.outsider .venv/bin/python ", "") if "%" in address else SCAN
    found: dict[str, Any] = json.loads(site.type(f"{command} {address} --tcp {tcp} --udp {udp}").stdout)
    found["udp"]["answered"] = sorted(set(found["udp"]["answered"]))
    return found


def test_only_the_declared_ports_are_open(site: Stage, addresses: dict[str, str], udp: str) -> None:
    assert scan(site, addresses["public"], tcp="1-65535", udp=udp) == OPEN
    reserved = scan(site, addresses["reserved"], tcp=f"1-1024,{PLANTED}", udp=udp)
    assert reserved["tcp"] == OPEN["tcp"]
    assert not [port for kind in reserved["udp"].values() for port in kind if port != 443]
    assert scan(site, addresses["v6"], tcp=f"1-1024,{PLANTED}", udp=udp) == OPEN


def test_each_firewall_suffices_alone_and_without_both_the_scan_sees(
    site: Stage, addresses: dict[str, str], udp: str
) -> None:
    some = f"1-1024,{PLANTED}"
    firewall = next(row for row in site.api("firewalls")["firewalls"] if "staging" in row["name"])
    tags = f"firewalls/{firewall['id']}/tags", {"tags": firewall["tags"]}
    try:
        site.api(tags[0], method="DELETE", body=tags[1])
        assert scan(site, addresses["public"], tcp=some, udp=udp) == OPEN
        assert scan(site, addresses["v6"], tcp=some, udp=udp) == OPEN
        site.root("nft delete table inet slipway")
        for which in ("public", "v6"):
            bare = scan(site, addresses[which], tcp=some, udp=udp)
            assert PLANTED in bare["tcp"]["open"], "the control"
            assert PLANTED in bare["udp"]["answered"]
            assert len(bare["tcp"]["refused"]) > 1000
        site.api(tags[0], method="POST", body=tags[1])
        assert scan(site, addresses["public"], tcp=some, udp=udp) == OPEN
        assert scan(site, addresses["v6"], tcp=some, udp=udp) == OPEN
    finally:
        site.api(tags[0], method="POST", body=tags[1])
        site.root("nft -f /etc/nftables.conf")
    assert scan(site, addresses["public"], tcp=some, udp=udp) == OPEN


def test_ssh_audit_finds_nothing_to_mend(site: Stage, addresses: dict[str, str]) -> None:
    command = ".venv/bin/ssh-audit --json"
    done = site.type(
        f"inside .venv/bin/python -m tests.rehearsal.outsider {command} {addresses['public']}", check=False
    )
    report = json.loads(done.stdout)
    rows = [row for kind in ("kex", "key", "enc", "mac") for row in report[kind]]
    assert len(rows) > 10
    assert not [row for row in rows if "fail" in row["notes"]], rows
    assert {row["algorithm"] for row in rows if "warn" in row["notes"]} == KNOWN_WARNINGS
    assert not report["cves"]


# How an exception comes about, typed here or by root there.
BREAKING = {
    "web": ("here", f"inside curl -sS -o /dev/null {URL}/trials/stumble/"),
    "worker": ("there", "touch ~slipway/stumble-worker"),
    "schedule": ("there", "systemctl start slipway-schedule-stumble"),
}


@pytest.mark.parametrize("where", BREAKING)
def test_an_exception_nobody_handles_is_in_the_logs(site: Stage, where: str) -> None:
    """The example has no LOGGING of its own."""
    assert "LOGGING" not in (site.gallery / "gallery/settings.py").read_text()
    place, command = BREAKING[where]
    site.type(command) if place == "here" else site.root(command)

    def logged() -> bool:
        said = site.type("slipway logs staging -n 200").stdout
        return "Traceback (most recent call last)" in said and f"LookupError: planted in the {where}" in said

    wait_until(logged, limit=10, what=f"the traceback of the {where}")


def test_a_command_typed_by_a_person_fails_before_their_eyes(site: Stage) -> None:
    done = site.type("slipway manage staging stumble person", check=False)
    assert done.returncode == 1
    assert "LookupError: planted in the person" in done.stdout + done.stderr


WAYS = {
    "announced, HTTP/2": "",
    "announced, HTTP/1.1": "--http1.1",
    "of unannounced length, HTTP/2": "-H 'Transfer-Encoding: chunked'",
    "of unannounced length, HTTP/1.1": "--http1.1 -H 'Transfer-Encoding: chunked'",
}


@pytest.mark.parametrize("way", WAYS)
def test_an_upload_below_the_limit_arrives_and_one_above_is_told_the_limit(
    site: Stage, way: str, tmp_path: Path
) -> None:
    sent = {}
    for size in (24_000_000, 26_000_000):
        (tmp_path / "file").write_bytes(bytes(size))
        sent[size] = upload(site, tmp_path / "file", WAYS[way])
    assert sent[24_000_000] == (200, '{"file": 24000000}')
    assert sent[26_000_000] == (413, "This is too large. This site takes at most 25 MB at a time.")


def upload(site: Stage, file: Path, way: str) -> tuple[int, str]:
    """Status and body; Caddy closes half a second after a refusal, which may reset a busy client that still sends."""
    options = f"-sS --retry 3 --retry-all-errors -w '\\n%{{http_code}}' {way} -F file=@{file}"
    body, _, code = site.type(f"inside curl {options} {URL}/trials/upload/").stdout.rpartition("\n")
    return int(code), body


def test_the_limit_is_told_in_the_form_that_was_asked_for(site: Stage) -> None:
    ask = "inside curl -sS -X POST -H 'Content-Length: 99000000'"
    page = site.type(f"{ask} -H 'Accept: text/html,*/*;q=0.8' {URL}/").stdout
    assert page.startswith("<!doctype html>")
    assert "at most 25 MB" in page
    data = json.loads(site.type(f"{ask} -H 'Accept: application/json' {URL}/").stdout)
    assert data == {"error": "This is too large. This site takes at most 25 MB at a time.", "limit": 25_000_000}
