"""What leads out of a directory while it is unpacked, by itself and by way of what was unpacked before."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from release.host.contained import Foreign, unpack

LINK = tarfile.SYMTYPE


def archive(*members: tuple[str, str]) -> tarfile.TarFile:
    """Names with what they link to; a file where that is nothing."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name, target in members:
            member = tarfile.TarInfo(name)
            if target:
                member.type, member.linkname = LINK, target
            member.size = 0 if target else 1
            made.addfile(member, io.BytesIO(b"x"))
    buffer.seek(0)
    return tarfile.open(fileobj=buffer, mode="r|")


@pytest.mark.parametrize(
    "members",
    [
        [("../outside", "")],
        [("in/../../outside", "")],
        [("link", "..")],
        [("in/link", "../..")],
        [("link", "/tmp")],
        [("link", "in/../..")],  # as it is written it stays; where `in` is a link, too, it does not
        [("a/b/top", "../.."), ("a/b/top/up", "../../..")],
        [("link", "in"), ("link/file", "")],
        [("link", "in"), ("link", "")],
    ],
    ids=str,
)
def test_what_leads_out_is_foreign(tmp_path: Path, members: list[tuple[str, str]]) -> None:
    place = tmp_path / "deep" / "place"
    place.mkdir(parents=True)
    with pytest.raises(Foreign):
        unpack(archive(*members), place)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["place"]


@pytest.mark.parametrize(
    "members",
    [[("bin/python3", "python3.12"), ("bin/python3.12", "")], [("a/b/link", "../../c"), ("c", "")], [("./x", "")]],
    ids=str,
)
def test_what_stays_is_taken(tmp_path: Path, members: list[tuple[str, str]]) -> None:
    unpack(archive(*members), tmp_path)
    for name, target in members:
        assert (tmp_path / name).is_symlink() == bool(target)
        assert (tmp_path / name).resolve().read_bytes() == b"x"
