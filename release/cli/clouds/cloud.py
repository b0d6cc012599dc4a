"""What is told of every cloud: one row for each thing an environment has there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class NotAsked(Exception):
    """The cloud could not be asked; the text says why and what to do."""


@dataclass(frozen=True)
class Row:
    """One thing: what the stack has of it, what is found there, and the command that brings them together."""

    name: str
    stack: str
    found: str
    remedy: str
    note: str = ""  # what is worth knowing beside it

    @property
    def agrees(self) -> bool:
        return self.stack == self.found

    @property
    def line(self) -> str:
        return f"{self.name}: should be {self.stack} (got {self.found}), {self.remedy}"


@dataclass(frozen=True)
class Asked:
    """All rows of a cloud; none and a reason where it was not asked."""

    rows: tuple[Row, ...]
    reason: str = ""


@dataclass(frozen=True)
class Kind:
    """One kind of thing an account lists: where, under which key, what identifies one, and how ours are called."""

    what: str
    type: str
    path: str
    rows: str
    role: str  # of the names the engine gives: PREFIX-ROLE and seven digits; "" for what has no name
    tool: str
    id: str = "id"

    def removal(self, id: str, curl: str) -> str:
        """The command that removes one."""
        plain = f"{curl}/{self.path}/{id}"
        return f"{self.tool} {id}, or {plain}" if self.tool else plain


class Look(Protocol):
    """`look` of each cloud's file."""

    def __call__(self, made: Mapping[str, Any], *, stack: str) -> Sequence[Row]:
        """Hold what the stack made (its output `cloud`) against what the cloud says; raises NotAsked."""
