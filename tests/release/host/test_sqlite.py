"""A database file: restored before anything opens it, copied afterwards, given up with a release that fails."""

from __future__ import annotations

import json

import pytest

from release.host.agent import sqlite
from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.agent.site import Site
from tests.release.host.bench import Recorded

BUCKET = {"name": "shop-backups", "endpoint": "https://fra1.example.org", "access_key": "key", "secret_key": "hidden!"}
LAYER = "ab" * 32


def test_a_restore_is_checked_and_runs_as_the_site(site: Site, machine: Recorded) -> None:
    assert sqlite.restore(site, machine, bucket=BUCKET, layer=LAYER) is False  # the stand-in has restored nothing
    (ran,) = machine.told("systemd-run")
    assert "--unit=gallery-run-restore-" in ran
    assert "-if-db-not-exists -if-replica-exists -integrity-check full" in ran
    assert ran.endswith(f"/srv/gallery/layers/{LAYER}/bin/litestream /var/lib/gallery/database/db.sqlite3")
    assert "hidden!" not in " ".join(machine.ran)


def test_a_restore_that_fails_says_why(site: Site, machine: Recorded) -> None:
    machine.answers["systemd-run"] = Done(1, "", "Error: integrity check failed\n")
    with pytest.raises(Failure, match=r"^database: cannot be restored \(Error: integrity check failed\)"):
        sqlite.restore(site, machine, bucket=BUCKET, layer=LAYER)


def test_the_copy_runs_in_the_sites_sandbox_with_a_key_nobody_else_reads(site: Site, machine: Recorded) -> None:
    sqlite.copy(site, machine, bucket=BUCKET, layer=LAYER)
    config = site.settings / "litestream.yml"
    assert config.stat().st_mode & 0o777 == 0o600
    (database,) = json.loads(config.read_text())["dbs"]
    assert database["path"] == "/var/lib/gallery/database/db.sqlite3"
    assert database["replica"]["sync-interval"] == "1s"
    unit = (site.units / "gallery-litestream.service").read_text()
    assert "LoadCredential=litestream.yml:/etc/slipway/gallery/litestream.yml" in unit
    assert "hidden!" not in unit
    sandbox = site.units / "gallery-litestream.service.d/sandbox.conf"
    assert str(sandbox.readlink()) == "/usr/local/lib/slipway/gallery-sandbox.conf"


def test_a_copy_that_runs_as_wanted_is_not_restarted(site: Site, machine: Recorded) -> None:
    sqlite.copy(site, machine, bucket=BUCKET, layer=LAYER)
    machine.ran.clear()
    sqlite.copy(site, machine, bucket=BUCKET, layer=LAYER)
    assert machine.told("systemctl restart") == []
    sqlite.copy(site, machine, bucket=BUCKET, layer="cd" * 32)
    assert machine.told("systemctl restart") == ["systemctl restart gallery-litestream.service"]
