"""A stack file as a person writes it: which settings there are, how they are read, how a mistake is told."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pulumi
import yaml

T = TypeVar("T")

# Every setting there is, and the type Pulumi.yaml declares it with.
KEYS: Mapping[str, type] = {
    **dict.fromkeys(
        ("cloud", "region", "network", "site", "domain", "dns", "project", "artifact", "promoted-from"), str
    ),
    **dict.fromkeys(("settings", "health", "media", "max-upload", "server-size", "database", "database-size"), str),
    **dict.fromkeys(("servers", "server-generation", "web-processes", "web-threads"), int),
    **dict.fromkeys(("database-standby", "protect"), bool),
    **dict.fromkeys(("hosts", "packages", "extensions", "keep", "writable", "ssh-from"), list),
    **dict.fromkeys(("env", "secrets", "workers", "schedule"), dict),
}


class SettingsError(pulumi.RunError):
    """A stack file that cannot be what an environment is: `file: key: rule (got value), the way out`."""


class Asked:
    """The mapping of a stack file, read key by key; every complaint starts with the file and the key."""

    def __init__(self, stack: str, mapping: Mapping[str, Any]) -> None:
        self.file = f"stacks/Pulumi.{stack}.yaml"
        # "", [] and {} mean absent: a key that Pulumi.yaml declares as optional needs such a default.
        self.given = {key: value for key, value in mapping.items() if value not in ("", [], {}, None)}
        self.all_keys = list(mapping)

    def fail(self, key: str, text: str) -> NoReturn:
        raise SettingsError(f"{self.file}: {key}: {text}")

    def refuse_unknown(self) -> None:
        for key in self.all_keys:
            if key not in KEYS:
                near = difflib.get_close_matches(key, KEYS, n=1)
                meant = f", did you mean {near[0]}?" if near else ", the known ones are in Pulumi.yaml"
                raise SettingsError(f"{self.file}: unknown key: {key}{meant}")

    def typed(self, key: str, kind: type[T], words: str) -> T | None:
        value = self.given.get(key)
        # bool is an int to Python, not to a person
        if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
            return value
        self.fail(key, f"should be {words} (got {value!r})")

    def choice(self, key: str, choices: Sequence[str], *, default: str) -> str:
        value = self.given.get(key, default)
        if value in choices:
            return str(value)
        self.fail(key, f"should be {' or '.join(filter(None, [', '.join(choices[:-1]), choices[-1]]))} (got {value!r})")

    def optional(self, key: str, pattern: str, words: str) -> str | None:
        value = self.typed(key, str, words)
        return None if value is None else self.matching(key, value, pattern, words)

    def text(self, key: str, pattern: str, words: str, *, example: str) -> str:
        value = self.optional(key, pattern, words)
        return value or self.fail(key, f"is required, set it with pulumi config set {key} {example}")

    def matching(self, key: str, value: object, pattern: str, words: str) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        self.fail(key, f"should be {words} (got {value!r})")

    def number(self, key: str, *, default: int, least: int = 1) -> int:
        value = self.typed(key, int, "a number")
        if value is not None and value < least:
            self.fail(key, f"should be {least} or more (got {value})")
        return default if value is None else value

    def flag(self, key: str) -> bool:
        return bool(self.typed(key, bool, "true or false"))

    def texts(self, key: str, pattern: str, words: str) -> tuple[str, ...]:
        values = self.typed(key, list, f"a list, each {words}") or []
        return tuple(self.matching(f"{key}[{at}]", value, pattern, words) for at, value in enumerate(values))

    def table(self, key: str, pattern: str, words: str) -> dict[str, Any]:
        values = self.typed(key, dict, "names with values") or {}
        return {self.matching(key, name, pattern, words): value for name, value in values.items()}


def stack_directory() -> Path:
    """Where the stack files of this Pulumi project lie."""
    root = Path(pulumi.get_root_directory() or Path(__file__).parent)
    described = yaml.safe_load((root / "Pulumi.yaml").read_text()) or {}
    return root / str(described.get("stackConfigDir", "."))


def decode(key: str, value: Any) -> Any:
    """The engine hands every value over as a text; a wrong one is left for `parse` to complain about."""
    if KEYS.get(key, str) is str or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def check_file(stack: str, project: str) -> None:
    """What only the file itself shows: a key in two forms, a secret in plain text, a value encrypted elsewhere."""
    path = stack_directory() / f"Pulumi.{stack}.yaml"
    if not path.exists() or "PULUMI_CONFIG" not in os.environ:
        return
    check_written(stack, project, (yaml.safe_load(path.read_text()) or {}).get("config") or {})


def check_written(stack: str, project: str, written: Mapping[str, Any]) -> None:
    """Refuse what the engine's merged configuration no longer shows of a stack file's `config:` block."""
    asked = Asked(stack, {})
    for key in KEYS:
        if key in written and f"{project}:{key}" in written:
            asked.fail(key, f"stands twice, as {key} and as {project}:{key}, keep one of the two")
    for key in sorted(KEYS.keys() - {"secrets"}):
        if _encrypted(written.get(key, written.get(f"{project}:{key}"))):
            asked.fail(key, "is encrypted, but only values under secrets may be: move it there or write it in plain")
    _refuse_plain_secrets(asked, written.get("secrets", written.get(f"{project}:secrets")))


def _refuse_plain_secrets(asked: Asked, secrets: object) -> None:
    if not isinstance(secrets, dict) or set(secrets) == {"secure"}:
        return
    for name, value in secrets.items():
        if not _encrypted(value):
            asked.fail(f"secrets.{name}", f"is in plain text, run pulumi config set --secret --path secrets.{name}")


def _encrypted(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return set(value) == {"secure"} or any(_encrypted(child) for child in value.values())
