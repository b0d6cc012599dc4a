"""`slipway media push|pull`: what is copied, what is left, and that nothing goes without a flag."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.cli.media_plan import Entry, Plan, checked, files_in, planned
from release.cli.media_stores import _of_parts
from release.cli.progress import Progress
from release.cli.refusal import Refusal
from tests.release.cli.desk import Desk

pytestmark = pytest.mark.whole


@pytest.fixture
def there(desk: Desk) -> Path:
    """The uploads of a site that keeps them on its server's disk."""
    root = desk.root / "uploads"
    desk.site(f'MEDIA_ROOT = "{root}"\n')
    desk.stack(media={"mode": "disk"})
    write(root, {"a.txt": "same", "b/c.txt": "theirs", "old.txt": "only there"})
    return root


@pytest.fixture
def here(desk: Desk) -> Path:
    folder = desk.project / "media"
    write(folder, {"a.txt": "same", "b/c.txt": "yours!", "new/é x.txt": "n" * 300_000})
    return folder


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def read(folder: Path) -> dict[str, str]:
    return {key: (folder / key).read_text()[:10] for key in files_in(folder)}


def test_push_copies_what_is_lacking_and_nothing_else(desk: Desk, there: Path, here: Path) -> None:
    ended = desk.run("media", "push", "staging", "media")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "1 are the same",
        "1 new (300.0 kB), to copy: new/é x.txt",
        "1 differ in staging (6 bytes), stay as they are there, replace them with --overwrite: b/c.txt",
        "1 in staging alone (10 bytes), stay, remove them with --delete: old.txt",
        "done: 1 copied (300.0 kB), 0 removed",
    ]
    assert read(there) == {"a.txt": "same", "b/c.txt": "theirs", "old.txt": "only there", "new/é x.txt": "n" * 10}


def test_the_flags_make_both_sides_equal(desk: Desk, there: Path, here: Path) -> None:
    assert desk.run("media", "push", "staging", "media", "--overwrite", "--delete").code == 0
    assert read(there) == read(here)


def test_a_dry_run_does_nothing(desk: Desk, there: Path, here: Path) -> None:
    before = read(there)
    assert desk.run("media", "push", "staging", "media", "--overwrite", "--delete", "--dry-run").code == 0
    assert read(there) == before


def test_pull(desk: Desk, there: Path, here: Path) -> None:
    assert desk.run("media", "pull", "staging", "media").code == 0
    assert read(here)["b/c.txt"] == "yours!"
    assert read(here)["old.txt"] == "only there"
    assert desk.run("media", "pull", "staging", "fresh/one", "--overwrite").code == 0
    assert read(desk.project / "fresh/one") == read(there)


def test_a_line_that_breaks_leaves_no_half_file(desk: Desk, there: Path, here: Path) -> None:
    desk.line("dd bs=1 count=100000 status=none |")
    (here / "b/c.txt").unlink()
    ended = desk.run("media", "push", "staging", "media")
    assert ended.code == 2
    assert read(there) == {"a.txt": "same", "b/c.txt": "theirs", "old.txt": "only there"}


def test_a_place_that_is_none_is_refused(desk: Desk, there: Path) -> None:
    ended = desk.run("media", "push", "staging", "nowhere")
    assert (ended.code, ended.err) == (2, "nowhere: should be a directory of uploads, as MEDIA_ROOT is\n")


def test_only_files_of_one_size_are_looked_into() -> None:
    source = {"a": Entry(1), "b": Entry(2), "c": Entry(3)}
    target = {"a": Entry(1), "b": Entry(9), "d": Entry(4)}
    asked: list[str] = []

    def same(key: str) -> bool:
        asked.append(key)
        return True

    plan = planned(source=source, target=target, same=same, progress=Progress(""))
    assert plan == Plan(new={"c": 3}, different={"b": 2}, alone={"d": 4}, same=1)
    assert asked == ["a"]


@pytest.mark.parametrize("key", ["../a", "/etc/passwd", "a/../../b", "a//b", "./a", "a\0"])
def test_a_name_that_leads_elsewhere_is_refused(key: str) -> None:
    with pytest.raises(Refusal, match="should be the name of a file below a directory"):
        checked({key: Entry(1)})
    assert checked({"folder/": Entry(0), "a": Entry(1)}) == {"a": Entry(1)}


def test_a_digest_of_parts_is_as_a_bucket_makes_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    assert _of_parts(tmp_path / "a", 4) == "a8394b2ca4c3798d3a57bb39433b844c-3"
