"""A stack file as the engine hands it over: which settings there are, how they are read, how a mistake is told."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pulumi
import yaml

from settings.forms import Form

T = TypeVar("T")

# Pairs of keys of a cloud whose object storage has no API that makes them.
STORAGE = ("storage-access-key", "storage-secret-key", "storage-site-access-key", "storage-site-secret-key")
# Settings that are encrypted as a whole.
SECRET = frozenset((*STORAGE, "notify", "staging-password"))
# Every setting there is, and the type Pulumi.yaml declares it with.
KEYS: Mapping[str, type] = {
    **dict.fromkeys(
        ("cloud", "region", "network", "site", "domain", "dns", "project", "artifact", "promoted-from", "notify"), str
    ),
    **dict.fromkeys(STORAGE, str),
    **dict.fromkeys(("settings", "health", "media", "max-upload", "server-size", "database", "database-size"), str),
    **dict.fromkeys(("servers", "server-generation", "database-generation", "database-disk"), int),
    **dict.fromkeys(("web-processes", "web-threads", "drain"), int),
    **dict.fromkeys(("database-standby", "protect", "overlay"), bool),
    **dict.fromkeys(("pin-reason", "test", "interface", "cache", "staging-password"), str),
    **dict.fromkeys(("build", "before-release", "accept-migration"), list),
    **dict.fromkeys(("hosts", "packages", "extensions", "keep", "writable", "ssh-from", "accept-data-loss"), list),
    **dict.fromkeys(("env", "secrets", "workers", "schedule", "rotations"), dict),
}


class SettingsError(pulumi.RunError):
    """A stack file that cannot be what an environment is: `file: key: rule (got value), the way out`."""


def complaint(stack: str, key: str, text: str) -> SettingsError:
    """The one form of everything that is wrong with a setting, wherever it is found out."""
    return SettingsError(f"stacks/Pulumi.{stack}.yaml: {key}: {text}")


def meant(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """The way out of a misspelt word."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]}?" if near else otherwise


class Asked:
    """The mapping of a stack file, read key by key; every complaint starts with the file and the key."""

    def __init__(self, stack: str, mapping: Mapping[str, Any]) -> None:
        self.stack = stack
        # "", [] and {} mean absent: a key that Pulumi.yaml declares as optional needs such a default.
        self.given = {key: value for key, value in mapping.items() if value not in ("", [], {}, None)}
        self.all_keys = list(mapping)

    def fail(self, key: str, text: str) -> NoReturn:
        raise complaint(self.stack, key, text)

    def refuse_unknown(self) -> None:
        for key in self.all_keys:
            if key not in KEYS:
                way_out = meant(key, KEYS, otherwise=", the known ones are in Pulumi.yaml")
                self.fail("unknown key", f"{key}{way_out}")

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
        words = " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))
        self.fail(key, f"should be {words} (got {value!r}){meant(str(value), choices)}")

    def perhaps(self, key: str, choices: Sequence[str]) -> str | None:
        return self.choice(key, choices, default="") if key in self.given else None

    def optional(self, key: str, form: Form) -> str | None:
        value = self.typed(key, str, form.words)
        return None if value is None else self.matching(key, value, form)

    def text(self, key: str, form: Form, *, example: str) -> str:
        value = self.optional(key, form)
        return value or self.fail(key, f"is required, set it with pulumi config set {key} {example}")

    def matching(self, key: str, value: object, form: Form) -> str:
        if isinstance(value, str) and form.fits(value):
            return value
        way_out = form.way_out(value) if isinstance(value, str) else ""
        self.fail(key, f"should be {form.words} (got {value!r}){way_out}")

    def number(self, key: str, *, default: int, least: int = 1) -> int:
        value = self.typed(key, int, "a number")
        if value is not None and value < least:
            self.fail(key, f"should be {least} or more (got {value})")
        return default if value is None else value

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.typed(key, bool, "true or false")
        return default if value is None else value

    def texts(self, key: str, form: Form) -> tuple[str, ...]:
        values = self.typed(key, list, f"a list, each {form.words}") or []
        return tuple(self.matching(f"{key}[{at}]", value, form) for at, value in enumerate(values))

    def table(self, key: str, form: Form) -> dict[str, Any]:
        values = self.typed(key, dict, "names with values") or {}
        return {self.matching(key, name, form): value for name, value in values.items()}


def as_text(value: object) -> str:
    """A plain value as the site gets it: `pulumi config set --path` stores 5 and true as a number and a truth value."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def stack_directory() -> Path:
    """Where the stack files of this Pulumi project lie."""
    root = Path(pulumi.get_root_directory() or Path(__file__).parent.parent)
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
