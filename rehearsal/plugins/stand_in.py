"""What a stand-in is made of: a table of rules, verbs for each type, functions, and a session with its cloud."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rehearsal.plugins.log import Log
from rehearsal.plugins.rules import Resource
from rehearsal.plugins.wire import Values


class HalfDone(Exception):
    """The resource exists, but what had to follow failed: the engine keeps it and tries again by an update."""

    def __init__(self, id: str, facts: Values, reason: str) -> None:
        super().__init__(reason)
        self.id, self.facts = id, facts


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of the engine, as a verb sees it."""

    session: Any
    urn: str
    name: str
    timeout: float  # seconds, 0 when the program set none
    log: Log
    cancelled: threading.Event


@dataclass(frozen=True, kw_only=True)
class Verbs:
    """What can be done with one resource type; facts are what the cloud told, laid over the planned state."""

    create: Callable[[Call, Values], tuple[str, Values]]
    read: Callable[[Call, str, Values], tuple[str, Values] | None] | None = None  # None: the state is the truth
    update: Callable[[Call, str, Values, Values], Values] | None = None  # (id, state, asked)
    delete: Callable[[Call, str, Values], None] | None = None


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """One provider: its name, its table, its verbs and functions, and how a session with its cloud begins."""

    name: str
    resources: Mapping[str, Resource]
    verbs: Mapping[str, Verbs]
    functions: Mapping[str, Callable[[Any, Values], Values]] = field(default_factory=dict)
    configure: Callable[[Values], Any] = dict

    @property
    def version(self) -> str:
        """The version that the installed SDK package asks for: what the engine expects to find."""
        found = find_spec(f"pulumi_{self.name}")
        places = (found.submodule_search_locations if found else None) or []
        for place in places:
            return str(json.loads((Path(place) / "pulumi-plugin.json").read_text())["version"])
        return "0.0.0"
