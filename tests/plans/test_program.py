"""The program itself, from the engine's configuration to its exports."""

from __future__ import annotations

import json
import os
import runpy
import signal
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from components import artifact
from release.build import Artifact
from tests.plans.account import RUNNING, Account

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {"region": "fra1", "domain": "example.org", "project": "examples/gallery", "settings": "gallery.settings"}


@pytest.fixture(autouse=True)
def _interrupt() -> Iterator[None]:
    kept = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, kept)


def test_the_program_runs_on_what_the_engine_gives_it(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    locks: list[Path] = []

    def build(project: Path, *, lock: Path, **_: object) -> Artifact:
        locks.append(lock)
        return Artifact(id=RUNNING, manifest={}, dirty=False, notes=())

    monkeypatch.setattr(artifact, "build", build)
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({f"slipway:{key}": value for key, value in CONFIG.items()}))
    exported: list[str] = []
    monkeypatch.setattr(pulumi, "export", lambda name, _: exported.append(name))
    account.up(lambda: runpy.run_path(str(ROOT / "__main__.py")))
    assert {"url", "artifact", "servers", "release_source"} <= set(exported)
    assert locks == [ROOT / "stacks/staging.lock"]
    assert f"release: {RUNNING} (built from examples/gallery)" in account.said


def test_after_a_failure_it_says_what_to_do_next(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The engine interrupts a program whose `up` failed; a preview has made nothing."""
    ended: list[int] = []
    monkeypatch.setattr(artifact, "build", lambda *_, **__: Artifact(id=RUNNING, manifest={}, dirty=False, notes=()))
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({f"slipway:{key}": value for key, value in CONFIG.items()}))
    monkeypatch.setattr(pulumi, "export", lambda name, _: None)
    monkeypatch.setattr(os, "_exit", ended.append)
    account.up(lambda: runpy.run_path(str(ROOT / "__main__.py")))
    signal.raise_signal(signal.SIGINT)
    assert "pulumi up -s staging goes on from here" in capsys.readouterr().out
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    signal.raise_signal(signal.SIGINT)
    assert (capsys.readouterr().out, ended) == ("", [1, 1])
