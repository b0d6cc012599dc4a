"""The engine's gRPC messages, without the SDK around them: `import pulumi` alone would triple the start of a plugin."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType


def _bare(name: str, place: str) -> None:
    """Put an empty package in `name`'s place, so that what lies below it imports without running its `__init__`."""
    package = ModuleType(name)
    package.__path__ = [place]
    sys.modules[name] = package


_bared = "pulumi" not in sys.modules
if _bared:
    _found = find_spec("pulumi")
    if _found is None or not _found.submodule_search_locations:
        raise ImportError("the package pulumi is not installed beside the stand-ins: run make setup")
    _bare("pulumi", _found.submodule_search_locations[0])
    _bare("pulumi.runtime", f"{_found.submodule_search_locations[0]}/runtime")

import grpc  # type: ignore[import-untyped]  # noqa: E402
from google.protobuf.any_pb2 import Any as AnyMessage  # type: ignore[import-untyped]  # noqa: E402
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]  # noqa: E402
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # noqa: E402
from google.protobuf.struct_pb2 import Struct, Value  # type: ignore[import-untyped]  # noqa: E402
from pulumi.runtime.proto import (  # noqa: E402
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

if _bared:  # whoever imports the SDK in this process later (a test does) gets the real one
    del sys.modules["pulumi"], sys.modules["pulumi.runtime"]

__all__ = [
    "AnyMessage",
    "Empty",
    "MessageToDict",
    "Struct",
    "Value",
    "engine_pb2",
    "engine_pb2_grpc",
    "grpc",
    "language_pb2",
    "language_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "status_pb2",
]
