"""Finding what is ours without taking what is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rehearsal import paths
from rehearsal.system import inside, network, traces


def test_the_lineage_of_a_process_is_spared() -> None:
    assert {os.getpid(), os.getppid()} <= traces._lineage()


def test_only_mounts_of_the_state_directory_concern_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "STATE", Path("/somewhere/.rehearsal"))
    monkeypatch.setattr(traces, "_on_its_disk", lambda: "/user/.rehearsal")
    bound = "36 35 98:0 /user/.rehearsal/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda rw"
    below = "36 35 0:50 / /somewhere/.rehearsal/machines/1/mount rw - overlay overlay rw"
    other = "36 35 98:0 /user/.rehearsal-2/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda rw"
    assert [traces._concerns_state(line) for line in (bound, below, other)] == [True, True, False]


def test_namespaces_of_ours_are_the_main_one_and_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [paths.NETNS, f"{paths.NETNS}-17", f"{paths.NETNS}-host", f"{paths.NETNS}0", "slipway-000000"]
    for name in names:
        (tmp_path / name).touch()
    monkeypatch.setattr(network, "_NETNS_DIRECTORY", tmp_path)
    assert network.namespaces() == [paths.NETNS, f"{paths.NETNS}-17"]


def test_names_are_asked_from_the_resolver_only(tmp_path: Path) -> None:
    (tmp_path / "nsswitch.conf").write_text("passwd: files systemd\nhosts: files resolve [!UNAVAIL=return] dns\n")
    assert inside._without_resolved(tmp_path / "nsswitch.conf") == "hosts: files dns\npasswd: files systemd\n"
