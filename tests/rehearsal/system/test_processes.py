"""Who a process is, and that nobody else is taken for it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from rehearsal.system import processes
from rehearsal.system.processes import Record, alive, start_ticks, write_json


def myself() -> Record:
    start = start_ticks(os.getpid())
    assert start
    return Record(kind="test", name="me", pid=os.getpid(), start=start, boot=processes._boot(), cgroup="", argv=())


def test_alive_means_this_number_this_start_this_boot() -> None:
    assert alive(myself())
    assert not alive(replace(myself(), start=myself().start + 1))
    assert not alive(replace(myself(), boot="another"))
    assert not alive(replace(myself(), start=0))


def test_a_process_that_only_waits_to_be_collected_is_gone() -> None:
    child = subprocess.Popen(["true"])
    assert processes.wait_until(lambda: start_ticks(child.pid) is None, limit=5)
    child.wait()


def test_half_a_record_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"kind": "mach')
    assert processes._load(tmp_path / "x.json") is None


def test_a_json_file_is_replaced_at_once(tmp_path: Path) -> None:
    write_json(tmp_path / "a/b.json", {"n": 1})
    write_json(tmp_path / "a/b.json", {"n": 2})
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.json"]
