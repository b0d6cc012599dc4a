"""`database: managed` on DigitalOcean: the cloud's own backup becomes a new cluster, which the stack adopts."""

from __future__ import annotations

import json
import re

import pytest

from tests.rehearsal.stage import Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

STACK = "staging"
SITE = "https://staging.example.org"
WRITE = """from django.contrib.auth.models import Group
for n in range(20):
    Group.objects.create(name=f"{name} {{n}}")

"""
COUNT = """from django.contrib.auth.models import Group
from django.db import connection
print("found", connection.settings_dict["HOST"], *(Group.objects.filter(name__startswith=n).count() for n in NAMES))

"""


@pytest.fixture(scope="module")
def managed(stage: Stage) -> Stage:
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare {STACK} --project {stage.gallery}")
    stage.up(STACK)
    return stage


def cluster(managed: Stage) -> str:
    return str(managed.outputs(STACK)["cloud"]["database"]["id"])


def write(managed: Stage, name: str) -> None:
    managed.type(f"slipway shell {STACK}", input=WRITE.format(name=name))


def rows(managed: Stage, *names: str) -> tuple[str, list[int]]:
    """Where the site's own connection leads, and how many rows of each name it finds there."""
    said = managed.type(f"slipway shell {STACK}", input=COUNT.replace("NAMES", repr(names))).stdout
    host, *counts = said.split("found ")[1].split()
    return host, [int(each) for each in counts]


def unchanged(managed: Stage) -> None:
    done = managed.up(STACK)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", done.stdout), done.stdout


@pytest.fixture(scope="module")
def moment(managed: Stage) -> str:
    """Behind the cloud's second backup and before its third."""
    name = cluster(managed)
    taken = []
    for number in range(3):
        write(managed, f"round{number}")
        taken.append(managed.cloud(f"databases/{name}/backups", method="POST")["backup"]["created_at"])
    write(managed, "round3")
    return str(taken[1])


def test_status_tells_of_the_clouds_own_backups(managed: Stage, moment: str) -> None:
    said = managed.type(f"slipway backup status {STACK}", check=False).stdout
    assert re.search(r"the cloud's +3; the newest \d+ s ago", said), said


def test_nothing_happens_without_the_stack_named_in_full(managed: Stage, moment: str) -> None:
    for named in ("", " --yes-overwrite stag"):
        done = managed.type(f"slipway backup restore {STACK} --at {moment}{named} </dev/null", check=False)
        assert done.returncode == 2
        assert "named in full" in done.stderr
    assert len(managed.api("databases")["databases"]) == 1


def test_a_moment_before_the_first_backup_is_refused(managed: Stage, moment: str) -> None:
    done = managed.type(f"slipway backup restore {STACK} --at '2019-01-31 19:25' --yes-overwrite {STACK}", check=False)
    assert done.returncode == 2
    assert "before the cloud's first backup" in done.stderr


def test_the_stack_adopts_a_cluster_with_the_rows_of_the_moment(managed: Stage, moment: str) -> None:
    old, (before, counts) = cluster(managed), rows(managed, *(f"round{n}" for n in range(4)))
    assert counts == [20, 20, 20, 20]
    said = managed.type(f"slipway backup restore {STACK} --at {moment} --yes-overwrite {STACK}").stdout
    print(said)
    assert f"doctl databases delete {old}" in said
    host, counts = rows(managed, *(f"round{n}" for n in range(4)))
    assert counts == [20, 20, 0, 0]
    assert host != before
    assert cluster(managed) != old
    assert managed.page(SITE)
    rules = managed.api(f"databases/{cluster(managed)}/firewall")["rules"]
    assert [rule["type"] for rule in rules] == ["tag"]
    assert {row["id"] for row in managed.api("databases")["databases"]} == {old, cluster(managed)}
    unchanged(managed)


def test_what_dumps_it_every_week_dumps_the_new_one(managed: Stage, moment: str) -> None:
    host = managed.outputs(STACK)["database_host"]
    assert json.loads(managed.root("cat /etc/slipway/dumps.json", secret=True))["database"]["host"] == host
    managed.type(f"slipway backup now {STACK}")
    assert managed.type(f"slipway backup drill {STACK}").stdout.startswith("green")


def test_and_back_again(managed: Stage, moment: str) -> None:
    new = cluster(managed)
    managed.type(f"slipway backup restore {STACK} --undo --yes-overwrite {STACK}")
    assert rows(managed, *(f"round{n}" for n in range(4)))[1] == [20, 20, 20, 20]
    assert cluster(managed) != new
    assert managed.page(SITE)
    unchanged(managed)


def test_destroy_leaves_the_dumps_and_the_cluster_that_is_the_users(managed: Stage) -> None:
    others = [row["id"] for row in managed.api("databases")["databases"] if row["id"] != cluster(managed)]
    assert len(others) == 1
    managed.api(f"databases/{others[0]}", method="DELETE")
    managed.type(f"pulumi destroy --yes --skip-preview --non-interactive --color never -s {STACK}")
    left = [row for row in managed.cloud("inventory")["resources"] if STACK in json.dumps(row)]
    assert [(row["kind"], row["name"].rpartition("-")[0]) for row in left] == [("buckets", f"slipway-{STACK}-backups")]
