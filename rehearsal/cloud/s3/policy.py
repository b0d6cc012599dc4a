"""Bucket policies: read as Ceph's gateway reads them (both clouds run it), and what they decide; pure.

A statement without Principal or without Resource applies to nothing, and so does one with NotAction and no Action:
the gateway looks for the action among those named, and none is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any, Literal

from rehearsal.cloud.s3.actions import ACTIONS
from rehearsal.cloud.s3.errors import S3Error

Effect = Literal["Allow", "Deny"]
KEYS = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource"),
    "Condition",
}
PRINCIPAL = re.compile(r"\*|[^:/]+|arn:aws:iam::[^:]*:(root|(user|role)/.+)")
RESOURCE = re.compile(r"\*|arn:aws:s3:::.+")
VERSIONS = ("2012-10-17", "2008-10-17")
BIGGEST = 20 << 10


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One line of a Condition block."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One rule; what it does not name is empty."""

    effect: Effect
    principals: frozenset[str]
    not_principals: frozenset[str]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """May these (the principals that somebody goes by, `*` among them) do this, to this?"""

    who: frozenset[str]
    action: str
    resource: str
    facts: Mapping[str, str]


def decide(statements: Iterable[Statement], question: Question) -> Effect | None:
    """Give what a policy says: one Deny outweighs every Allow; None where it says nothing."""
    effects = {statement.effect for statement in statements if _applies(statement, question)}
    return "Deny" if "Deny" in effects else "Allow" if effects else None


def is_public(statements: Iterable[Statement]) -> bool:
    """Say whether a policy lets anybody in."""
    return any(s.effect == "Allow" and "*" in s.principals and not s.conditions for s in statements)


def _applies(statement: Statement, question: Question) -> bool:
    return (
        _is_meant(statement, question.who)
        and _matches(statement.actions, question.action.lower())
        and _is_about(statement, question.resource)
        and all(_holds(condition, question.facts) for condition in statement.conditions)
    )


def _is_meant(statement: Statement, who: frozenset[str]) -> bool:
    if statement.principals:
        return bool(statement.principals & who)
    return bool(statement.not_principals) and not statement.not_principals & who


def _is_about(statement: Statement, resource: str) -> bool:
    if statement.resources:
        return _matches(statement.resources, resource)
    return bool(statement.not_resources) and not _matches(statement.not_resources, resource)


def _matches(patterns: Iterable[str], text: str) -> bool:
    return any(_pattern(pattern).fullmatch(text) for pattern in patterns)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    special = {"*": ".*", "?": "."}
    return re.compile("".join(special.get(letter) or re.escape(letter) for letter in pattern), re.DOTALL)


def _within(value: str, networks: Iterable[str]) -> bool:
    return any(ip_address(value) in ip_network(network, strict=False) for network in networks)


OPERATORS: dict[str, Callable[[str, tuple[str, ...]], bool]] = {
    "StringEquals": lambda value, wanted: value in wanted,
    "StringNotEquals": lambda value, wanted: value not in wanted,
    "StringLike": lambda value, wanted: _matches(wanted, value),
    "StringNotLike": lambda value, wanted: not _matches(wanted, value),
    "IpAddress": _within,
    "NotIpAddress": lambda value, wanted: not _within(value, wanted),
    "Bool": lambda value, wanted: value in [text.lower() for text in wanted],
}


def _holds(condition: Condition, facts: Mapping[str, str]) -> bool:
    value = facts.get(condition.key.lower())
    return value is not None and OPERATORS[condition.operator](value, condition.values)


def parse(text: bytes) -> tuple[Statement, ...]:
    """Read a policy, or refuse it with what is wrong."""
    if len(text) > BIGGEST:
        raise wrong(f"a policy may have {BIGGEST} bytes (got {len(text)})")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise wrong(f"not JSON: {error}") from None
    if not isinstance(document, dict) or document.keys() - {"Version", "Id", "Statement"}:
        raise wrong("should be an object with Version, Id and Statement only")
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise wrong(f"Version should be one of {', '.join(VERSIONS)} (got {document['Version']!r})")
    rows = document.get("Statement", [])
    return tuple(_statement(row) for row in (rows if isinstance(rows, list) else [rows]))


def wrong(message: str) -> S3Error:
    """Refuse a policy."""
    return S3Error(400, "InvalidArgument", f"policy: {message}")


def _statement(row: Any) -> Statement:
    if not isinstance(row, dict) or row.keys() - KEYS:
        raise wrong(f"a statement has {', '.join(sorted(KEYS))} only (got {row!r:.80})")
    effect: Any = row.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise wrong(f"Effect should be Allow or Deny (got {effect!r})")
    if effect == "Allow" and "NotPrincipal" in row:
        raise wrong("Allow with NotPrincipal is not supported")
    _actions(row.get("NotAction"))
    return Statement(
        effect=effect,
        principals=_principals(row.get("Principal")),
        not_principals=_principals(row.get("NotPrincipal")),
        actions=_actions(row.get("Action")),
        resources=_all(row.get("Resource"), RESOURCE, "Resource"),
        not_resources=_all(row.get("NotResource"), RESOURCE, "NotResource"),
        conditions=tuple(_conditions(row.get("Condition") or {})),
    )


def _principals(node: Any) -> frozenset[str]:
    if node in (None, "*"):
        return frozenset({"*"} if node else ())
    if not isinstance(node, dict) or node.keys() != {"AWS"}:
        raise wrong(f"a principal should be * or have AWS (got {node!r:.80})")
    return frozenset(_all(node["AWS"], PRINCIPAL, "Principal"))


def _actions(node: Any) -> tuple[str, ...]:
    names = tuple(name.lower() for name in _texts(node))
    for name in names:
        if not any(_pattern(name).fullmatch(action.lower()) for action in ACTIONS):
            raise wrong(f"{name!r} is not a valid action")
    return names


def _all(node: Any, form: re.Pattern[str], what: str) -> tuple[str, ...]:
    texts = _texts(node)
    for text in texts:
        if not form.fullmatch(text):
            raise wrong(f"{what} {text!r} is not a valid one")
    return texts


def _texts(node: Any) -> tuple[str, ...]:
    found = node if isinstance(node, list) else [] if node is None else [node]
    if not all(isinstance(text, str) for text in found):
        raise wrong(f"should be texts (got {node!r:.80})")
    return tuple(found)


def _conditions(node: Any) -> Iterable[Condition]:
    if not isinstance(node, dict) or not all(isinstance(block, dict) for block in node.values()):
        raise wrong("Condition should be an object of objects")
    for operator, block in node.items():
        if operator not in OPERATORS:
            raise wrong(f"condition {operator!r} is not one this rehearsal knows: {', '.join(OPERATORS)}")
        for key, values in block.items():
            texts = [str(value) for value in (values if isinstance(values, list) else [values])]
            yield Condition(operator=operator, key=key, values=tuple(texts))
