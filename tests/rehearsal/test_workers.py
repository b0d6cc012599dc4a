"""Workers, scheduled jobs and the cache over three releases, with a ledger of what was done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.rehearsal.queue import Queue, configure, with_ledger
from tests.rehearsal.stage import Stage, copy_of_gallery, wait_until

pytestmark = pytest.mark.rehearsal

RELEASES = 3
SOCKET = "/run/slipway-cache/valkey.sock"
DESTROY = "pulumi destroy --yes --skip-preview --non-interactive -s staging"


@pytest.fixture(scope="module")
def queue(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queue]:
    own = replace(stage, gallery=with_ledger(copy_of_gallery(tmp_path_factory.mktemp("queue") / "gallery")))
    own.take_own_token()
    own.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {own.gallery}")
    own.type("for key in workers schedule; do pulumi config rm -s staging $key || true; done")  # of tests before us
    configure(own, cache="valkey")
    own.up("staging")
    yield Queue(own)
    own.type(DESTROY)


def test_releases_lose_no_job_and_do_none_twice(queue: Queue) -> None:
    """A long scheduled job is at work all the while, with the files of the release that started it."""
    first = queue.stage.outputs("staging")["release"]
    queue.begin_long_job()
    queue.feed()
    for number in range(RELEASES):
        queue.edit(number + 2)
        queue.stage.up("staging")
    found = queue.drained()
    print(f"\n{found}")
    assert (found["lost"], found["doubled"], found["ticks_doubled"]) == (0, 0, 0)
    assert found["releases"] == RELEASES + 1
    assert found["across"] > 0, "no job was under way at a commit: this run proves nothing"
    long = queue.long_job()
    assert (long["release"], long["edition"]) == (first, 1)


def test_a_worker_that_is_killed_is_seen_to_lose_its_job(queue: Queue) -> None:
    """The planted failure: without it, a count of 0 would mean nothing."""
    queue.feed()
    queue.kill_a_worker()
    wait_until(lambda: queue.counted()["lost"] == 1, limit=60, what="the job is seen as lost")
    queue.requeue()
    assert queue.drained()["lost"] == 0


def test_a_job_that_is_done_twice_is_seen(queue: Queue) -> None:
    insert = "INSERT INTO ledger_runs SELECT * FROM ledger_runs LIMIT 1"
    code = f"from django.db import connection\nconnection.cursor().execute({insert!r})\n"
    queue.stage.type("slipway shell staging", input=code)
    assert queue.counted()["doubled"] == 1


def test_a_worker_that_dies_keeps_the_old_release_and_is_quoted(queue: Queue) -> None:
    before = queue.stage.outputs("staging")["release"]
    configure(queue.stage, **{"workers.third": "ledger nonsense"})
    done = queue.stage.up("staging", check=False)
    assert done.returncode != 0
    assert "slipway-worker@" in done.stdout
    assert "invalid choice: 'nonsense'" in done.stdout
    assert before in queue.stage.root("cat /var/lib/slipway-agent/slipway/state.json")
    assert not re.search("failed", queue.stage.root("systemctl list-units --failed --no-legend 'slipway-*' || true"))
    queue.stage.type("pulumi config rm -s staging --path workers.third")


def test_the_cache_answers_by_its_socket_alone_and_outlives_releases(queue: Queue) -> None:
    ask = f"sudo -u slipway valkey-cli -s {SOCKET}"
    said = queue.stage.root(
        f"{ask} get kept; {ask} config get maxmemory-policy | tail -1; {ask} config get maxmemory | tail -1\n"
        f"{ask} set kept by-a-test\n"
        "ss -Hltnp | grep -c valkey || true\n"
        "systemd-analyze security --no-pager slipway-cache.service | tail -1\n"
    ).splitlines()
    print("\n" + "\n".join(said))
    assert said[1] == "volatile-lru"
    assert int(said[2]) >= 32 << 20
    assert said[4] == "0"
    level = re.search(r": ([\d.]+)", said[5])
    assert level
    assert float(level[1]) <= 1.5
    queue.edit(20)
    queue.stage.up("staging")
    assert "by-a-test" in queue.stage.root(f"{ask} get kept")
    url = queue.stage.type("slipway shell staging", input="import os\nprint(os.environ['REDIS_URL'])\n").stdout
    assert f"unix://{SOCKET}" in url


def test_the_cache_goes_with_its_setting(queue: Queue) -> None:
    queue.stage.type("pulumi config rm -s staging cache")
    queue.stage.up("staging")
    said = queue.stage.root(f"systemctl is-active slipway-cache valkey-server || true; ls {SOCKET} 2>&1 || true")
    assert "No such file" in said
    assert "\nactive" not in f"\n{said}"


def test_the_project_is_as_it_was(queue: Queue) -> None:
    assert Path(queue.stage.gallery / "ledger/edition.py").read_text().endswith("EDITION = 20\n")
