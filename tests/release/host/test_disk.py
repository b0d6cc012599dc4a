"""Room on the disk: asked for before anything is fetched, made of older releases where that is enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from release.host.agent import disk, tidy
from release.host.agent.disk import Disk
from release.host.agent.failure import Failure
from release.host.agent.site import Site, write
from release.host.agent.state import Running, State, load
from tests.release.host import driver
from tests.release.host.bench import Recorded
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver, released

MIB, GIB = 1 << 20, 1 << 30


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_to(free: int, *, total: int = 10 * GIB, files: float = 0.0) -> None:
        monkeypatch.setattr(disk, "look", lambda place: Disk(total=total, free=free, files=files))

    return set_to


@pytest.fixture
def state(site: Site) -> State:
    """Five releases are kept, each with 3 MiB of its own; the newest runs in blue, the one before in green."""
    names = [f"{n:012x}-00000000" for n in range(5)]
    for number, name in enumerate(names):
        layer = f"{number}" * 64
        write(site.release(name) / "release.json", json.dumps({"manifest": {"layers": {"code": layer}}}))
        write(site.layers / layer / "src/data", b"x" * 3 * MIB)
    for slot, name in (("blue", names[4]), ("green", names[3])):
        site.slot(slot).symlink_to(f"../releases/{name}")
    return State(committed=Running("blue", names[4], "sha256-x"), history=names)


def listing(site: Site) -> list[str]:
    return sorted(str(path) for path in site.home.rglob("*"))


@pytest.mark.parametrize(
    ("free", "needed", "lacking"),
    [(5 * GIB, GIB, 0), (2 * GIB, 3 * GIB, GIB), (GIB + 1, 1, 0), (GIB, 1, 1), (0, 1, GIB + 1)],
)
def test_a_disk_lacks_what_keeps_it_below_nine_tenths(free: int, needed: int, lacking: int) -> None:
    assert Disk(total=10 * GIB, free=free).lacks(needed) == pytest.approx(lacking, abs=2)


def test_a_disk_is_looked_at_as_df_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    seen = disk.look(tmp_path)
    assert 0 < seen.free < seen.total
    assert 0 <= seen.full < 1


def test_where_there_is_room_nothing_goes(site: Site, state: State, found: Any) -> None:
    found(5 * GIB)
    before = listing(site)
    assert tidy.make_room(site, state, sizes=[100 * MIB]) == []
    assert listing(site) == before


@pytest.mark.parametrize(
    ("free", "size", "got"),
    [(900 * MIB, 1 * MIB, "91% full, 900 MiB free"), (2 * GIB, 1000 * MIB, "80% full, 2048 MiB free")],
)
def test_without_room_it_is_refused_with_the_sum_and_nothing_is_touched(
    site: Site, state: State, found: Any, free: int, size: int, got: str
) -> None:
    found(free)
    before = listing(site)
    with pytest.raises(Failure) as refused:
        tidy.make_room(site, state, sizes=[size, 0])
    needed = int(size * disk.SHARE + disk.SPARE) // MIB
    assert str(refused.value) == (
        f"disk: {site.home}: should be less than 90% full and have {needed} MiB free (2 new layers, {size // MIB} MiB, "
        f"times 2.5 for bytecode and what is packed) (got {got}), free some of it or take a larger server-size"
    )
    assert listing(site) == before


def test_a_disk_without_files_left_is_full(site: Site, state: State, found: Any) -> None:
    found(5 * GIB, files=0.95)
    with pytest.raises(Failure, match="got 95% full"):
        tidy.make_room(site, state, sizes=[MIB])


def test_older_releases_go_where_that_is_enough(site: Site, state: State, found: Any) -> None:
    found(GIB - 5 * MIB)  # three older releases of 3 MiB each can make up for it
    assert tidy.make_room(site, state, sizes=[MIB]) == [
        "disk: 3 older releases went before their time to make room for this one"
    ]
    assert sorted(path.name for path in site.releases.iterdir()) == state.history[3:]
    assert sorted(path.name[0] for path in site.layers.iterdir()) == ["3", "4"]


def test_and_stay_where_it_is_not(site: Site, state: State, found: Any) -> None:
    found(GIB - 50 * MIB)
    before = listing(site)
    with pytest.raises(Failure):
        tidy.make_room(site, state, sizes=[MIB])
    assert listing(site) == before


def test_a_tight_disk_keeps_the_running_and_the_previous_one(site: Site, state: State, found: Any) -> None:
    found(5 * GIB)
    assert tidy.settle_in(site, state) == []
    assert len(list(site.releases.iterdir())) == 5
    found(2 * GIB - MIB)
    assert tidy.settle_in(site, state) == ["disk: 80% full, so only the running release and the one before are kept"]
    assert sorted(path.name for path in site.releases.iterdir()) == state.history[3:]


def test_a_provisional_release_stays(site: Site, state: State) -> None:
    names = list(state.history)
    for slot in ("blue", "green"):
        site.slot(slot).unlink()
    state.provisional, state.history = Running("green", names[0], "sha256-x"), names[1:]
    tidy.prune(site, state, keep=0)
    assert sorted(path.name for path in site.releases.iterdir()) == [names[0], *names[3:]]


def test_a_release_on_a_full_disk_ends_before_anything_is_asked_for(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any], found: Any
) -> None:
    released(machine, wanted, bucket)
    before = listing(site)
    found(GIB // 2)
    talk = Driver(machine, driver.Site())
    talk.say(release_of(bucket, "2"))
    said = talk.hear("serves")
    assert talk.end() == 1
    assert said["error"].startswith(f"disk: {site.home}: should be less than 90% full")
    assert (said["serves"], site.serving()) == (wanted["release"], "blue")
    assert not any("need" in message for message in talk.heard)
    assert listing(site) == before


def test_a_release_that_brings_nothing_goes_ahead_on_a_full_disk(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any], found: Any
) -> None:
    for document in (wanted, release_of(bucket, "2")):
        talk = Driver(machine, driver.Site())
        talk.whole(document, bucket)
        talk.end()
    found(GIB // 2)
    back = Driver(machine, driver.Site())
    back.whole(wanted, bucket)
    assert back.end() == 0
    committed = load(site).committed
    assert committed
    assert committed.release == wanted["release"]


def test_the_journal_and_the_history_do_not_grow_for_ever(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    write(site.state / "journal.jsonl", '{"event": "old"}\n' * 100_000)
    talk = Driver(machine, driver.Site())
    talk.whole(wanted, bucket)
    talk.end()
    path = site.state / "journal.jsonl"
    assert path.stat().st_size < MIB
    assert '"committed"' in path.read_text()
