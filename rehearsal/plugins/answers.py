"""Answers to the engine: differences, states with their secrets, and refusals as gRPC errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rehearsal.plugins import state
from rehearsal.plugins.diff import Difference
from rehearsal.plugins.protos import AnyMessage, grpc, provider_pb2, status_pb2
from rehearsal.plugins.rules import Resource
from rehearsal.plugins.stand_in import HalfDone
from rehearsal.plugins.wire import Values, encode


def difference(found: Difference) -> Any:
    """A `DiffResponse`."""
    kinds, changed = provider_pb2.PropertyDiff.Kind, provider_pb2.DiffResponse
    detail = {
        path: provider_pb2.PropertyDiff(kind=kinds.Value(f"{kind}_REPLACE" if _replaced(path, found) else kind))
        for path, kind in found.changes.items()
    }
    return provider_pb2.DiffResponse(
        changes=changed.DIFF_SOME if detail else changed.DIFF_NONE,
        diffs=found.properties,
        replaces=found.replaces,
        deleteBeforeReplace=found.delete_first,
        detailedDiff=detail,
        hasDetailedDiff=True,
    )


def outputs(resource: Resource, values: Values, inputs: Values) -> Any:
    """A state as a struct, secrets marked."""
    return encode(state.covered(resource, values, inputs))


def kept(resource: Resource, id: str, facts: Values, inputs: Values) -> Any:
    """The state after a create or an update: the planned form of the inputs, the cloud's facts over it, the id."""
    values = {**state.planned(resource, inputs), **facts}
    if resource.framework != "sdk-v2":  # only that one tells what is not set as null
        values = {name: value for name, value in values.items() if value is not None}
    return outputs(resource, {**values, "id": id} if resource.id_in_state else values, inputs)


def failures(found: Mapping[str, str]) -> list[Any]:
    """The rows of a `CheckResponse`."""
    return [
        provider_pb2.CheckFailure(property=at, reason=f"{at}: {reason}" if at else reason)
        for at, reason in found.items()
    ]


@contextmanager
def errors(context: Any, *, resource: Resource | None = None, inputs: Values | None = None) -> Iterator[None]:
    """Whatever the body raises becomes the gRPC error that the engine shows."""
    try:
        yield
    except HalfDone as half:
        assert resource is not None
        context.abort_with_status(_half_done(half, kept(resource, half.id, half.facts, inputs or {}), inputs or {}))
    except Exception as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error) or type(error).__name__)


class _Status(grpc.Status):  # type: ignore[misc]  # grpc is untyped
    def __init__(self, details: str, packed: bytes) -> None:
        self.code = grpc.StatusCode.UNKNOWN
        self.details = details
        self.trailing_metadata = (("grpc-status-details-bin", packed),)


def _half_done(half: HalfDone, properties: Any, inputs: Values) -> _Status:
    detail = AnyMessage()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=half.id, properties=properties, inputs=encode(inputs), reasons=[str(half)]
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(half), details=[detail])
    return _Status(str(half), status.SerializeToString())


def _replaced(path: str, found: Difference) -> bool:
    return any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in found.replaces)
