"""Two releases at a time must fit: how many processes there are, and the sum when nothing helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.host.agent import releases
from release.host.agent.failure import Failure
from release.host.agent.fitting import SHARE, Load, cache_of, lacking_connections, lacking_memory, processes
from release.host.agent.site import Site
from tests.release.host.bench import DATABASE, parsed

WEB = Load(threads=4, workers=0, schedule=0)
QUEUED = Load(threads=4, workers=2, schedule=1)


@pytest.mark.parametrize(
    ("mib", "cpus", "connections", "wanted"),
    [
        *((512, 1, None, 1), (1024, 1, None, 1), (2048, 1, None, 3), (4096, 2, None, 5), (65536, 8, None, 17)),
        *((4096, 2, 22, 2), (4096, 2, 3, 1), (4096, 2, 97, 5)),
    ],
)
def test_processes_fit_twice_into_machine_and_database(
    mib: int, cpus: int, connections: int | None, wanted: int
) -> None:
    assert processes(WEB, mib=mib, cpus=cpus, connections=connections) == wanted


def test_workers_and_jobs_take_the_room_of_processes() -> None:
    assert processes(QUEUED, mib=2048, cpus=1, connections=None) == 2
    assert processes(QUEUED, mib=4096, cpus=2, connections=22) == 1
    assert processes(Load(threads=4, workers=0, schedule=0, beside=400), mib=2048, cpus=1, connections=None) == 3


def test_a_number_of_processes_that_was_asked_for_is_taken() -> None:
    assert processes(Load(threads=4, workers=0, schedule=0, processes=9), mib=512, cpus=1, connections=3) == 9


def test_connections_that_cannot_fit_are_summed_up() -> None:
    assert lacking_connections(QUEUED, there_are=22) == ""
    assert lacking_connections(Load(threads=8, workers=2, schedule=1, processes=2), there_are=22) == (
        "40 database connections: 2 releases x (2 processes x 8 threads + 2 workers) + 1 scheduled "
        "+ 3 for migrations and people"
    )


def test_memory_that_cannot_fit_is_summed_up() -> None:
    assert lacking_memory(QUEUED, mib=1024) == ""
    assert lacking_memory(Load(threads=4, workers=6, schedule=1, beside=102), mib=1024) == (
        "1062 MiB: (2 releases x (1 process + 6 workers) + 1 scheduled + 1 migration) x 60 MiB at least "
        "+ 102 MiB for what is beside them"
    )


def test_the_share_of_memory_is_the_slices() -> None:
    assert f"MemoryMax={SHARE:.0%}" in Path("cloud-init/files/site.slice").read_text()


def test_a_cache_has_a_tenth_of_the_machine_within_reason() -> None:
    assert [cache_of(mib) for mib in (256, 1024, 4096, 65536)] == [32, 102, 409, 1024]


def test_the_machine_itself_refuses_what_no_preview_knew(site: Site) -> None:
    document = parsed(database=DATABASE, web={"processes": 3, "threads": 4})
    releases.refuse_unfitting(document, mib=1024, connections=None)
    releases.refuse_unfitting(document, mib=1024, connections=27)
    with pytest.raises(Failure, match=r"database-size: should bear 27 database connections: 2 releases .* \(got 26\)"):
        releases.refuse_unfitting(document, mib=1024, connections=26)
    with pytest.raises(Failure, match=r"server-size: should bear 420 MiB: .* \(got 512 MiB, of which four fifths"):
        releases.refuse_unfitting(document, mib=512, connections=27)


def test_only_the_lead_counts_the_jobs(site: Site) -> None:
    hourly = {"tally": {"run": "tally", "at": "hourly"}}
    assert releases.load_of(parsed(schedule=hourly), mib=1024).schedule == 1
    assert releases.load_of(parsed(schedule=hourly, lead=False), mib=1024).schedule == 0
