"""`slipway relock`: the kept lock resolved anew, what changed, and nothing written when it fails."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from release.build.relocking import changes
from release.cli.__main__ import main
from release.cli.project import CHECKOUT
from tests.release.build.projects import site, write
from tests.release.build.seed import surround

pytestmark = pytest.mark.whole


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A project beside the directory of its stack, and the command as a person types it there."""

    shop: Path
    stacks: Path
    said: pytest.CaptureFixture[str]

    @property
    def lock(self) -> Path:
        return self.stacks / "production.lock"

    def relock(self) -> Ended:
        code = main(["-C", str(self.stacks.parent), "relock", "production"])
        return Ended(code, *self.said.readouterr())


@pytest.fixture
def place(builds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    surround(monkeypatch, cache=builds / "cache")
    project = write(tmp_path / "project", {"Pulumi.yaml": "name: slipway\nstackConfigDir: stacks\n"})
    shop = os.path.relpath(tmp_path / "shop", CHECKOUT)  # as the program has it, whatever Pulumi.yaml is asked about
    write(project, {"stacks/Pulumi.production.yaml": f"config:\n  slipway:project: {shop}\n"})
    monkeypatch.chdir(project)
    return Place(site(tmp_path / "shop"), project / "stacks", capsys)


def test_versions_old_and_new() -> None:
    commit = "b @ git+https://example.org/b.git@{0}"
    old = "\n".join(["a==1", "same==1", "gone==1", commit.format("a" * 40), "./lib"])
    new = "\n".join(["a==2 ; os_name == 'nt'", "a==1", "same==1", commit.format("c" * 40), "come==1", "./lib"])
    assert list(changes(old, new)) == [
        "a 1 -> 1 and 2",
        f"b {'a' * 12} -> {'c' * 12}",
        "come none -> 1",
        "gone 1 -> none",
    ]
    assert list(changes(new, new)) == []


def test_a_lock_is_resolved_anew(place: Place) -> None:
    place.lock.write_text("django==5.2.1\npillow==11.0.0\nidna==3.10\n")
    ended = place.relock()
    assert ended.code == 0, ended
    lines = ended.out.splitlines()
    assert [line.partition(" -> ")[0] for line in lines if line.startswith(("django 5", "pillow"))] == [
        "django 5.2.1",
        "pillow 11.0.0",
    ]
    assert "idna 3.10 -> none" in lines
    assert lines[-1] == (
        f"stacks/production.lock: resolved anew from requirements.txt: {len(lines) - 1} packages changed, commit it"
    )
    before = place.lock.read_text()
    assert "--hash=sha256:" in before
    again = "stacks/production.lock: resolved anew from requirements.txt: every package is at its newest\n"
    assert place.relock() == Ended(0, again, "")
    assert place.lock.read_text() == before


def test_what_fails_leaves_the_lock_as_it_was(place: Place) -> None:
    place.lock.write_text("django==5.2.1\n")
    write(place.shop, {"requirements.txt": "Django==5.2.1\nDjango==5.2.2\n"})
    ended = place.relock()
    assert ended.code == 2
    assert ended.err.startswith("requirements.txt: its packages should resolve and install (got: Because you require ")
    assert place.lock.read_text() == "django==5.2.1\n"
    assert [file.name for file in place.stacks.iterdir() if "lock" in file.name] == ["production.lock"]


def test_a_project_with_a_lock_of_its_own_is_refused(place: Place) -> None:
    write(place.shop, {"pylock.toml": 'lock-version = "1.0"\ncreated-by = "pdm"\n'})
    words = "pylock.toml: is the project's own lock, which slipway takes as it is, renew it with pdm lock -f pylock"
    assert place.relock() == Ended(2, "", f"{words}\n")
    place.lock.write_text("gunicorn==23.0\n")
    rest = "; what a release needs beyond it is resolved anew once production.lock is deleted"
    assert place.relock() == Ended(2, "", f"{words}{rest}\n")
    assert place.lock.read_text() == "gunicorn==23.0\n"


def test_a_stack_without_a_project_is_refused(place: Place) -> None:
    write(place.stacks, {"Pulumi.production.yaml": "config:\n  cloud: hetzner\n"})
    rule = "stacks/Pulumi.production.yaml: project: should name the project to resolve (got none), set it"
    assert place.relock() == Ended(2, "", f"{rule}\n")
