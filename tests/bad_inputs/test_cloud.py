"""What an account cannot have: what a person reads, word for word, before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from components import cloud_init
from components.web_servers import ADDRESS, PRIVATE_KEY, PUBLIC_KEY
from settings.stack_file import STORAGE
from tests.bad_inputs.desk import GOOD, Desk
from tests.plans.account import Account

FILE = "stacks/Pulumi.staging.yaml"
TOKEN = "DIGITALOCEAN_TOKEN: should be a token of your DigitalOcean account"
MAKE_ONE = (
    "make one with full access under API > Tokens and export it, or pulumi config set --secret digitalocean:token"
)


class Lacking(NamedTuple):
    """What is asked for, how the account differs from the usual one, and the words."""

    asked: Mapping[str, Any]
    account: Mapping[str, Any]
    words: str


ACCOUNTS: Mapping[str, Lacking] = {
    "unknown region": Lacking(
        {"region": "fra2"},
        {},
        f"{FILE}: region: should be a region of DigitalOcean's (got 'fra2'), did you mean fra1?",
    ),
    "a region of another cloud's": Lacking(
        {"region": "eu-central-1"},
        {},
        f"{FILE}: region: should be a region of DigitalOcean's (got 'eu-central-1'), choose one of "
        "ams3, blr1, fra1, lon1, nyc1, nyc2, nyc3, sfo2, sfo3, sgp1, syd1, tor1 ...",
    ),
    "a region that is full": Lacking(
        {"region": "nyc2"},
        {"closed": ("nyc2", "sfo2", "nyc1")},
        f"{FILE}: region: should take new servers (got 'nyc2', which does not), choose one of "
        "ams3, blr1, fra1, lon1, nyc3, sfo3, sgp1, syd1, tor1",
    ),
    "unknown size": Lacking(
        {"server-size": "s-1vcpu-1gbb"},
        {},
        f"{FILE}: server-size: should be small, medium, large or one of DigitalOcean's sizes in fra1 "
        "(got 's-1vcpu-1gbb'), did you mean s-1vcpu-1gb?",
    ),
    "a size of another cloud's": Lacking(
        {"server-size": "cpx31"},
        {},
        f"{FILE}: server-size: should be small, medium, large or one of DigitalOcean's sizes in fra1 "
        "(got 'cpx31'), choose one of s-1vcpu-1gb, s-2vcpu-2gb, s-2vcpu-4gb ...",
    ),
    "a size that is sold out": Lacking(
        {},
        {"sold_out": ("s-1vcpu-1gb",)},
        f"{FILE}: server-size: should be small, medium, large or one of DigitalOcean's sizes in fra1 "
        "(got 'small', which is s-1vcpu-1gb), choose one of s-2vcpu-2gb, s-2vcpu-4gb ...",
    ),
    "an image that is gone": Lacking(
        {},
        {"images": ("debian-14-x64",)},
        f"{FILE}: cloud: should have the image debian-13-x64 (got none in this account), take a newer slipway",
    ),
    "a server's size for the database": Lacking(
        {"database-size": "s-1vcpu-1gb"},
        {},
        f"{FILE}: database-size: should be small, medium, large or a database size of DigitalOcean's "
        "(got 's-1vcpu-1gb'), did you mean db-s-1vcpu-1gb?",
    ),
    "a standby of the smallest database": Lacking(
        {"database-standby": True},
        {},
        f"{FILE}: database-standby: needs a larger database (got small), set database-size: medium",
    ),
    "no such zone": Lacking(
        {"domain": "example.net"},
        {},
        f"{FILE}: domain: should be a zone in this DigitalOcean account (got 'example.net'), add it under "
        "Networking > Domains or with doctl compute domain create example.net, or say dns: external",
    ),
    "a token that is refused": Lacking(
        {},
        {"answers": "Error retrieving regions: GET x: 401 (request 1) Unable to authenticate you"},
        f"{TOKEN} (got one that DigitalOcean refuses), {MAKE_ONE}",
    ),
    "a token that may not read": Lacking(
        {},
        {"answers": "Error retrieving regions: GET x: 403 (request 1) You are not authorized"},
        f"{TOKEN} (got one that may not do this), {MAKE_ONE}",
    ),
    "no answer": Lacking(
        {},
        {"answers": "GET https://api.digitalocean.com/v2/regions: connection refused"},
        "DigitalOcean: should answer (got GET https://api.digitalocean.com/v2/regions: connection refused), "
        "look at https://status.digitalocean.com and run the same again",
    ),
}


KEYS = {key: "A" for key in STORAGE}
THERE = {"cloud": "hetzner", "region": "fsn1", **KEYS}
CONSOLE = "https://console.hetzner.com"
HCLOUD_TOKEN = "HCLOUD_TOKEN: should be a token of your Hetzner project"
MAKE_A_TOKEN = (
    f"make one with Read & Write under Security > API tokens in {CONSOLE} and export it, or pulumi config set "
    "--secret hcloud:token"
)
AT_HETZNER: Mapping[str, Lacking] = {
    "no storage keys": Lacking(
        {"cloud": "hetzner", "region": "fsn1"},
        {},
        f"{FILE}: storage-access-key: is required on hetzner, which has no API that makes keys of its object storage: "
        f"make two pairs under Security > S3 credentials in {CONSOLE} and set them with pulumi config set --secret, "
        "docs/guide.md, On Hetzner, says how",
    ),
    "storage keys of a cloud that makes its own": Lacking(
        KEYS,
        {},
        f"{FILE}: storage-access-key: has no meaning on digitalocean, which makes its own keys, take storage-... out",
    ),
    "a network of another cloud's": Lacking(
        {**THERE, "network": "5a4981aa-9653-4bd1-bef5-d6bff52042e4"},
        {},
        f"{FILE}: network: has no meaning on hetzner, where an environment makes its own, take network out",
    ),
    "a standby that nobody sells": Lacking(
        {**THERE, "database-standby": True},
        {},
        f"{FILE}: database-standby: has no meaning on hetzner, which sells no database, take database-standby out",
    ),
    "a region of DigitalOcean's": Lacking(
        {**THERE, "region": "fra1"},
        {},
        f"{FILE}: region: should be a location of Hetzner's (got 'fra1'), choose one of "
        "fsn1, nbg1, hel1, ash, hil, sin ...",
    ),
    "a size that is not sold there": Lacking(
        {**THERE, "region": "ash", "server-size": "cx23"},
        {},
        f"{FILE}: server-size: should be small, medium, large or one of Hetzner's x86 server types to be had in ash "
        "(got 'cx23'), did you mean cpx31?",
    ),
    "a size of another processor's": Lacking(
        {**THERE, "server-size": "cax11"},
        {},
        f"{FILE}: server-size: should be small, medium, large or one of Hetzner's x86 server types to be had in fsn1 "
        "(got 'cax11'), did you mean ccx13?",
    ),
    "a size that is sold out at Hetzner": Lacking(
        THERE,
        {"sold_out": ("cx23",)},
        f"{FILE}: server-size: should be small, medium, large or one of Hetzner's x86 server types to be had in fsn1 "
        "(got 'small', which is cx23), choose one of cx33, cx43 ...",
    ),
    "a database's size that is unknown": Lacking(
        {**THERE, "database-size": "db-s-1vcpu-1gb"},
        {},
        f"{FILE}: database-size: should be small, medium, large or one of Hetzner's x86 server types to be had in "
        "fsn1 (got 'db-s-1vcpu-1gb'), choose one of cx23, cx33, cx43 ...",
    ),
    "an image that is gone at Hetzner": Lacking(
        THERE,
        {"images": ("debian-14",)},
        f"{FILE}: cloud: should have the image debian-13 (got none at Hetzner), take a newer slipway",
    ),
    "no such zone at Hetzner": Lacking(
        {**THERE, "domain": "example.net"},
        {},
        f"{FILE}: domain: should be a zone in this Hetzner project (got 'example.net'), add it under DNS in the "
        "console or with hcloud zone create --name example.net, or say dns: external",
    ),
    "a token that Hetzner refuses": Lacking(
        THERE,
        {"answers": "unable to authenticate (unauthorized, 4711)"},
        f"{HCLOUD_TOKEN} (got one that Hetzner refuses), {MAKE_A_TOKEN}",
    ),
    "a token that may not do this": Lacking(
        THERE,
        {"answers": "insufficient permissions (forbidden, 4711)"},
        f"{HCLOUD_TOKEN} (got one that may not do this), {MAKE_A_TOKEN}",
    ),
    "no answer of Hetzner's": Lacking(
        THERE,
        {"answers": "Get https://api.hetzner.cloud/v1/locations: connection refused"},
        "Hetzner: should answer (got Get https://api.hetzner.cloud/v1/locations: connection refused), "
        "look at https://status.hetzner.com and run the same again",
    ),
}


def test_no_token_of_hetzners(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HCLOUD_TOKEN")
    desk.writes({**GOOD, **THERE})
    assert desk.complaint() == f"{HCLOUD_TOKEN} (got none), {MAKE_A_TOKEN}"


EVERY = {**ACCOUNTS, **AT_HETZNER}


@pytest.mark.parametrize("lacking", EVERY.values(), ids=EVERY)
def test_an_account(desk: Desk, account: Account, lacking: Lacking) -> None:
    for name, value in lacking.account.items():
        setattr(account, name, value)
    desk.writes({**GOOD, **lacking.asked})
    assert desk.complaint() == lacking.words


@pytest.mark.parametrize("given", [None, ""])
def test_no_token(desk: Desk, monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    if given is not None:
        monkeypatch.setenv("DIGITALOCEAN_TOKEN", given)
    desk.writes(GOOD)
    assert desk.complaint() == f"{TOKEN} (got none), {MAKE_ONE}"


def test_user_data_over_the_limit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    text = cloud_init.render(
        "web",
        site="slipway",
        address=ADDRESS,
        host_key_private=PRIVATE_KEY,
        host_key_public=PUBLIC_KEY,
        login_public_key=PUBLIC_KEY,
        swap=True,
    )
    size = len(text.encode())
    monkeypatch.setattr(cloud_init, "LIMIT", size - 1)
    desk.writes(GOOD)
    complaint = desk.complaint()
    assert complaint.startswith(
        f"cloud-init/web.yaml: should be at most {size - 1} bytes when rendered (got {size}), "
        "make the biggest files smaller: files/"
    )
