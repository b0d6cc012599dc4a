"""A new secret in the place of one that was generated: the stack file says which are valid, `up` does the rest."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from release.cli.pin import Edit
from release.cli.project import Project, shown
from release.cli.refusal import Refusal, meant
from release.cli.stack import Stack
from release.cli.up import up

__all__ = ["NAMES", "rotate"]

# What each is, and whether visitors hold something that was made with the one before.
NAMES: Mapping[str, bool] = {"secret-key": True, "database-password": False, "storage-keys": False}
KEY = "rotations"
OWN_PAIRS = (
    "storage-keys: are made by hand on hetzner: make two new pairs in its console, set all four storage-... keys with "
    "pulumi config set --secret, SLIPWAY_FORMER_ACCESS_KEY=... SLIPWAY_FORMER_SECRET_KEY=... pulumi up with the "
    "program's old pair, then remove the old pairs there (docs/guide.md, On Hetzner)"
)


def rotate(directory: str | None, words: Sequence[str]) -> int:
    """Write the next generation and bring it up; then take back what nobody needs any more."""
    given = _parser().parse_args(words)
    if given.name not in NAMES:
        raise Refusal(f"slipway rotate: {given.name}: is nothing that is rotated, {meant(given.name, sorted(NAMES))}")
    project = Project.find(directory)
    rotation = _Rotation(project, project.stack_file(given.stack), given.stack, given.name, given.yes)
    return rotation.drop() if given.drop else rotation.run()


@dataclass(frozen=True)
class _Rotation:
    project: Project
    file: Path
    stack: str
    name: str
    yes: bool

    def run(self) -> int:
        """The new one beside the old one; the old one away, or kept for what it has signed."""
        in_use = self._in_use()
        written = self._written()
        if written != in_use:
            print(
                f"{self._where}: {written} is written and not up yet (in use: {in_use}), going on with it", flush=True
            )
        elif len(in_use) == 1 or NAMES[self.name]:
            written = [in_use[-1], in_use[-1] + 1]
            self._write(written)
        if written != in_use and (code := self._up()):
            return code
        return self._keep() if NAMES[self.name] else self._let_go(written)

    def drop(self) -> int:
        """Only the newest opens from now on."""
        in_use = self._in_use()
        if len(in_use) == 1 and self._written() == in_use:
            print(f"{self._where}: {in_use}: there is none before it to drop")
            return 0
        return self._let_go(in_use)

    def _let_go(self, valid: list[int]) -> int:
        if len(valid) > 1:
            self._write(valid[-1:])
            return self._up()
        return 0

    def _keep(self) -> int:
        print(
            f"\n{self.name}: what was signed with the one before (sessions, links) stays valid until the next "
            f"slipway rotate {self.stack} {self.name},\nor until slipway rotate {self.stack} {self.name} --drop"
        )
        return 0

    def _in_use(self) -> list[int]:
        """By the last good `up`; refused where nothing of that name is slipway's to rotate."""
        stack = Stack.read(self.project, self.stack)
        cloud, data = (stack.outputs.get(key) or {} for key in ("cloud", "data"))
        if self.name == "storage-keys" and cloud.get("name") == "hetzner":
            raise Refusal(OWN_PAIRS)
        if self.name == "database-password" and data.get("kind") in ("none", "sqlite"):
            raise Refusal(f"{self.stack}: {self.name}: this environment has no database with a password")
        config = self.project.settings(self.stack)
        if self.name == "secret-key" and any("SECRET_KEY" in (config.get(each) or {}) for each in ("env", "secrets")):
            way_out = "set another one there, and the one before as SECRET_KEY_FALLBACKS"
            raise Refusal(f"{shown(self.file)}: SECRET_KEY: is your own, {way_out}")
        recorded = stack.outputs.get("recorded") or {}
        return list((recorded.get(KEY) or {}).get(self.name) or [1])

    def _written(self) -> list[int]:
        return list((self.project.settings(self.stack).get(KEY) or {}).get(self.name) or [1])

    def _write(self, generations: list[int]) -> None:
        values = {KEY: {**(self.project.settings(self.stack).get(KEY) or {}), self.name: generations}}
        Edit.of(self.project, self.stack, values).write()
        print(f"{self._where}: {generations}", flush=True)

    def _up(self) -> int:
        """As a person would; the engine shows what comes and goes, and asks."""
        code = up(self.project, self.stack, words=["--yes"] if self.yes else [])
        if code:
            print(f"\nslipway rotate {self.stack} {self.name} goes on from here; {self._where} says what is valid")
        return code

    @property
    def _where(self) -> str:
        return f"{shown(self.file)}: {KEY}.{self.name}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slipway rotate", allow_abbrev=False)
    parser.add_argument("stack", metavar="STACK", help="the environment: staging, production, ...")
    parser.add_argument("name", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--drop", action="store_true", help="only the newest opens from now on")
    parser.add_argument("--yes", action="store_true", help="without asking, for the engine's own question")
    return parser
