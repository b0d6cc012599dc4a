"""The steps that keep a Postgres up to its port: document, disk, cluster, network, on temporary trees."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.postgres import cluster, disk, network, sizing
from release.host.postgres.document import Document
from release.host.postgres.network import Network
from release.host.postgres.place import Place
from tests.release.host.bench import Recorded
from tests.release.host.postgres.paper import DEVICE, MIB, RAW, document, machine


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"site": "../x"}, "site"),
        ({"device": "/etc/passwd"}, "device"),
        ({"database": 'x"; DROP'}, "database"),
        ({"user": {"role": "a b", "password": "x"}}, "user.role"),
        ({"address": "db.example.org"}, "address"),
        ({"extensions": ["'; DROP"]}, "extensions"),
        ({"backup": {**RAW["backup"], "bucket": "a\nrepo1-cipher-type=none"}}, "backup.bucket"),
        ({"backup": {**RAW["backup"], "cipher": ""}}, "backup.cipher"),
    ],
)
def test_what_becomes_a_path_a_name_or_a_line_is_held_to_its_shape(change: dict[str, Any], where: str) -> None:
    with pytest.raises(Failure, match=f"document: {where}"):
        document(**change)


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(Failure, match="document: 'backup': is required"):
        Document.parse({key: value for key, value in RAW.items() if key != "backup"})


def test_nothing_secret_is_in_its_text() -> None:
    for secret in ("the-sites-password", "the-buckets-secret", "the-repositorys-cipher", "private key"):
        assert secret not in repr(document())


# the disk


def ensured(place: Place, machine: Recorded, *, mounted: bool = True) -> list[str]:
    state = {"mounted": mounted}

    def is_mounted(path: Path) -> bool:
        state["mounted"] |= any(line.startswith("systemctl start srv-postgres.mount") for line in machine.ran)
        return state["mounted"]

    return disk.ensure_disk(place, machine, DEVICE, is_mounted=is_mounted, exists=lambda path: True)


BLANK, EXT4 = Done(2), Done(0, f"DEVNAME={DEVICE}\nTYPE=ext4\nUUID=1\n")
FULL = Done(0, "", "The filesystem is already 5242880 (4k) blocks long.  Nothing to do!")


def test_a_blank_disk_is_formatted_and_mounted(place: Place) -> None:
    told = machine(place, blkid=BLANK, resize2fs=FULL)
    assert ensured(place, told, mounted=False) == ["formatted", "mount"]
    assert told.told("mkfs.ext4") == [f"mkfs.ext4 -q -m 1 -L postgres {DEVICE}"]
    unit = (place.units / "srv-postgres.mount").read_text()
    assert f"What={DEVICE}\nWhere=/srv/postgres\n" in unit


def test_a_disk_that_is_in_use_is_left_as_it_is(place: Place) -> None:
    told = machine(place, blkid=EXT4, resize2fs=FULL)
    assert ensured(place, told, mounted=False) == ["mount"]
    assert not told.told("mkfs")
    assert ensured(place, told) == []


@pytest.mark.parametrize(
    ("said", "carries"),
    [
        (Done(0, "TYPE=xfs\n"), "xfs"),
        (Done(0, "PTTYPE=gpt\n"), "gpt"),
        (Done(8, ""), "something blkid cannot tell"),
        (Done(4, ""), "something blkid cannot tell"),
        (Done(2, "PTTYPE=dos\n"), "dos"),
    ],
)
def test_what_is_neither_blank_nor_ours_is_never_formatted(place: Place, said: Done, carries: str) -> None:
    told = machine(place, blkid=said)
    with pytest.raises(Failure, match=rf"should be blank or ext4 \(got {carries}\), it is left as it is"):
        ensured(place, told)
    assert not told.told("mkfs")


def test_a_disk_that_has_grown_is_used_whole(place: Place) -> None:
    grown = Done(0, "", "The filesystem on /dev/sdb is now 10485760 (4k) blocks long.")
    told = machine(place, blkid=EXT4, resize2fs=grown)
    assert "grown" in ensured(place, told)


def test_a_disk_that_does_not_come_is_told(place: Place) -> None:
    told = machine(place)
    with pytest.raises(Failure, match="did not appear within 60 s, look whether the volume is attached"):
        disk.ensure_disk(place, told, DEVICE)
    assert told.clock == 60


def test_nothing_is_made_beside_a_disk_that_does_not_mount(place: Place) -> None:
    with pytest.raises(Failure, match="should be mounted"):
        disk.ensure_disk(
            place, machine(place, blkid=EXT4), DEVICE, is_mounted=lambda path: False, exists=lambda path: True
        )


# the cluster


def data(place: Place, version: str) -> None:
    folder = place.disk / version / "main"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text(f"{version}\n")


def configured_for(place: Place, path: str) -> None:
    place.configuration.mkdir(parents=True)
    (place.configuration / "postgresql.conf").write_text(f"port = 5432\ndata_directory = '{path}'\t# use data\n")


NAMED = "pg_conftool 17 main set data_directory /srv/postgres/17/main"


def test_a_first_cluster_is_made_aside_with_checksums(place: Place) -> None:
    told = machine(place)
    assert cluster.ensure_cluster(place, told) == ["made"]
    made, moved, named = told.ran
    assert made.endswith("--datadir=/srv/postgres/17/main.new 17 main -- --data-checksums")
    assert moved == "mv --no-target-directory /srv/postgres/17/main.new /srv/postgres/17/main"
    assert named == NAMED


def test_a_cluster_that_is_on_the_disk_is_adopted(place: Place) -> None:
    data(place, "17")
    (place.data / "postmaster.pid").write_text("2848\n")
    told = machine(place)
    assert cluster.ensure_cluster(place, told) == ["adopted"]
    made, owned, named = told.ran
    assert "--datadir=/srv/postgres/17/main.new" in made  # never the data itself
    assert owned == "chown --recursive postgres:postgres /srv/postgres/17"
    assert named == NAMED
    assert not (place.data / "postmaster.pid").exists()


def test_one_that_is_configured_is_left_alone(place: Place) -> None:
    data(place, "17")
    configured_for(place, "/srv/postgres/17/main")
    told = machine(place)
    assert cluster.ensure_cluster(place, told) == []
    assert told.ran == []


@pytest.mark.parametrize(("there", "done"), [(True, "adopted"), (False, "made")])
def test_what_was_left_half_made_is_made_again(place: Place, there: bool, done: str) -> None:
    configured_for(place, "/srv/postgres/17/main.new")
    left = place.disk / "17/main.new"
    left.mkdir(parents=True)
    (left / "PG_VERSION").write_text("17\n")
    if there:
        data(place, "17")
    told = machine(place)
    assert cluster.ensure_cluster(place, told) == [done]
    assert not left.exists()
    assert place.data.exists() == there  # what the paper machine did not move is not there


def test_another_version_is_refused_and_nothing_touched(place: Place) -> None:
    data(place, "16")
    told = machine(place)
    with pytest.raises(Failure, match=r"should hold a Postgres 17 \(got 16\), its data is left as it is"):
        cluster.ensure_cluster(place, told)
    assert told.ran == []


NETWORK = Network("enp7s0", IPv4Network("10.0.0.0/16"))


def configure(place: Place, told: Recorded, **changes: Any) -> list[str]:
    place.disk.mkdir(parents=True, exist_ok=True)
    return cluster.configure(place, told, document(**changes), NETWORK, memory=4096 * MIB)


def test_configuration_is_written_once(place: Place) -> None:
    told = machine(place)
    assert configure(place, told) == ["certificate", "settings", "access", "unit"]
    assert configure(place, told) == []
    assert configure(place, told, certificate="another\n") == ["certificate"]
    assert (place.tls / "server.key").stat().st_mode & 0o777 == 0o640


def test_passwords_only_over_tls_and_only_from_the_private_range(place: Place) -> None:
    configure(place, machine(place))
    lines = [" ".join(line.split()) for line in (place.configuration / "pg_hba.conf").read_text().splitlines()[1:]]
    assert lines == [
        "local all postgres peer",
        "host all postgres all reject",
        "hostssl all all 10.0.0.0/16 scram-sha-256",
    ]


def test_everything_committed_is_archived_within_a_minute(place: Place) -> None:
    configure(place, machine(place))
    settings = (place.configuration / "conf.d/slipway.conf").read_text().splitlines()
    assert "archive_mode = on" in settings
    assert "archive_timeout = 60s" in settings
    assert "archive_command = 'pgbackrest --stanza=gallery archive-push \"%p\"'" in settings
    assert "shared_buffers = 1024MB" in settings


def test_beside_the_site_it_listens_to_this_machine_only(place: Place) -> None:
    configure(place, machine(place), address="127.0.0.1", device="")
    text = (place.configuration / "conf.d/slipway.conf").read_text()
    assert "listen_addresses = 'localhost'" in text
    assert "shared_buffers = 512MB" in text


@pytest.mark.parametrize(("memory", "connections"), [(512, 40), (2048, 102), (4096, 204), (65536, 400)])
def test_connections_fit_the_memory(memory: int, connections: int) -> None:
    found = sizing.memory_settings(memory * MIB, 20 << 30, alone=True)
    assert found["connections"] == connections
    assert found["shared_buffers"] + connections * found["work_mem"] < memory


@pytest.mark.parametrize(
    ("running", "pending", "changed", "done"),
    [
        (False, "0", ["settings"], ["started"]),
        (True, "0", [], []),
        (True, "0", ["access"], ["reloaded"]),
        (True, "2", ["settings"], ["restarted"]),
    ],
)
def test_it_is_restarted_only_where_postgres_says_so(
    place: Place, running: bool, pending: str, changed: list[str], done: list[str]
) -> None:
    told = machine(place, psql=Done(0, f"{pending}\n"))
    told.answers["systemctl is-active"] = Done(0 if running else 3)
    assert cluster.run(place, told, changed=changed) == done
    assert bool(told.told("systemctl restart")) == (done == ["restarted"])


def test_one_that_does_not_start_says_why(place: Place) -> None:
    told = machine(place, psql=Done(2, "", "psql: error: no such file"))
    told.answers |= {"systemctl is-active": Done(3), "tail": Done(0, "FATAL:  could not load server certificate")}
    with pytest.raises(Failure, match="postgres: does not start") as failed:
        cluster.run(place, told, changed=[])
    assert failed.value.detail[-1] == "FATAL:  could not load server certificate"


# the network


LINKS = json.dumps([{"ifname": "lo", "addr_info": [{"local": "127.0.0.1"}]},
                    {"ifname": "enp7s0", "addr_info": [{"local": "10.0.1.10", "prefixlen": 32}]}])  # fmt: skip


@pytest.mark.parametrize(
    ("routes", "range_"),
    [
        ([{"dst": "10.0.0.0/16", "gateway": "10.0.0.1"}, {"dst": "10.0.0.1"}], "10.0.0.0/16"),
        ([{"dst": "default"}, {"dst": "10.0.1.0/24"}], "10.0.1.0/24"),
        ([{"dst": "0.0.0.0/0"}], "10.0.0.0/8"),
        ([], "10.0.0.0/8"),
    ],
)
def test_the_private_range_is_what_is_routed_over_its_interface(
    place: Place, routes: list[dict[str, str]], range_: str
) -> None:
    told = Recorded(
        place.root, {"ip -json -4 address": Done(0, LINKS), "ip -json -4 route": Done(0, json.dumps(routes))}
    )
    found = network.look(told, "10.0.1.10")
    assert (found.interface, str(found.range)) == ("enp7s0", range_)


def test_a_public_address_is_no_private_network(place: Place) -> None:
    links = LINKS.replace("10.0.1.10", "198.51.100.7")
    told = Recorded(place.root, {"ip -json -4 address": Done(0, links), "ip -json -4 route": Done(0, "[]")})
    with pytest.raises(Failure, match="should be a private address"):
        network.look(told, "198.51.100.7")


def test_one_port_is_opened_on_one_interface_once(place: Place) -> None:
    told = machine(place)
    assert network.open_port(place, told, NETWORK) == ["port"]
    assert network.open_port(place, told, NETWORK) == []
    rule = (place.root / "etc/nftables.d/postgres.nft").read_text().splitlines()[-1]
    assert rule == 'iifname "enp7s0" ip saddr 10.0.0.0/16 tcp dport 5432 accept'
    assert told.told("nft") == ["nft --file /etc/nftables.conf"]
