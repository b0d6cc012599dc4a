"""Property values as they travel between engine and plugin: structs, secrets, values not known yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from rehearsal.plugins.protos import Struct, Value

Values = dict[str, Any]

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class _Unknown(Enum):
    """The one value that stands for a value that only the cloud will tell."""

    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts in its state."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(***)"


def decode(struct: Struct) -> Values:
    """A struct from the engine as Python values, with `Secret` and `UNKNOWN` in their places."""
    return {name: _decode(value) for name, value in struct.fields.items()}


def encode(values: Mapping[str, Any]) -> Struct:
    """Python values as a struct for the engine."""
    return Struct(fields={name: _encode(value) for name, value in values.items()})


def plain(value: Any) -> Any:
    """The value with every secret opened."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {name: plain(child) for name, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    return value


def has_secret(value: Any) -> bool:
    """Whether something in the value is secret."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, Mapping):
        return any(has_secret(child) for child in value.values())
    return isinstance(value, list) and any(has_secret(child) for child in value)


def _decode(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _decode_object(value.struct_value)
    if kind == "list_value":
        return [_decode(child) for child in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value == _UNKNOWN else value.string_value
    return value.bool_value if kind == "bool_value" else None


def _decode_object(struct: Struct) -> Any:
    members = decode(struct)
    return Secret(members.get("value")) if members.get(_SIGNATURE) == _SECRET else members


def _encode(value: Any) -> Value:
    if value is None:
        return Value(null_value=0)  # NULL_VALUE
    if value is UNKNOWN:
        return Value(string_value=_UNKNOWN)
    if isinstance(value, Secret):
        return Value(struct_value=encode({_SIGNATURE: _SECRET, "value": value.value}))
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, int | float):
        return Value(number_value=value)
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, Mapping):
        return Value(struct_value=encode(value))
    encoded = Value()
    encoded.list_value.values.extend(_encode(child) for child in value)
    return encoded
