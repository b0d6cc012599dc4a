"""What an account holds under a stack's names and in no state of it, read from the local cloud's API."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from release.cli import strays
from release.cli.refusal import Refusal
from release.cli.strays import find
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.conftest import api, cloud, judge, paper  # noqa: F401
from tests.rehearsal.cloud.test_droplets import KEY, order

URN = "urn:pulumi:staging::my shop::"
TAG = "my-shop-staging-web-ab12cd"


@pytest.fixture(autouse=True)
def _environment(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("DIGITALOCEAN_API_URL", api.url)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", api.token)


def state(*rows: tuple[str, str], **outputs: Any) -> dict[str, Any]:
    """A state as the engine exports it."""
    held = [{"urn": f"{URN}x", "type": f"digitalocean:index/{kind}", "id": id, "outputs": outputs} for kind, id in rows]
    return {"deployment": {"resources": [{"urn": f"{URN}pulumi:pulumi:Stack", "type": "pulumi:pulumi:Stack"}, *held]}}


def test_only_what_is_ours_and_unknown_is_named(api: Client) -> None:  # noqa: F811
    known = order(api, name="my-shop-staging-web-1-0000001", tags=[TAG])
    left = order(api, name="my-shop-staging-web-1-0000002", tags=[TAG])
    order(api, name="my-shop-staging-eu-web-1-0000003", tags=["my-shop-staging-eu-web-ab12cd"])
    order(api, name="somebody-else")
    network = api("POST", "/vpcs", {"name": "my-shop-staging-network-1a2b3c4", "region": "fra1"})["vpc"]
    api("POST", "/account/keys", {"name": "my-shop-staging-login-1a2b3c4", "public_key": KEY})
    api("POST", "/spaces/keys", {"name": "my-shop-staging-spaces-1a2b3c4"})
    api("POST", "/spaces/keys", {"name": "my-shop-staging-spaces-of-mine"})
    held = api("POST", "/reserved_ips", {"droplet_id": known["id"]})["reserved_ip"]["ip"]
    free = api("POST", "/reserved_ips", {"region": "fra1"})["reserved_ip"]["ip"]
    api("POST", "/reserved_ips", {"region": "ams3"})
    mine = state(("droplet:Droplet", str(known["id"])), ("reservedIp:ReservedIp", held), region="fra1")
    found = find(mine)
    assert [(each.what, each.id) for each in found if each.what not in ("SSH key", "Spaces key")] == [
        ("droplet", str(left["id"])),
        ("network", network["id"]),
        ("unassigned address", free),
    ]
    assert [each.name for each in found if "key" in each.what] == [
        "my-shop-staging-login-1a2b3c4",
        "my-shop-staging-spaces-1a2b3c4",
    ]


def test_the_command_removes_it(api: Client) -> None:  # noqa: F811
    left = order(api, name="my-shop-staging-web-1-0000002", tags=[TAG])
    (stray,) = find(state())
    assert stray.text().startswith(
        f"droplet {left['id']} (my-shop-staging-web-1-0000002): doctl compute droplet delete"
    )
    command = stray.command.partition(", or ")[2]
    environment = {"DIGITALOCEAN_API_URL": api.url, "DIGITALOCEAN_TOKEN": api.token, "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", command], env=environment, check=True)
    api.until("/droplets", lambda body: not body["droplets"])
    assert find(state()) == []


def test_a_stack_without_a_state_has_no_names_yet(api: Client) -> None:  # noqa: F811
    assert find({"deployment": None}) == []


def test_it_is_said_and_counts_as_an_exit_code(
    api: Client,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    order(api, name="my-shop-staging-web-1-0000002", tags=[TAG])
    monkeypatch.setattr(strays, "export", lambda project, name: state())
    assert strays.strays(None, "staging", as_json=True) == 1  # type: ignore[arg-type]
    (row,) = json.loads(capsys.readouterr().out)
    assert set(row) == {"what", "id", "name", "command"}
    assert strays.strays(None, "staging") == 1  # type: ignore[arg-type]
    assert capsys.readouterr().out.startswith("in this account under the names of staging, and in no state of it")


@pytest.mark.parametrize(("token", "said"), [("", "no token: set DIGITALOCEAN_TOKEN"), ("wrong", "refuses the token")])
def test_an_account_that_cannot_be_asked_is_refused(monkeypatch: pytest.MonkeyPatch, token: str, said: str) -> None:
    monkeypatch.setattr(strays, "export", lambda project, name: state())
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", token)
    monkeypatch.delenv("DIGITALOCEAN_ACCESS_TOKEN", raising=False)
    with pytest.raises(Refusal, match=f"staging: the account cannot be looked at: .*{said}"):
        strays.strays(None, "staging")  # type: ignore[arg-type]
