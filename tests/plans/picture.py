"""A plan as text: every resource, its place in the tree, and the inputs and options that matter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.plans.account import Account, Asked, is_secret

# What an order of steps hangs on.
ORDERED = (
    *("Command", "Droplet", "ReservedIpAssignment", "RandomId"),
    *("Server", "ServerNetwork", "VolumeAttachment", "FloatingIpAssignment"),
)


def picture(account: Account) -> str:
    """The plan of what the account was asked for last, in a fixed order."""
    return "\n".join(line for asked in sorted(account.asked, key=lambda each: each.chain) for line in _lines(asked))


def _lines(asked: Asked) -> Iterator[str]:
    yield asked.chain
    for key, value in sorted(asked.inputs.items()):
        yield f"    {key}: {_short(value)}"
    for key, value in _options(asked):
        yield f"    ({key}: {value})"


def _short(value: Any) -> str:
    if is_secret(value):
        return "[secret]"
    if isinstance(value, str) and "\n" in value:
        return f"[{len(value.splitlines())} lines]"
    if isinstance(value, str):
        return re.sub(r"(?<=bash -s )[0-9a-f]{12}", "[birth]", value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else str(value)


def _options(asked: Asked) -> Iterator[tuple[str, str]]:
    options = asked.options
    if options.protect:
        yield "protect", "true"
    if options.deleteBeforeReplace:
        yield "old first", "true"
    if options.retainOnDelete:
        yield "stays", "true"
    for key in ("ignoreChanges", "replaceOnChanges"):
        if names := list(getattr(options, key)):
            yield key, ", ".join(names)
    if options.HasField("replacement_trigger"):
        yield "replacementTrigger", f"{options.replacement_trigger.number_value:g}"
    if options.deletedWith:
        yield "deletedWith", _name(options.deletedWith)
    if options.customTimeouts.delete:
        yield "delete within", options.customTimeouts.delete
    if options.aliases:
        yield "aliases", ", ".join("no parent" if alias.spec.noParent else "other" for alias in options.aliases)
    if asked.type.split(":")[-1] in ORDERED and options.dependencies:
        yield "after", ", ".join(sorted({_name(urn) for urn in options.dependencies}))


def _name(urn: str) -> str:
    kind, name = urn.split("::")[-2:]
    return f"{kind.split(':')[-1]} {name}"
