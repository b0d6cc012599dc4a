"""Which artifact an environment runs, and in which words it says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import artifact
from release.build import Artifact, BuildError
from settings import Settings
from tests.plans.account import RUNNING

ASKED: dict[str, Any] = {"region": "here1", "settings": "shop.settings", "env": {"B": "1"}, "secrets": {"A": "x"}}
LOCK = Path("stacks/staging.lock")


class Builder:
    """Stands where the build does and keeps what it was asked for."""

    def __init__(self, *, dirty: bool = False, failure: str | None = None) -> None:
        self.asked: dict[str, Any] = {}
        self._dirty, self._failure = dirty, failure

    def __call__(self, project: Path, **asked: Any) -> Artifact:
        self.asked = {"project": project, **asked}
        if self._failure:
            raise BuildError(self._failure)
        return Artifact(id=RUNNING, manifest={}, dirty=self._dirty, notes=("psycopg2: taken as psycopg2-binary",))


def chosen(patch: pytest.MonkeyPatch, builder: Builder, **more: Any) -> artifact.Chosen:
    patch.setattr(artifact, "build", builder)
    return artifact.choose(Settings.parse("staging", {**ASKED, **more}), lock=LOCK)


def test_a_project_is_built_relative_to_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder()
    found = chosen(monkeypatch, builder, project="examples/shop")
    assert found == artifact.Chosen(
        id=RUNNING, origin="built from examples/shop", notes=("psycopg2: taken as psycopg2-binary",)
    )
    assert builder.asked == {
        "project": Path(artifact.__file__).parents[1] / "examples/shop",
        "settings": "shop.settings",
        "env": ("A", "B"),
        "lock": LOCK,
        "overlay": True,
        "interface": None,
        "keep": (),
        "dirty_ok": True,
        "commands": (),
    }


def test_settings_may_read_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder()
    chosen(monkeypatch, builder, project="examples/shop", cache="valkey")
    assert builder.asked["env"] == ("A", "B", "CELERY_BROKER_URL", "REDIS_URL")


def test_a_project_may_lie_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    builder = Builder()
    chosen(monkeypatch, builder, project=str(tmp_path))
    assert builder.asked["project"] == tmp_path


def test_changes_that_are_not_committed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen(monkeypatch, Builder(dirty=True), project="shop")
    assert found.origin == "built from shop, with changes that are not committed"


def test_a_protected_environment_builds_what_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = Builder()
    chosen(monkeypatch, builder, project="shop", protect=True)
    assert builder.asked["dirty_ok"] is False


def test_a_failed_build_ends_the_program_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pulumi.RunError, match=r"^shop/manage.py: should exist"):
        chosen(monkeypatch, Builder(failure="shop/manage.py: should exist (got none), look again"), project="shop")


PINS = [
    ({"promoted-from": "qa"}, "pinned, promoted from qa"),
    ({}, "pinned by hand"),
    ({"promoted-from": "qa", "project": "shop"}, "pinned, promoted from qa; project: shop is not built"),
    (
        {"pin-reason": "rolled back from 1-2", "project": "shop"},
        "pinned, rolled back from 1-2; project: shop is not built; slipway unpin staging takes the pin out",
    ),
]


@pytest.mark.parametrize(("more", "origin"), PINS)
def test_a_pin_wins_and_nothing_is_built(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], origin: str) -> None:
    builder = Builder()
    assert chosen(monkeypatch, builder, artifact=RUNNING, **more) == artifact.Chosen(id=RUNNING, origin=origin)
    assert not builder.asked
