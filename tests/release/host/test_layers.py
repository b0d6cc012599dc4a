"""Layers: whatever is not what the manifest says leaves nothing behind, and one clear error."""

from __future__ import annotations

import errno
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from release.driver import patches
from release.host.agent import layers
from release.host.agent.document import Document
from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.agent.site import Site
from tests.release.host import driver
from tests.release.host.bench import Recorded, document_for, pack, put
from tests.release.host.conftest import release_of
from tests.release.host.driver import Driver, released, ways

Fetch = Callable[..., None]
PLAIN = {"src/manage.py": "# 1\n", "src/big.txt": "x" * 5000}


@pytest.fixture
def fetch(site: Site, machine: Recorded, bucket: Path) -> Fetch:
    def run(digest: str, *, size: int | None = None) -> None:
        sizes = {} if size is None else {digest: size}
        layers.fetch(site, machine, ways=ways([digest], bucket), sizes=sizes, heed=lambda: None)

    return run


def odd(**facts: Any) -> bytes:
    """An archive with one member that slipway's own never have."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("src/odd")
        for name, value in facts.items():
            setattr(member, name, value)
        archive.addfile(member, io.BytesIO(b"x" * member.size))
    return buffer.getvalue()


def length(bucket: Path, digest: str) -> int:
    return len(zstandard.decompress((bucket / f"{digest}.tar.zst").read_bytes()))


def refused(site: Site, fetch: Fetch, digest: str, **size: int) -> Failure:
    with pytest.raises(Failure) as failure:
        fetch(digest, **size)
    assert not (site.layers / digest).exists()
    layers.sweep(site)
    assert list(site.layers.iterdir()) == []
    return failure.value


def test_a_layer_is_in_place_once_it_is_settled(site: Site, machine: Recorded, bucket: Path, fetch: Fetch) -> None:
    digest = pack(PLAIN, directory=bucket)
    fetch(digest, size=length(bucket, digest))
    assert not (site.layers / digest).exists()
    layers.settle(site, machine, [digest], wanted={"code": digest})
    assert (site.layers / digest / "src/manage.py").read_text() == "# 1\n"


@pytest.mark.parametrize(
    "member",
    [
        {"name": "../outside"},
        {"name": "src/../../outside"},
        {"name": "/tmp/slipway-outside"},  # whoever breaks the check on purpose, as root, overwrites nothing
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.SYMTYPE, "linkname": "../../../outside"},
        {"type": tarfile.LNKTYPE, "linkname": "src/manage.py"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
        {"type": tarfile.BLKTYPE},
        {"type": tarfile.FIFOTYPE},
    ],
    ids=str,
)
def test_what_leads_out_of_a_layer_is_refused(site: Site, bucket: Path, fetch: Fetch, member: dict[str, Any]) -> None:
    digest = put(odd(**member), directory=bucket)
    cause = refused(site, fetch, digest).cause
    assert cause.startswith(f"layer {digest[:12]}: '{member.get('name', 'src/odd')}': should be a file, a directory or")
    assert not (site.home / "outside").exists()


def test_a_link_inside_is_taken(site: Site, bucket: Path, fetch: Fetch) -> None:
    fetch(put(odd(type=tarfile.SYMTYPE, linkname="manage.py"), directory=bucket))


def test_setuid_and_owners_are_lost(site: Site, bucket: Path, fetch: Fetch) -> None:
    digest = put(odd(mode=0o6777, uid=33, size=1), directory=bucket)
    fetch(digest)
    assert (site.layers / f".{digest}" / "src/odd").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("at", [5, 20, 60, -3])
def test_a_flipped_byte_is_damage(site: Site, bucket: Path, fetch: Fetch, at: int) -> None:
    digest = pack({f"src/{n}.txt": str(n) * 300 for n in range(40)}, directory=bucket)
    path = bucket / f"{digest}.tar.zst"
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)
    failure = refused(site, fetch, digest)
    assert failure.cause.startswith(f"layer {digest[:12]}: is damaged (")
    assert failure.damaged == digest


def test_half_a_layer_is_damage(site: Site, bucket: Path, fetch: Fetch) -> None:
    digest = pack(PLAIN, directory=bucket)
    path = bucket / f"{digest}.tar.zst"
    path.write_bytes(path.read_bytes()[:-40])
    assert refused(site, fetch, digest).damaged == digest


def test_more_than_the_manifest_says_is_not_unpacked(site: Site, bucket: Path, fetch: Fetch) -> None:
    digest = put(odd(size=50 << 20), directory=bucket)  # 50 MiB of one letter, packed into a few KiB
    assert (bucket / f"{digest}.tar.zst").stat().st_size < 1 << 15
    cause = refused(site, fetch, digest, size=1 << 20).cause
    assert cause.startswith(f"layer {digest[:12]}: is damaged (more than the 1048576 bytes of its manifest)")


def test_more_than_the_manifest_says_is_not_even_fetched(site: Site, bucket: Path, fetch: Fetch) -> None:
    digest = "a" * 64
    (bucket / f"{digest}.tar.zst").write_bytes(b"x" * 200_000)
    assert "200000 bytes, at most 66543 by its manifest" in refused(site, fetch, digest, size=1000).cause


def test_a_layer_that_is_not_there_is_named(site: Site, fetch: Fetch) -> None:
    assert refused(site, fetch, "a" * 64).cause.startswith("layer aaaaaaaaaaaa: ")


def test_a_disk_that_fills_up_is_told_as_that(
    site: Site, bucket: Path, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    digest = pack(PLAIN, directory=bucket)
    monkeypatch.setattr(tarfile, "copyfileobj", full)
    assert f"the disk filled up while layer {digest[:12]} was unpacked" in refused(site, fetch, digest).cause


def test_a_disk_that_fills_up_with_bytecode_keeps_the_layer_out(
    site: Site, machine: Recorded, bucket: Path, fetch: Fetch
) -> None:
    digest = pack(PLAIN, directory=bucket)
    fetch(digest)
    machine.answers["/usr/bin/python3 -m compileall"] = Done(1, "*** Error: [Errno 28] No space left on device: 'x'\n")
    with pytest.raises(Failure, match="the disk filled up while bytecode was written"):
        layers.settle(site, machine, [digest], wanted={"code": digest})
    assert not (site.layers / digest).exists()


def test_after_any_of_it_the_old_release_serves_and_nothing_of_the_layer_is_left(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    released(machine, wanted, bucket)
    before = sorted(path.name for path in site.layers.iterdir())
    new = release_of(bucket, "2")
    code = new["manifest"]["layers"]["code"]
    (bucket / f"{code}.tar.zst").write_bytes(b"\x00")
    talk = Driver(machine, driver.Site())
    talk.to_urls(new, bucket)
    said = talk.hear("serves")
    assert talk.end() == 1
    assert (said["serves"], said["damaged"], site.serving()) == (wanted["release"], code, "blue")
    assert sorted(path.name for path in site.layers.iterdir()) == before


def test_an_edited_manifest_is_refused_before_anything(site: Site, bucket: Path, wanted: dict[str, Any]) -> None:
    edited = {**wanted, "manifest": {**wanted["manifest"], "root": "elsewhere"}}
    with pytest.raises(Failure, match=f"manifest: should be that of {wanted['artifact']} .got that of sha256-"):
        Document.parse(edited)


def test_sizes_are_those_of_the_manifest() -> None:
    given = {"dependencies": "a" * 64, "code": "b" * 64, "static": "c" * 64}
    assert Document.parse(document_for(given)).sizes == {}
    assert Document.parse(document_for(given, sizes={"code": 7})).sizes == {"b" * 64: 7}


def test_what_does_not_fit_a_touched_layer_is_asked_for_again_as_a_whole(
    site: Site, machine: Recorded, bucket: Path, wanted: dict[str, Any]
) -> None:
    released(machine, wanted, bucket)
    old, new = wanted["manifest"]["layers"]["code"], release_of(bucket, "2")
    code = new["manifest"]["layers"]["code"]
    (site.layers / old / "src/manage.py").write_text("# touched\n")
    talk = Driver(machine, driver.Site())
    talk.say(new)
    asked = talk.hear("need")
    assert old in asked["here"]
    patch = bucket / "patch"
    patch.write_bytes(patches.make(plain(bucket, code), base=plain(bucket, old)))
    talk.say({"pieces": ways(asked["need"], bucket) | {code: [{"base": old, "url": patch.as_uri()}]}})
    again = talk.hear("need")
    assert (again["need"], again["here"]) == ([code], [])
    talk.say({"pieces": ways([code], bucket)})
    talk.hear("ready")
    talk.hang_up()
    assert (site.layers / code / "src/manage.py").read_text() == "# 2\n"
    talk.end()


def plain(bucket: Path, digest: str) -> bytes:
    return zstandard.decompress((bucket / f"{digest}.tar.zst").read_bytes())
