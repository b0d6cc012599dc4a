"""Labels and the selectors that choose by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.cloud.hetzner.errors import invalid

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY = rf"(?:[a-z0-9.-]{{1,253}}/)?{_NAME}"
_VALUE = rf"(?:{_NAME})?"
_EQUALS = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_AMONG = re.compile(rf"({_KEY})\s+(in|notin)\s+\(([^()]*)\)")
_HAS = re.compile(rf"(!?)\s*({_KEY})")
Test = Callable[[Mapping[str, str]], bool]


def check(given: Any) -> dict[str, str]:
    """Give the labels of a request, or refuse them."""
    if not isinstance(given, dict | None):
        raise invalid("labels", "Not a valid mapping type.")
    for key, value in (given or {}).items():
        if not re.fullmatch(_KEY, key):
            raise invalid("labels", f"'{key}' is not a valid label key")
        if not isinstance(value, str) or not re.fullmatch(_VALUE, value):
            raise invalid("labels", f"'{value}' is not a valid label value")
    return dict(given or {})


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Say whether a selector chooses what has these labels."""
    return all(test(labels) for test in _tests(selector))


def check_selector(selector: str) -> str:
    """Give a selector, or refuse one that cannot be read."""
    _tests(selector)
    return selector


def _tests(selector: str) -> list[Test]:
    parts = [part.strip() for part in re.split(r",(?![^()]*\))", selector)]
    return [_test(part) for part in parts]


def _test(part: str) -> Test:
    if found := _EQUALS.fullmatch(part):
        key, sign, value = found.groups()
        return lambda labels: (labels.get(key) == value) == (sign != "!=")
    if found := _AMONG.fullmatch(part):
        key, word, values = found.groups()
        wanted = {value.strip() for value in values.split(",")}
        return lambda labels: (labels.get(key) in wanted) == (word == "in")
    if found := _HAS.fullmatch(part):
        absent, key = found.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise invalid("label_selector", f"'{part}' is not a valid label selector")
