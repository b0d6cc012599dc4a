"""The steps that make a Postgres serve: roles, extensions, backups, and the whole, on temporary trees."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import string
from collections.abc import Sequence
from importlib.resources import files

import pytest

from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.postgres import backups, disk, extensions, roles, sizing
from release.host.postgres.backup import status
from release.host.postgres.keeping import converse
from release.host.postgres.place import Place
from release.host.postgres.repository import configured
from tests.release.host.postgres.paper import DEVICE, MIB, RAW, document, facts, machine


def test_a_verifier_is_what_postgres_makes_of_a_password() -> None:
    told = roles.verifier("pencil", salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    kind, rounds, rest = told.split("$")
    stored, server = rest.split(":")
    assert (kind, rounds) == ("SCRAM-SHA-256", "4096:W22ZaJ0SNY7soEsUEjb6gQ==")
    # RFC 7677's own example: the server's signature over its exchange
    exchange = b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    exchange += b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    signature = hmac.digest(base64.b64decode(server), exchange, "sha256")
    assert base64.b64encode(signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    proof = bytes(
        a ^ b
        for a, b in zip(
            base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
            hmac.digest(base64.b64decode(stored), exchange, "sha256"),
            strict=True,
        )
    )
    assert hashlib.sha256(proof).digest() == base64.b64decode(stored)


def test_a_password_that_opens_is_left_and_none_is_in_a_command(place: Place) -> None:
    told = machine(place)
    assert roles.ensure_roles(place, told, document()) == []
    assert not [text for text in told.inputs if "PASSWORD" in text]
    assert not [line for line in told.ran if "password" in line]
    assert [env["PGSSLMODE"] for env in told.envs if "PGSSLMODE" in env] == ["verify-full", "verify-full"]


def test_a_password_that_no_longer_opens_is_changed_without_being_said(place: Place) -> None:
    refused, tries = 'FATAL:  password authentication failed for user "gallery"', iter([2, 0, 0])

    def psql(argv: Sequence[str]) -> Done:
        return Done(next(tries), "", refused) if argv[0] == "psql" else Done(0)

    told = machine(place, psql=psql)
    assert roles.ensure_roles(place, told, document()) == ["password of gallery_admin"]
    (change,) = [text for text in told.inputs if "PASSWORD" in text]
    assert change.startswith('ALTER ROLE "gallery_admin" PASSWORD \'SCRAM-SHA-256$4096:')
    assert "the-admins-password" not in "".join(told.inputs)


def test_a_rotated_login_stands_beside_the_one_before_and_older_ones_go(place: Place) -> None:
    told = machine(place)
    former = {"role": "gallery_2", "password": "the-former-password"}
    user = {"role": "gallery_3", "password": "the-sites-password"}
    roles.ensure_roles(place, told, document(user=user, former=former, owner="gallery_owner"))
    made, rotated = told.inputs[:2]
    assert 'CREATE ROLE "gallery_3" LOGIN' in made
    assert 'CREATE ROLE "gallery_2" LOGIN' in made
    assert "rolname ~ '^gallery(_[0-9]+)?$' AND rolname NOT IN ('gallery_3', 'gallery_2')" in rotated
    steps = [line for line in rotated.splitlines() if "\\gexec" in line]
    assert [line.split("'")[1].split(" ")[0] for line in steps] == ["CREATE", "REASSIGN", "DROP", "DROP"]
    assert [env["PGUSER"] for env in told.envs[2:]] == ["gallery_admin", "gallery_3", "gallery_2"]


def test_a_login_that_fails_for_another_reason_is_told(place: Place) -> None:
    refused = Done(2, "", "psql: error: certificate verify failed")
    told = machine(place, psql=lambda argv: refused if argv[0] == "psql" else Done(0))
    with pytest.raises(Failure, match="gallery_admin cannot log in: psql: error: certificate verify failed"):
        roles.ensure_roles(place, told, document())


@pytest.mark.parametrize(("name", "package"), [("vector", "postgresql-17-pgvector"), ("hstore", None)])
def test_an_extension_is_made_and_its_package_installed(place: Place, name: str, package: str | None) -> None:
    def psql(argv: Sequence[str]) -> Done:
        return Done(0, "1" if "pg_available" in told.inputs[-1] and package is None else "")

    told = machine(place, psql=psql)
    told.answers["dpkg-query"] = Done(1)
    assert extensions.ensure_extensions(told, "gallery", [name]) == [f"extension {name}"]
    assert bool([line for line in told.told("apt-get") if package and package in line]) == bool(package)


def test_an_extension_nobody_knows_is_refused_in_words(place: Place) -> None:
    with pytest.raises(Failure, match=r"extensions: vektor is not one of Postgres 17's"):
        extensions.ensure_extensions(machine(place), "gallery", ["vektor"])


# the whole, and its backups


def test_templates_have_no_placeholder_that_nobody_fills() -> None:
    known = {"site", "listen", "range", "device", "interface", "kind", "at", "bucket", "endpoint", "region", "data"}
    known |= {
        "more",
        "verb",
        "name",
        "access_key",
        "secret_key",
        "cipher",
        "queue",
        *sizing.memory_settings(MIB, MIB, alone=True),
    }
    for path in (files("release.host.postgres") / "files").iterdir():
        if path.name in {"drill.service", "watch.service"}:
            continue
        assert set(string.Template(path.read_text()).get_identifiers()) <= known, path.name


def test_the_repository_is_encrypted_bounded_and_readable_to_postgres_only(place: Place) -> None:
    place.disk.mkdir(parents=True)
    told = machine(place)
    assert backups.configure(place, told, document(), facts()) == ["backups"]
    assert backups.configure(place, told, document(), facts()) == []
    options = configured(place)["global"]
    assert options["repo1-cipher-type"] == "aes-256-cbc"
    assert options["repo1-cipher-pass"] == "the-repositorys-cipher"
    assert options["repo1-s3-endpoint"] == "fsn1.example.com"
    assert options["repo1-retention-full"] == "4"
    assert int(options["archive-push-queue-max"].removesuffix("MiB")) >= 256
    assert place.repository.stat().st_mode & 0o777 == 0o640
    enabled = "systemctl enable --quiet --now slipway-backup-full.timer slipway-backup-diff.timer"
    assert told.told("systemctl enable") == [enabled]


def test_a_first_backup_is_started_and_not_waited_for(place: Place) -> None:
    told = machine(place, pgbackrest=Done(0, '[{"db": [{"id": 1}], "backup": []}]'))
    assert backups.prove(told, facts(), changed=False) == []
    assert backups.begin(told, facts()) == ["first backup started"]
    assert told.told("systemctl start") == ["systemctl start --no-block slipway-backup-full.service"]
    told.answers["systemctl show"] = Done(0, "activating\n")
    assert backups.begin(told, facts()) == []


def test_a_bucket_that_takes_nothing_is_told(place: Place) -> None:
    def pgbackrest(argv: Sequence[str]) -> Done:
        return Done(82, "", "ERROR: [082]: WAL segment was not archived") if "check" in argv else Done(0, "[]")

    with pytest.raises(Failure, match=r"pgbackrest check: .082.: WAL segment was not archived"):
        backups.prove(machine(place, pgbackrest=pgbackrest), facts(), changed=False)


def test_backups_of_another_database_are_not_written_over(place: Place) -> None:
    def pgbackrest(argv: Sequence[str]) -> Done:
        words = "ERROR: [051]: PostgreSQL version 17, system-id 7 do not match stanza version 17, system-id 8"
        return Done(51, "", words) if "check" in argv else Done(0, '[{"db": [{"id": 1}]}]')

    with pytest.raises(Failure, match="backups of another database: slipway backup restore brings that one back"):
        backups.prove(machine(place, pgbackrest=pgbackrest), facts(), changed=True)


def test_status_tells_age_queue_and_disk(place: Place) -> None:
    place.write_facts(facts())
    ready = place.data / "pg_wal/archive_status"
    ready.mkdir(parents=True)
    for name in ("000000010000000000000007.ready", "000000010000000000000008.ready", "000000010000000000000006.done"):
        (ready / name).touch()
    times = {"start": 100, "stop": 160}
    made = {"label": "20261121-172804F", "type": "full", "timestamp": times, "error": False}
    made["info"] = {"size": 4096, "repository": {"delta": 1024}}
    answer = json.dumps([{"backup": [made], "status": {"message": "ok"}}])
    found = status(machine(place, pgbackrest=Done(0, answer)), [])
    assert found["newest"]["seconds"] == 60
    assert (found["newest"]["bytes"], found["newest"]["stored"]) == (4096, 1024)
    assert found["archive"]["queue"] == 2
    assert 0 <= found["disk"]["percent"] <= 100


def test_a_failure_is_one_line_without_secrets(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = machine(place, dpkg=Done(0, "ii"), blkid=Done(0, "TYPE=the-buckets-secret\n"))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(RAW) + "\n"))
    monkeypatch.setattr(disk, "_await", lambda *_: None)
    assert converse(told) == 1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[-1]["error"].startswith(f"disk: {DEVICE} should be blank or ext4 (got [secret])")
    journal = (place.root / "var/lib/slipway-agent/gallery/journal.jsonl").read_text()
    assert '"event": "failed"' in journal
    assert "the-buckets-secret" not in journal
