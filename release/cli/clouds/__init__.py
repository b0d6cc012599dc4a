"""What a cloud's own public API says it has of an environment; the chosen one's file is imported when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from release.cli.clouds.cloud import Asked, NotAsked, Row

__all__ = ["Asked", "NotAsked", "Row", "ask_cloud"]


def ask_cloud(outputs: Mapping[str, Any], *, stack: str) -> Asked:
    """Every row of the stack's cloud, or why it was not asked."""
    made = outputs.get("cloud") or {}
    try:
        if not made:
            raise NotAsked(f"the state does not say what to look for, run pulumi up -s {stack}")
        look: Callable[..., Sequence[Row]] = import_module(f"release.cli.clouds.{made['name']}").look
        return Asked(tuple(look(made, stack=stack)))
    except NotAsked as reason:
        return Asked((), reason=str(reason))
