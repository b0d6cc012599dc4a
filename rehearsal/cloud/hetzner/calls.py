"""One call of the API: what handlers get, and how they are found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from rehearsal.cloud import routes
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.hetzner.errors import invalid
from rehearsal.cloud.hetzner.rows import Tables
from rehearsal.cloud.routes import DONE, Answer, Answerer
from rehearsal.cloud.rows import Json

__all__ = ["DONE", "Answer", "Answerer", "Call", "Routes"]


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


class Routes(routes.Routes):
    """The calls a module answers, below `/v1`."""

    prefix = "/v1"
