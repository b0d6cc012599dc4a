"""What only the stack file's own text shows, and the engine's merged configuration no longer does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from settings.stack_file import KEYS, SECRET, as_text, complaint, meant, stack_directory

# What the engine itself keeps in a stack file.
TOP = ("config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt")


def check_file(stack: str, project: str, mapping: Mapping[str, Any]) -> None:
    """Refuse what stands in the file of this stack and reaches the program as something else, or not at all."""
    path = stack_directory() / f"Pulumi.{stack}.yaml"
    if not path.exists() or "PULUMI_CONFIG" not in os.environ:
        return
    text = path.read_text()
    written = yaml.safe_load(text) or {}
    _refuse_misplaced(stack, written)
    check_written(stack, project, written.get("config") or {})
    _refuse_misread(stack, text, mapping.get("env"))


def check_written(stack: str, project: str, written: Mapping[str, Any]) -> None:
    """Refuse a key in two forms, a key of no provider's, a secret in plain text, a value encrypted elsewhere."""
    for key in KEYS:
        if key in written and f"{project}:{key}" in written:
            raise complaint(stack, key, f"stands twice, as {key} and as {project}:{key}, keep one of the two")
    for key in written:
        space, _, name = str(key).rpartition(":")
        if space not in ("", project) and name in KEYS:
            raise complaint(stack, key, f"should stand without a namespace, write {name}")
    for key in sorted(KEYS.keys() - {"secrets"}):
        _check_encryption(stack, key, written.get(key, written.get(f"{project}:{key}")))
    _refuse_plain_secrets(stack, written.get("secrets", written.get(f"{project}:secrets")))


def _check_encryption(stack: str, key: str, value: object) -> None:
    if key in SECRET:
        if value and not _encrypted(value):
            raise complaint(stack, key, f"is in plain text, run pulumi config set --secret {key}")
    elif _encrypted(value):
        rule = "is encrypted, but only values under secrets may be: move it there or write it in plain"
        raise complaint(stack, key, rule)


def _refuse_misplaced(stack: str, written: Mapping[str, Any]) -> None:
    for key in written:
        if key in KEYS:
            raise complaint(stack, key, "should stand below config:, indented by two spaces")
        if key not in TOP:
            raise complaint(
                stack, "unknown key", f"{key}{meant(str(key), TOP, otherwise=', settings stand below config:')}"
            )


def _refuse_plain_secrets(stack: str, secrets: object) -> None:
    if not isinstance(secrets, dict) or set(secrets) == {"secure"}:
        return
    for name, value in secrets.items():
        if not _encrypted(value):
            way_out = f"run pulumi config set --secret --path secrets.{name}"
            raise complaint(stack, f"secrets.{name}", f"is in plain text, {way_out}")


def _refuse_misread(stack: str, text: str, env: object) -> None:
    """0123, 1.10, True and 2026-01-01 without quotes are a number, a truth value and a date, and become other texts."""
    for name, raw in _plain(yaml.compose(text), "config", "env"):
        read = env.get(name) if isinstance(env, dict) else None
        if read is None or raw == as_text(read) or (isinstance(read, str) and not read.startswith(raw)):
            continue
        rule = f"should stand in quotes (got {raw}, which YAML reads as {as_text(read)}), write {raw!r}"
        raise complaint(stack, f"env.{name}", rule)


def _plain(node: yaml.Node | None, *path: str) -> Iterator[tuple[str, str]]:
    """The values without quotes below a path of keys, as they are spelt."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if path and key.value.rpartition(":")[2] == path[0]:
            yield from _plain(value, *path[1:])
        elif not path and isinstance(value, yaml.ScalarNode) and value.style is None:
            yield key.value, value.value


def _encrypted(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return set(value) == {"secure"} or any(_encrypted(child) for child in value.values())
