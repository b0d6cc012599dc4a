"""A checkout with one stack file, the whole program run over it, and a look at what it left behind."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime.settings import SETTINGS

from settings.stack_file import STORAGE
from tests.plans.account import Account

ROOT = Path(__file__).resolve().parents[2]
GOOD: dict[str, Any] = {
    "region": "fra1",
    "domain": "example.org",
    "project": "examples/gallery",
    "settings": "gallery.settings",
}


class Desk:
    """Where a person writes a stack file and runs the program."""

    def __init__(self, place: Path, account: Account, patch: pytest.MonkeyPatch, *, stack: str = "staging") -> None:
        self._place, self._account, self._patch = place, account, patch
        self.stack = account.stack = stack
        (place / "stacks").mkdir()
        (place / "Pulumi.yaml").write_text("name: slipway\nstackConfigDir: stacks\n")
        patch.setenv("SLIPWAY_CACHE", str(place / "cache"))

    def writes(self, config: dict[str, Any], *, text: str = "") -> None:
        """Write the stack file; `config` is also what the engine makes of it."""
        keys = {key: _encrypted(config[key]) for key in STORAGE if key in config}
        written = {**config, **keys, "secrets": _encrypted(config.get("secrets", {}))}
        file = self._place / f"stacks/Pulumi.{self.stack}.yaml"
        file.write_text(text or yaml.safe_dump({"config": written}, allow_unicode=True, sort_keys=False))
        texts = {
            f"slipway:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()
        }
        self._patch.setenv("PULUMI_CONFIG", json.dumps(texts))
        secret = ["slipway:secrets", *(f"slipway:{key}" for key in keys)]
        self._patch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(secret))
        pulumi.runtime.set_all_config(texts, secret)

    def complaint(self) -> str:
        """Run the program to its end: what it said, when it left everything as it was."""
        before = self._listing()
        with pytest.raises(pulumi.RunError) as caught:
            self._account.up(self._program)
        assert self._listing() == before
        assert self._account.asked == []
        assert str(caught.value).isprintable()
        return str(caught.value)

    def _program(self) -> None:
        SETTINGS.root_directory = str(self._place)
        runpy.run_path(str(ROOT / "__main__.py"))

    def _listing(self) -> dict[str, bytes]:
        """Every file with its content: the stack file, a lock, the cache."""
        return {str(path): path.read_bytes() for path in self._place.rglob("*") if path.is_file()}


def _encrypted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _encrypted(child) for name, child in value.items()}
    return {"secure": "v1:AAAA:AAAA"}
