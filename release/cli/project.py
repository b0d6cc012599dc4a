"""The directory whose Pulumi.yaml the command is about, and where its stack files lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.cli.refusal import Refusal, meant

__all__ = ["Project"]

CHECKOUT = Path(__file__).resolve().parents[2]
FILE = "Pulumi.yaml"


@dataclass(frozen=True)
class Project:
    """A Pulumi project on this computer."""

    directory: Path

    @classmethod
    def find(cls, given: str | None) -> Project:
        """`-C DIR`, else $SLIPWAY_PROJECT, else here or above, else slipway's own checkout."""
        for source, named in (("-C", given), ("SLIPWAY_PROJECT", os.environ.get("SLIPWAY_PROJECT"))):
            if named:
                return cls._named(Path(named), source=source)
        here = Path.cwd()
        return cls(next((each for each in (here, *here.parents) if (each / FILE).is_file()), CHECKOUT))

    def stack_file(self, stack: str) -> Path:
        """The stack's file; refused with the known ones when there is none."""
        folder = self.directory / (self._declared("stackConfigDir") or ".")
        file = folder / f"Pulumi.{stack}.yaml"
        if not file.is_file():
            known = sorted(each.name.split(".")[1] for each in folder.glob("Pulumi.*.yaml"))
            raise Refusal(f"{shown(file)}: is not there, {meant(stack, known)}")
        return file

    def settings(self, stack: str) -> dict[str, Any]:
        """What the stack file says as it stands there, its keys without the project's namespace."""
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        file = self.stack_file(stack)
        try:
            written = (YAML(typ="safe", pure=True).load(file) or {}).get("config") or {}
        except (YAMLError, AttributeError) as error:
            raise Refusal(f"{shown(file)}: is not a stack file ({' '.join(str(error).split())}), correct it") from None
        return {str(key).removeprefix(f"{self.name}:"): value for key, value in written.items()}

    @property
    def name(self) -> str:
        """The project's name, the namespace of keys that were written with one."""
        return str(self._declared("name") or self.directory.name)

    def _declared(self, key: str) -> Any:
        from ruamel.yaml import YAML

        file = self.directory / FILE
        try:
            return (YAML(typ="safe", pure=True).load(file) or {}).get(key)
        except FileNotFoundError:
            raise Refusal(f"{shown(file)}: is not there, say where it is with -C DIR") from None

    @classmethod
    def _named(cls, directory: Path, *, source: str) -> Project:
        if not (directory / FILE).is_file():
            raise Refusal(f"{source}: should be a directory with a {FILE} (got {str(directory)!r})")
        return cls(directory.resolve())


def shown(path: Path) -> str:
    """A path as short as it can be told from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
