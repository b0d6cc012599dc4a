"""How a provider's rules are written down: a `Resource` for each type, an `Input` for each thing a program may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rehearsal.plugins.wire import Values

Kind = Literal["text", "integer", "number", "flag", "list", "set", "map", "block", "blocks", "anything"]
Framework = Literal["sdk-v2", "plugin-framework", "native"]


def _as_given(value: Any) -> Any:
    return value


def _equal(wanted: Any, held: Any, state: Values) -> bool:
    return bool(wanted == held)


def _always(old: Any, new: Any) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input: its type, what a change of it does, and what the state holds of it."""

    kind: Kind = "text"
    required: bool = False
    replaces: bool = False
    replaces_when: Callable[[Any, Any], bool] = _always  # (old, new): narrows `replaces`
    computed: bool = False  # left out, the cloud's value fills in; taken out later, nothing changes
    default: Any = None
    default_checked: bool = True  # False: only the state carries the default, the checked inputs do not
    empty: Any = None  # what the state holds when it is left out
    empty_checked: bool = False  # Check already answers `empty`, and does not note it among the defaults
    secret: bool = False
    state_form: Callable[[Any], Any] = _as_given
    same: Callable[[Any, Any, Values], bool] = _equal  # (wanted, held, whole wanted state): what else means the same
    fields: Mapping[str, Input] = field(default_factory=dict)  # of block and blocks
    unordered: bool = False  # blocks whose order means nothing


def _nothing(planned: Values) -> Values:
    return {}


def _never(state: Values) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource type: inputs, outputs the cloud tells, and the habits of the plugin that offers it."""

    inputs: Mapping[str, Input]
    outputs: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()
    framework: Framework = "sdk-v2"
    automatic_name: bool = False
    named_means_delete_first: bool = False  # an explicit name forces delete-before-replace
    id_in_state: bool = True
    checks: tuple[Callable[[Values], str | None], ...] = ()
    foretold: Callable[[Values], Values] = _nothing  # outputs that a preview knows, from the planned inputs
    due: Callable[[Values], str | None] = _never  # what in the state to be asks for a new resource by itself


def lower(value: str) -> str:
    """A state form: the cloud writes it in lower case."""
    return value.lower()
