"""`slipway status`: state, live site, servers and names; the cloud has a file of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.cli.names import look_at_names
from tests.release.cli.desk import ARTIFACT, RELEASE, Desk, certificate, serve

NOT_ASKED = 3  # the desk's stack says nothing of a cloud


def test_status_agrees(desk: Desk) -> None:
    desk.agent()
    ended = desk.run("status", "staging")
    assert ended.code == NOT_ASKED, ended
    lines = [line.split() for line in ended.out.splitlines()]
    short = "sha256-abababababab"
    assert lines[0] == ["staging", f"https://localhost:{desk.port}"]
    assert lines[3:6] == [
        ["state", short, "abababababab-01234567", "last", "update", "succeeded"],
        ["live", "site", short, "abababababab-01234567", "over", "HTTPS"],
        ["web-1", short, "abababababab-01234567", "blue", "active"],
    ]
    assert lines[8:10] == [
        ["address", "of", "localhost", "127.0.0.1", "127.0.0.1"],
        ["certificate", "localhost", "valid", "valid", "until", *lines[9][5:]],
    ]
    assert ended.out.endswith(
        "cloud: not asked, the state does not say what to look for, run pulumi up -s staging\n\n"
        "all agree, but the cloud was not asked\n"
    )


def test_status_says_when_the_server_disagrees(desk: Desk) -> None:
    desk.agent(release="abababababab-ffffffff", provisional="cdcdcdcdcdcd-00000000")
    ended = desk.run("status", "staging")
    assert ended.code == 1
    assert "cdcdcdcdcdcd-00000000 is flipped to and not committed" in ended.out
    assert ended.out.endswith(
        f"1 disagreement:\n  web-1: should run {RELEASE} of {ARTIFACT} "
        f"(got: runs abababababab-ffffffff of {ARTIFACT}), "
        "pulumi up -s staging --replace '**:Command::release'\n"
    )


def test_status_says_what_is_silent(desk: Desk) -> None:
    desk.says["status"] = 503
    desk.answer(stderr="ssh: connect to host 198.51.100.17 port 22: Connection refused\n", code=255)
    ended = desk.run("status", "staging")
    assert ended.code == 1
    assert "answered 503" in ended.out
    assert "Connection refused" in ended.out


def test_status_says_when_the_last_update_failed(desk: Desk) -> None:
    desk.agent()
    desk.stack(history="failed")
    ended = desk.run("status", "staging")
    assert ended.code == 1
    assert "last update failed" in ended.out


def test_status_for_programs(desk: Desk) -> None:
    desk.agent(journal=[{"event": "committed"}])
    ended = desk.run("status", "staging", "--json")
    said = json.loads(ended.out)
    assert (ended.code, ended.out.count("\n")) == (NOT_ASKED, 1)
    names = {"artifact": ARTIFACT, "release": RELEASE}
    assert {key: said[key] for key in ("stack", "url", "agree", "disagreements")} == {
        "stack": "staging", "url": f"https://localhost:{desk.port}", "agree": True, "disagreements": [],
    }  # fmt: skip
    assert said["state"] == {**names, "update": {"kind": "update", "result": "succeeded"}}
    assert said["site"] == {**names, "environment": "staging"}
    assert said["servers"]["web-1"].items() >= {**names, "slot": "blue", "serving": "blue"}.items()
    assert said["servers"]["web-1"]["journal"] == [{"event": "committed"}]


def test_status_for_programs_when_they_disagree(desk: Desk) -> None:
    desk.agent(release="abababababab-ffffffff")
    desk.says["status"] = 503
    desk.stack(history="failed")
    ended = desk.run("status", "--json", "staging")
    said = json.loads(ended.out)
    assert (ended.code, said["agree"], said["site"]) == (1, False, None)
    assert said["servers"]["web-1"]["release"] == "abababababab-ffffffff"
    assert said["disagreements"] == [
        "state: last update failed, pulumi up -s staging",
        f"live site: should run {RELEASE} of {ARTIFACT} (got: answered 503), "
        "see slipway logs staging, then pulumi up -s staging --replace '**:Command::release'",
        f"web-1: should run {RELEASE} of {ARTIFACT} (got: runs abababababab-ffffffff of {ARTIFACT}), "
        "pulumi up -s staging --replace '**:Command::release'",
    ]


def test_status_for_programs_of_a_silent_server(desk: Desk) -> None:
    desk.answer(stderr="Connection refused\n", code=255)
    said = json.loads(desk.run("status", "staging", "--json").out)
    assert said["servers"] == {"web-1": None}
    assert said["disagreements"] == [
        f"web-1: should run {RELEASE} of {ARTIFACT} (got: Connection refused), "
        "see slipway logs staging, then pulumi up -s staging --replace '**:Command::release'"
    ]


def test_a_certificate_that_is_not_trusted_is_not_an_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.agent()
    ended = desk.run("status", "staging", SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt")
    assert ended.code == 1
    assert "certificate" in ended.out.lower()


def test_a_machine_older_than_its_cloud_init_is_a_note(desk: Desk) -> None:
    desk.agent()
    desk.stack(births={"cloud-init": "0123456789ab", "web-1": "ba9876543210"})
    ended = desk.run("status", "staging")
    assert ended.code == NOT_ASKED
    assert "note: web-1: was made from an older cloud-init/, raise server-generation to renew it" in ended.out


@pytest.mark.parametrize(
    ("host", "days", "found"),
    [
        ("localhost", 90, "valid"),
        ("localhost", 10, "valid for 9 days only"),
        ("localhost", -1, "certificate has expired"),
        ("other.example", 90, "Hostname mismatch, certificate is not valid for 'localhost'"),
    ],
)
def test_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, days: int, found: str) -> None:
    shown = certificate(tmp_path, host=host, days=days)
    desk = Desk(root=tmp_path, certificate=shown)
    server = serve(desk)
    monkeypatch.setenv("SSL_CERT_FILE", str(shown))
    outputs = {"url": f"https://localhost:{server.server_port}", "hosts": ["localhost"], "address": "127.0.0.1"}
    try:
        name, row = look_at_names(outputs, stack="staging")
    finally:
        server.shutdown()
        server.server_close()
    assert name.agrees
    assert (row.name, row.found, row.agrees) == ("certificate localhost", found, found == "valid")
    assert row.line.endswith("have it asked for again: pulumi up -s staging --replace '**:Command::arrive'")


def test_a_name_that_leads_nowhere_and_shows_nothing() -> None:
    outputs = {"url": "https://nowhere.invalid", "hosts": ["nowhere.invalid"], "address": "192.0.2.1"}
    name, row = look_at_names(outputs, stack="staging")
    assert name.line == (
        "address of nowhere.invalid: should be 192.0.2.1 (got nobody), set nowhere.invalid. A 192.0.2.1"
    )
    assert row.found.startswith("none (")
