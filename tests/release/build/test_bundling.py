"""The interpreter layer: fetched by uv itself, from an archive in the shape of its own."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
import zstandard
from packaging.version import Version

from release.build import BuildError, python
from release.build.bundling import bundle, place_of
from release.build.cache import Cache
from release.build.interpreters import Choice, Offer, offers
from tests.release.build.interpreters import entry
from tests.release.build.projects import write

KEY = "cpython-3.12.1-linux-x86_64-gnu"
SYSCONFIG = """\
# system configuration generated and used by the sysconfig module
build_time_vars = {'prefix': '/install', 'CC': 'cc'}
"""
FILES = {
    "bin/python3.12": "#!/bin/sh\necho 3.12\n",
    "bin/pip3": "#!/install/bin/python3.12\n",
    "include/python3.12/Python.h": "",
    "lib/libpython3.12.so.1.0": "",
    "lib/tcl8.6/init.tcl": "",
    "lib/python3.12/os.py": "sep = '/'\n",
    "lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py": SYSCONFIG,
    "lib/python3.12/test/support.py": "",
    "lib/python3.12/idlelib/run.py": "",
    "lib/python3.12/ensurepip/pip.py": "",
    "lib/python3.12/site-packages/pip/main.py": "",
    "lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile": "prefix=/install\n",
    "lib/python3.12/lib-dynload/_ssl.so": "",
    "lib/python3.12/lib-dynload/_tkinter.so": "",
}


@pytest.fixture
def choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Choice:
    """What uv would fetch, from a file instead of its own address."""
    place = write(tmp_path / "packing/python", FILES)
    (place / "bin/python3.12").chmod(0o755)
    archive = tmp_path / "python.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(place, "python")
    key, facts = entry("3.12.1", "linux", "gnu", "")
    facts |= {"url": archive.as_uri(), "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}
    (tmp_path / "downloads.json").write_text(json.dumps({key: facts}))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", (tmp_path / "downloads.json").as_uri())
    (offer,) = offers()
    return Choice("3.12", file="pyproject.toml", bundled=offer)


def test_two_machines_pack_the_same_layer(tmp_path: Path, choice: Choice) -> None:
    names = [bundle(cache=Cache(tmp_path / one), choice=choice) for one in ("here", "a/longer/place")]
    assert names[0] == names[1]


def test_it_holds_what_a_site_runs(tmp_path: Path, choice: Choice) -> None:
    cache = Cache(tmp_path / "cache")
    packed = cache.path(kind="layers", name=f"{bundle(cache=cache, choice=choice)}.tar.zst").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().decompress(packed))) as layer:
        found = {member.name: member for member in layer if not member.isdir()}
        told = layer.extractfile("python/lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py")
        assert told
        assert b'"prefix": "/install"' in told.read()
    assert sorted(found) == [
        "python/bin/python3",
        "python/bin/python3.12",
        "python/lib/libpython3.12.so.1.0",
        "python/lib/python3.12/EXTERNALLY-MANAGED",  # by uv
        "python/lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py",
        "python/lib/python3.12/lib-dynload/_ssl.so",
        "python/lib/python3.12/os.py",
    ]
    assert (found["python/bin/python3"].linkname, found["python/bin/python3.12"].mode) == ("python3.12", 0o755)
    assert choice.bundled
    assert (place_of(cache=cache, offer=choice.bundled) / "bin/python3.12").exists()


def test_it_is_fetched_once(tmp_path: Path, choice: Choice) -> None:
    cache = Cache(tmp_path / "cache")
    first = bundle(cache=cache, choice=choice)
    (tmp_path / "python.tar.gz").unlink()
    assert bundle(cache=cache, choice=choice) == first


def test_nothing_is_fetched_for_the_servers_own(tmp_path: Path) -> None:
    assert bundle(cache=Cache(tmp_path / "cache"), choice=Choice("3.13")) == ""


@pytest.mark.parametrize("broken", ["missing", "another"])
def test_one_out_of_reach_is_told_with_the_way_out(tmp_path: Path, choice: Choice, broken: str) -> None:
    archive = tmp_path / "python.tar.gz"
    archive.write_bytes(archive.read_bytes() + b"more") if broken == "another" else archive.unlink()
    with pytest.raises(BuildError) as caught:
        bundle(cache=Cache(tmp_path / "cache"), choice=choice)
    before, _, after = str(caught.value).partition(" (got: ")
    assert before == "pyproject.toml: Python 3.12.1, which goes with the site, should be within uv's reach"
    said = {"missing": "No such file or directory", "another": "Hash mismatch"}[broken]
    assert said.lower() in after.lower()
    assert after.endswith("), go online, set UV_PYTHON_INSTALL_MIRROR, or let the project run on the servers' own")


def test_a_build_of_the_same_version_is_another_layer(tmp_path: Path, choice: Choice) -> None:
    cache, again = Cache(tmp_path / "cache"), Offer(KEY, Version("3.12.1"), "https://x/another-build")
    assert choice.bundled
    assert place_of(cache=cache, offer=choice.bundled) != place_of(cache=cache, offer=again)


def test_the_servers_python_is_fetched_for_a_build_where_it_is_missing(
    tmp_path: Path, choice: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(python, "candidates", lambda version: iter(()))
    assert python.find_python("3.12") == tmp_path / "cache/pythons/here" / KEY / "bin/python3.12"
    with pytest.raises(BuildError, match=r"python3\.14: should be on PATH"):
        python.find_python("3.14")
