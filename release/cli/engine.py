"""The engine's own command, `pulumi`, as a person would type it for this project."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from release.cli.project import Project
from release.cli.refusal import Refusal

__all__ = ["captured", "interactive"]


def captured(project: Project, *words: str, input: str = "") -> subprocess.CompletedProcess[str]:
    """What it says; it asks nothing."""
    ended: subprocess.CompletedProcess[str] = _started(
        project, "--non-interactive", *words, input=input, capture_output=True, text=True
    )
    return ended


def interactive(project: Project, *words: str, environment: Mapping[str, str] | None = None) -> int:
    """With our own terminal, for its questions; its exit code."""
    return int(_started(project, *words, env=environment).returncode)


def _started(project: Project, *words: str, **how: Any) -> Any:
    try:
        return subprocess.run(["pulumi", "-C", str(project.directory), *words], check=False, **how)
    except FileNotFoundError:
        raise Refusal("pulumi: is not on PATH, install it, or read .rehearsal/env into this shell first") from None
