"""One call of the API: what handlers get, and how they are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict

from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner.errors import invalid
from rehearsal.cloud.hetzner.rows import Tables
from rehearsal.cloud.rows import Json

Answer = tuple[int, Json | None]
DONE: Answer = (204, None)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that passed the door."""

    cloud: Cloud
    query: MultiDict[str, str]
    body: Json

    @contextmanager
    def read(self) -> Iterator[Tables]:
        """Look at the project."""
        with self.cloud.store.read() as state:
            yield state.hetzner

    @contextmanager
    def change(self) -> Iterator[Tables]:
        """Change the project; check everything first, for what a failing block changed is not taken back."""
        with self.cloud.store.change() as state:
            yield state.hetzner

    def need(self, *names: str) -> tuple[Any, ...]:
        """Give fields of the body, each of which must be there."""
        for name in names:
            if self.body.get(name) in (None, ""):
                raise invalid(name, "Missing data for required field.")
        return tuple(self.body[name] for name in names)


Answerer = Callable[..., Answer]
T = TypeVar("T", bound=Answerer)


@dataclass
class Routes:
    """The calls a module answers."""

    rows: list[tuple[str, str, Answerer]] = field(default_factory=list)

    def on(self, method: str, path: str) -> Callable[[T], T]:
        """Name the method and path that a function answers."""

        def note(answerer: T) -> T:
            self.rows.append((method, f"/v1{path}", answerer))
            return answerer

        return note

    def __iter__(self) -> Iterator[tuple[str, str, Answerer]]:
        return iter(self.rows)
