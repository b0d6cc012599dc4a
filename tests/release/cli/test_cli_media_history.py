"""Uploads as they were at a moment: what comes back, and what is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from release.bucket import Bucket, Version
from release.cli.media_history import plan
from tests.release.cli.desk import Desk

THEN = datetime(2026, 11, 20, 10, tzinfo=UTC)


def at(minutes: int, key: str = "a.jpg", tag: str = "", *, latest: bool = False, deleted: bool = False) -> Version:
    return Version(key, f"{key}@{minutes}", THEN + timedelta(minutes=minutes), latest, tag, deleted)


@pytest.mark.parametrize(
    ("history", "back", "newer", "as_it_was"),
    [
        ([at(-5, tag="1", latest=True)], [], 0, 1),
        ([at(5, tag="2", latest=True), at(-5, tag="1")], ["a.jpg@-5"], 0, 0),
        ([at(5, deleted=True, latest=True), at(-5, tag="1"), at(-9, tag="0")], ["a.jpg@-5"], 0, 0),
        ([at(5, tag="1", latest=True), at(-5, tag="1")], [], 0, 1),
        ([at(5, tag="2", latest=True)], [], 1, 0),
        ([at(5, tag="2", latest=True), at(-1, deleted=True), at(-5, tag="1")], [], 1, 0),
        ([at(5, deleted=True, latest=True), at(3, tag="1")], [], 0, 0),
        ([at(0, tag="1"), at(0, tag="2", latest=True)], [], 0, 1),
        ([at(-1, deleted=True, latest=True), at(-5, tag="1")], [], 0, 0),
    ],
)
def test_what_it_takes(history: list[Version], back: list[str], newer: int, as_it_was: int) -> None:
    found = plan(history, at=THEN)
    assert ([each.id for each in found.back], found.newer, found.as_it_was) == (back, newer, as_it_was)


def test_keys_do_not_meet() -> None:
    found = plan([at(5, "b", deleted=True, latest=True), at(-5, "a", "1", latest=True), at(-5, "b", "2")], at=THEN)
    assert [each.id for each in found.back] == ["b@-5"]
    assert found.text() == (
        "1 uploads come back that were deleted or overwritten since; 1 are as they were, 0 are newer and stay"
    )


def test_versions_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"Key": "a", "VersionId": "1", "LastModified": THEN, "IsLatest": False, "ETag": '"x"'}
    gone = {"Key": "a", "VersionId": "2", "LastModified": THEN, "IsLatest": True}
    pages = [
        {"Versions": [one], "IsTruncated": True, "NextKeyMarker": "a", "NextVersionIdMarker": "1"},
        {"DeleteMarkers": [gone]},
    ]
    asked = []

    def page(_: Bucket, more: dict[str, str]) -> object:
        asked.append(dict(more))
        return pages[len(asked) - 1]

    monkeypatch.setattr(Bucket, "_versions", page)
    bucket = Bucket(name="media", region="fra1", endpoint="https://fra1.example", access_key="A", secret_key="S")
    assert [(each.id, each.deleted) for each in bucket.versions()] == [("1", False), ("2", True)]
    assert asked == [{}, {"KeyMarker": "a", "VersionIdMarker": "1"}]


def test_uploads_on_a_disk_have_no_versions(desk: Desk) -> None:
    desk.stack(media={"mode": "disk"}, data={"kind": "none"})
    ended = desk.run("backup", "restore", "staging", "--media", "--at", "2025-11-20 10:00")
    assert ended.code == 2
    assert "its uploads are on the server's disk (media: disk), of which there are no versions" in ended.err
