"""A cluster that was just made comes back from the bucket when its environment has backups there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.postgres import backups, cluster, coming_back
from release.host.postgres.place import Place
from tests.release.host.bench import Recorded
from tests.release.host.postgres.paper import facts, machine

NONE = Done(0, '[{"db": [{"id": 1}], "backup": []}]')
SOME = Done(0, '[{"db": [{"id": 1}], "backup": [{"label": "20261120-020000F"}]}]')


def told(place: Place, pgbackrest: Done) -> Recorded:
    return machine(place, pgbackrest=pgbackrest, psql=Done(0, "f"))


def restores(machine: Recorded) -> list[str]:
    return [line for line in machine.ran if "pgbackrest" in line and line.endswith("restore")]


def test_a_new_cluster_becomes_what_the_bucket_has(place: Place) -> None:
    cluster.ensure_cluster(place, machine(place))
    found = told(place, SOME)
    assert coming_back.come_back(place, found, facts()) == ["brought back from the bucket"]
    (restore,) = restores(found)
    assert "--delta" in restore
    assert coming_back.come_back(place, found, facts()) == []
    assert len(restores(found)) == 1


def test_a_first_cluster_stays_empty(place: Place) -> None:
    cluster.ensure_cluster(place, machine(place))
    found = told(place, NONE)
    assert coming_back.come_back(place, found, facts()) == []
    assert restores(found) == []
    assert not place.blank.exists()


def test_a_cluster_that_was_there_is_never_overwritten(place: Place) -> None:
    place.data.mkdir(parents=True)
    (place.data / "PG_VERSION").write_text("17\n")
    cluster.ensure_cluster(place, machine(place))
    found = told(place, SOME)
    assert coming_back.come_back(place, found, facts()) == []
    assert found.ran == []


def test_what_failed_half_way_is_done_again(place: Place) -> None:
    cluster.ensure_cluster(place, machine(place))

    def pgbackrest(argv: Sequence[str]) -> Done:
        return Done(39, "", "ERROR: [039]: HTTP request failed") if argv[-1] == "restore" else SOME

    with pytest.raises(Failure, match=r"pgbackrest restore: .039.: HTTP request failed"):
        coming_back.come_back(place, machine(place, pgbackrest=pgbackrest), facts())
    assert coming_back.come_back(place, told(place, SOME), facts()) == ["brought back from the bucket"]


def test_one_lost_before_its_first_backup_gives_way(place: Place) -> None:
    asked: list[str] = []

    def pgbackrest(argv: Sequence[str]) -> Done:
        asked.append(argv[-1])
        words = "ERROR: [051]: PostgreSQL version 17, system-id 7 do not match stanza version 17, system-id 8"
        wrong = argv[-1] == "check" and "stanza-upgrade" not in asked
        return Done(51, "", words) if wrong else NONE

    assert backups.prove(machine(place, pgbackrest=pgbackrest), facts(), changed=True) == []
    assert asked == ["info", "check", "stanza-upgrade", "check"]
