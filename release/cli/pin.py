"""Values put into a stack file's text: only their own lines change, whatever else a person wrote there."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.cli.project import Project, shown
from release.cli.refusal import Refusal

__all__ = ["Edit", "pinned"]

YAML_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")


@dataclass(frozen=True)
class Edit:
    """A change of a stack file that is not written yet."""

    file: Path
    before: str
    after: str

    @classmethod
    def of(cls, project: Project, stack: str, values: Mapping[str, Any]) -> Edit:
        """These keys set, or gone where None; a file that cannot be edited so is refused."""
        file = project.stack_file(stack)
        with file.open(encoding="utf-8", newline="") as opened:
            before = opened.read()
        return cls(file, before, pinned(before, values=values, project=project.name, where=shown(file)))

    @property
    def changes(self) -> bool:
        return self.after != self.before

    def write(self) -> None:
        replace_file(self.file, self.after)


def pinned(text: str, *, values: Mapping[str, Any], project: str, where: str) -> str:
    """The text with these keys set, or gone where None; a key written with the project's namespace stays written so."""
    expected = _loaded(text, where=where)
    after = "project"
    for key, value in values.items():
        config = expected.get("config") or {}
        written = _written_as(key, config=config, project=project, where=where)
        if value is None:
            expected["config"] = {name: each for name, each in config.items() if name != written}
            text = _without(text, key=written) if written in config else text
            continue
        expected["config"] = {**config, written: value}
        text = _set(text, key=written, value=_flow(value), after=after)
        after = written
    if _loaded(text, where=where) != expected:
        raise Refusal(f"{where}: is written in a way slipway cannot edit, set {dict(values)} by hand")
    return text


def replace_file(path: Path, text: str) -> None:
    """Put the whole text in place in one step, with the file's own mode."""
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with open(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(name, target.stat().st_mode & 0o7777)
    os.replace(name, target)


def _written_as(key: str, *, config: Mapping[str, Any], project: str, where: str) -> str:
    forms = [form for form in (key, f"{project}:{key}") if form in config]
    if len(forms) > 1:
        raise Refusal(f"{where}: {key}: is there twice (as {' and '.join(forms)}), remove one")
    return forms[0] if forms else key


def _flow(value: Any) -> str:
    """As it is written on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value) if isinstance(value, str) else str(value)


def _set(text: str, *, key: str, value: str, after: str) -> str:
    """One key set, by the places the YAML parser gives."""
    entries, config = _entries(text)
    if key in entries:
        start, node = entries[key]
        if not isinstance(node.value, str) or not node.value:
            stop = start.end_mark.index + 1 if node.value == "" else _end(node)  # nothing stands at the next key
            return f"{text[: start.end_mark.index]}: {value}{text[stop:]}"
        return text[: node.start_mark.index] + value + text[node.end_mark.index :]
    if config is None:
        lines = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{lines}config:\n  {key}: {value}\n"
    if not entries:
        before, behind = text[: config.start_mark.index], text[config.end_mark.index :]
        first = f"  {key}: {value}"
        return f"{before}{first}\n{behind}" if before.endswith("\n") else f"{before.rstrip()}\n{first}{behind}"
    if config.flow_style:
        end = config.end_mark.index - 1
        return f"{text[:end]}, {key}: {value}{text[end:]}"
    neighbour = entries.get(after) or list(entries.values())[-1]
    return _below(text, neighbour[1], line=f"{' ' * neighbour[0].start_mark.column}{key}: {value}")


def _scalar(value: str) -> str:
    """The value as YAML reads it back: plain where that is safe."""
    plain = re.fullmatch(r"[A-Za-z][\w./-]*", value) and value.lower() not in YAML_WORDS
    return value if plain else json.dumps(value, ensure_ascii=False)


def _without(text: str, *, key: str) -> str:
    """The text without the line of one key; a key that shares its line is left, and refused by who compares."""
    entries, config = _entries(text)
    name, value = entries[key]
    if config.flow_style:
        return text
    start = text.rfind("\n", 0, name.start_mark.index) + 1
    end = text.find("\n", _end(value))
    return text[:start] + (text[end + 1 :] if end >= 0 else "")


def _below(text: str, node: Any, *, line: str) -> str:
    """A line of its own under the last line of a value, past the comment that stands beside it."""
    newline = "\r\n" if "\r\n" in text else "\n"
    end = _end(node)
    if text[:end].endswith("\n"):  # a block of text ends with its line
        return f"{text[:end]}{line}{newline}{text[end:]}"
    stop = text.find("\n", end)
    if stop < 0:
        return f"{text}{newline}{line}{newline}"
    return f"{text[: stop + 1]}{line}{newline}{text[stop + 1 :]}"


def _end(node: Any) -> int:
    """Where a value's own text ends; the parser puts a block's end at the next key, past its comments."""
    while isinstance(node.value, list) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _entries(text: str) -> tuple[dict[str, tuple[Any, Any]], Any]:
    """The nodes of `config`, by key, and of the mapping itself, None when there is none."""
    from ruamel.yaml import YAML

    root = YAML(pure=True).compose(text)
    config = next((value for key, value in root.value if key.value == "config"), None) if root else None
    pairs = config.value if config is not None and isinstance(config.value, list) else []
    return {key.value: (key, value) for key, value in pairs}, config


def _loaded(text: str, *, where: str) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        loaded = YAML(typ="safe", pure=True).load(text) or {}
    except YAMLError as error:
        raise Refusal(f"{where}: is not YAML ({' '.join(str(error).split())}), correct it first") from None
    if not isinstance(loaded, dict) or not isinstance(loaded.get("config") or {}, dict):
        raise Refusal(f"{where}: config: should be a mapping of settings, correct it first")
    return {**loaded, "config": loaded.get("config") or {}}
