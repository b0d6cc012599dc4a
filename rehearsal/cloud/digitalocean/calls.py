"""One call of the API: what handlers get, how they are found, how lists are cut into pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from rehearsal.cloud import routes
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.digitalocean.errors import unprocessable
from rehearsal.cloud.routes import DONE, Answer, Answerer
from rehearsal.cloud.rows import Json
from rehearsal.cloud.store import State

__all__ = ["DONE", "Answer", "Answerer", "Call", "Routes"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that passed the door."""

    cloud: Cloud
    url: str
    query: Mapping[str, str]
    body: Json

    def read(self) -> AbstractContextManager[State]:
        """Look at the state."""
        return self.cloud.store.read()

    def change(self) -> AbstractContextManager[State]:
        """Change the state."""
        return self.cloud.store.change()

    def need(self, *names: str) -> tuple[Any, ...]:
        """Give fields of the body, each of which must be there."""
        for name in names:
            if self.body.get(name) in (None, ""):
                raise unprocessable(f"{name} is required")
        return tuple(self.body[name] for name in names)

    def page(self, name: str, items: Iterable[Json]) -> Answer:
        """Give one page of a list, with links to the others."""
        rows = list(items)
        number, size = self._number("page", 1, 1 << 30), self._number("per_page", 20, 200)
        last = max(1, -(-len(rows) // size))
        pages: Json = {}
        if number > 1:
            pages |= {"first": self._link(1, size), "prev": self._link(number - 1, size)}
        if number < last:
            pages |= {"next": self._link(number + 1, size), "last": self._link(last, size)}
        cut = rows[(number - 1) * size : number * size]
        return 200, {name: cut, "links": {"pages": pages} if pages else {}, "meta": {"total": len(rows)}}

    def _number(self, name: str, default: int, most: int) -> int:
        text = self.query.get(name, "")
        return max(1, min(int(text), most)) if text.isdigit() else default

    def _link(self, page: int, size: int) -> str:
        kept = "".join(f"&{k}={v}" for k, v in self.query.items() if k not in ("page", "per_page"))
        return f"{self.url}?page={page}&per_page={size}{kept}"


class Routes(routes.Routes):
    """The calls a module answers, below `/v2`."""

    prefix = "/v2"
