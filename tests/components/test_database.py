"""A Postgres that slipway keeps: on a machine of its own where the cloud sells none, or beside the site."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from components import driver
from tests.components.in_memory import InMemory, Sparse
from tests.components.test_environment import Up
from tests.plans.account import Account, is_secret, plain


class Kept(Up):
    """An environment on a cloud that sells no Postgres."""

    def _make(self, **asked: Any) -> InMemory:
        self.cloud = Sparse(**asked)
        return self.cloud


AGREED = """
server login_key site address device disk_gb database user admin extensions authority certificate private_key backup
notify former owner keeper
"""


def test_its_document_has_exactly_the_agreed_keys(account: Account) -> None:
    assert sorted(Kept(account).document("database")) == sorted(AGREED.split())


def test_another_slipway_tells_the_keeper_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = driver.keeper()
    assert before == driver.keeper()
    shutil.copytree(driver.KEEPER, tmp_path / "postgres", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(driver, "KEEPER", tmp_path / "postgres")
    assert driver.keeper() == before
    (tmp_path / "postgres/files/backup.timer").write_text("[Timer]\nOnCalendar=monthly\n")
    assert driver.keeper() != before


def test_a_machine_of_its_own_keeps_it_on_the_disk_that_outlives_it(account: Account) -> None:
    up = Kept(account, **{"database-disk": 40, "database-generation": 2, "ssh-from": ["203.0.113.0/24"]})
    asked = up.asked["data_server"]
    assert (asked["size"], asked["disk_gb"], asked["generation"]) == ("small", 40, 2)
    assert asked["ssh_from"] == ("203.0.113.0/24",)
    document = up.document("database")
    named = {"name": "database", "host": "192.0.2.9", "host_key": "ssh-ed25519 AAAA"}
    assert document["server"] == {**named, "machine": "101"}
    assert (document["address"], document["device"]) == ("10.0.1.10", "/dev/disk/by-id/scsi-0HC_Volume_7")


def test_a_release_is_told_of_it_as_of_any_other(account: Account) -> None:
    found = Kept(account).document("release")["database"]
    assert {key: found[key] for key in ("host", "port", "name", "user", "admin_user", "ca")} == {
        "host": "10.0.1.10",
        "port": 5432,
        "name": "slipway",
        "user": "slipway",
        "admin_user": "slipway_admin",
        "ca": "authority",
    }


def test_the_site_is_released_after_a_login_has_been_seen(account: Account) -> None:
    up = Kept(account)
    after = [urn.rsplit("::", 1)[1] for urn in up.account.one("Command", "release").options.dependencies]
    assert "database" in after
    first = [urn.rsplit("::", 1)[1] for urn in _command(up).options.dependencies]
    assert {"database", "backups", "backup-key", "user-password", "admin-password"} <= set(first)


def _command(up: Up) -> Any:
    (found,) = [each for each in up.account.asked if (each.type, each.name) == ("command:local:Command", "database")]
    return found


def test_another_machine_is_told_anew(account: Account) -> None:
    assert _command(Kept(account)).inputs["triggers"] == ["101"]


def test_its_certificate_is_made_out_to_the_private_address(account: Account) -> None:
    Kept(account)
    request = account.one("CertRequest").inputs
    assert request["ipAddresses"] == ["10.0.1.10"]
    assert request["subject"] == {"commonName": "10.0.1.10"}
    for kind in ("SelfSignedCert", "LocallySignedCert"):
        made = account.one(kind).inputs
        assert (made["validityPeriodHours"], made["earlyRenewalHours"]) == (87600, 8760)
    assert account.one("SelfSignedCert").inputs["isCaCertificate"]


@pytest.mark.parametrize("protect", [True, False])
def test_passwords_and_the_key_of_the_backups_are_protected_with_the_environment(
    account: Account, protect: bool
) -> None:
    Kept(account, protect=protect)
    for name in ("user-password", "admin-password", "backup-key"):
        assert account.one("RandomPassword", name).options.protect == protect


def test_outputs_say_where_the_data_is_and_keep_what_opens_it_secret(account: Account) -> None:
    up = Kept(account)
    assert up.outputs["data"]["kind"] == "server"
    assert up.outputs["data"]["server"]["host"] == "192.0.2.9"
    assert sorted(up.outputs["data"]["bucket"]) == ["endpoint", "name", "region"]
    assert not up.secret["data"]
    assert up.secret["data_login_key"]
    assert up.secret["backups"]
    assert up.outputs["backups"]["cipher"] == "generated-password"


def test_nothing_of_it_is_in_plain_sight(account: Account) -> None:
    Kept(account)
    visible = {
        f"{each.chain} {key}": value
        for each in account.asked
        for key, value in each.inputs.items()
        if not is_secret(value)
    }
    assert "generated-password" not in json.dumps(visible)
    assert "BEGIN EC PRIVATE KEY" not in json.dumps({k: v for k, v in visible.items() if "Command" in k})


def test_a_managed_one_is_the_clouds_own(account: Account) -> None:
    up = Up(account)
    data = up.outputs["data"]
    assert (data["kind"], data["server"], sorted(data["bucket"])) == ("managed", None, ["endpoint", "name", "region"])
    dumps = up.document("dumps")
    assert sorted(dumps) == ["bucket", "database", "keeper", "login_key", "notify", "server", "site"]
    assert dumps["database"]["admin_password"] == ""


def test_beside_the_site_it_is_on_the_servers_own_disk(account: Account) -> None:
    up = Up(account, database="local")
    document = up.document("database")
    assert (document["address"], document["device"]) == ("127.0.0.1", "")
    assert document["server"]["name"] == "web-1"
    assert up.document("release")["database"]["host"] == "127.0.0.1"
    assert up.outputs["data"]["kind"] == "local"
    assert "database" not in up.asked


REPLACED = "is replaced, the old one first: the site is without its database for up to 180 s; the data stays"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ({}, False),
        ({"database-generation": 2, "database-size": "small"}, False),
        ({"database-generation": 1, "database-size": "small"}, True),
        ({"database-generation": 2, "database-size": "medium"}, True),
        ({"server-generation": 1}, False),
    ],
)
def test_the_interruption_of_a_replacement_is_said_beforehand(
    account: Account, before: dict[str, Any], said: bool
) -> None:
    account.before = {"recorded": before} if before else {}
    account.preview = True
    Kept(account, **{"database-generation": 2})
    assert bool([line for line in account.said if REPLACED in line]) == said


def test_the_machine_is_waited_for_and_renewed_by_its_own_setting(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(account.births, "database", "0123456789ab")
    Kept(account)
    (ready,) = [each for each in account.asked if (each.type, each.name) == ("command:remote:Command", "database")]
    assert ready.inputs["triggers"][1:] == ["database-generation 1", "database-size small"]
    assert plain(ready.inputs["connection"])["host"] == "192.0.2.9"
    text = "database was made from an older cloud-init/ and stays as it is, raise database-generation to renew it"
    assert text in account.said


@pytest.mark.parametrize("kind", ["sqlite", "none"])
def test_one_that_is_no_postgres_of_ours_is_named_as_what_it_is(account: Account, kind: str) -> None:
    found = Up(account, database=kind)
    assert found.outputs["data"] == {"kind": kind, "server": None, "bucket": None}
