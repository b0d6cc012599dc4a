"""What the host's own configuration says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rehearsal.system import host

# What `apt-get --print-uris update` says.
URIS = """'http://mirror.example/debian/dists/bookworm/InRelease' mirror.example_debian_dists_bookworm_InRelease 0
'http://mirror.example/debian/dists/bookworm-updates/InRelease' mirror.example_debian_dists_bookworm-updates_InRelease 0
'http://security.example/debian-security/dists/bookworm-security/InRelease' security.example_InRelease 0
'http://mirror.example/debian/dists/bookworm-backports/InRelease' mirror.example_backports_InRelease 0
'http://other.example/dists/nodistro/InRelease' other.example_dists_nodistro_InRelease 0
'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror.example_Packages 0
"""


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch) -> None:
    host.debian_sources.cache_clear()
    monkeypatch.setattr(host, "os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"})
    monkeypatch.setattr(host, "_output", lambda command: URIS)


@pytest.mark.usefixtures("debian")
def test_another_release_comes_from_the_mirrors_of_this_one() -> None:
    assert host.debian_sources(release="trixie") == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://security.example/debian-security/ trixie-security main",
    ]
    host.debian_sources.cache_clear()


def test_nothing_is_asked_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "missing_packages", lambda: [])
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("ran something"))
    assert host.ensure_host_packages() == []


def test_what_is_missing_is_named_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_present", lambda program: program not in ("systemd-nspawn", "nft"))
    assert host.missing_packages() == ["nftables", "systemd-container"]


def test_a_resolver_on_loopback_is_passed_over(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("nameserver 127.0.0.53\nnameserver ::1\n")
    real.write_text("# by systemd-resolved\nnameserver 192.0.2.53\nsearch example.org\n")
    assert host.resolvers(files=(stub, real)) == ["192.0.2.53"]


def test_no_usable_resolver_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "stub").write_text("nameserver 127.0.0.53\n")
    with pytest.raises(host.HostError, match=r"not on loopback \(got none\)"):
        host.resolvers(files=(tmp_path / "stub", tmp_path / "absent"))


@pytest.mark.skipif(not os.path.exists("/usr/bin/apt-get"), reason="needs apt")
def test_package_hosts_are_names() -> None:
    assert all(name and "/" not in name for name in host.package_hosts())
