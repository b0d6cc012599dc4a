"""Which call of an API is answered by which function, whatever cloud it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol, TypeVar

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.wrappers import Request

from rehearsal.cloud.rows import Json

Answer = tuple[int, Json | None]
Answerer = Callable[..., Answer]
T = TypeVar("T", bound=Answerer)
DONE: Answer = (204, None)


@dataclass
class Routes:
    """The calls a module answers."""

    prefix: ClassVar[str]
    rows: list[tuple[str, str, Answerer]] = field(default_factory=list)

    def on(self, method: str, path: str) -> Callable[[T], T]:
        """Name the method and path that a function answers."""

        def note(answerer: T) -> T:
            self.rows.append((method, f"{self.prefix}{path}", answerer))
            return answerer

        return note

    def __iter__(self) -> Iterator[tuple[str, str, Answerer]]:
        return iter(self.rows)


class Part(Protocol):
    """A module that answers calls."""

    @property
    def routes(self) -> Routes: ...


@dataclass(frozen=True)
class Directory:
    """Every call of an API, in its modules."""

    parts: tuple[Part, ...]

    def methods(self) -> Iterable[tuple[str, str]]:
        """Name every call there is."""
        return [(method, path) for part in self.parts for method, path, _ in part.routes]

    @cached_property
    def _urls(self) -> Map:
        """Kept: to compile them takes longer than to answer a hundred."""
        rows = [row for part in self.parts for row in part.routes]
        rules = [Rule(path, methods=[method], endpoint=answer) for method, path, answer in rows]
        return Map(rules, strict_slashes=False, merge_slashes=False)

    def find(self, request: Request) -> tuple[Answerer, dict[str, Any]]:
        """Give the function that answers a request, and what its path names; LookupError where there is none."""
        try:
            answer, values = self._urls.bind(request.host).match(request.path, method=request.method)
        except (NotFound, MethodNotAllowed, RequestRedirect):
            raise LookupError(f"{request.method} {request.path}") from None
        return answer, dict(values)
