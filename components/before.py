"""What a stack recorded as its outputs when its last good `up` ended."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output

# StackReference asks the engine the same, but its answer comes after the program has registered its resources, and
# it keeps a copy of every output in the state. This one is known before anything is asked of a cloud.
READ = "pulumi:pulumi:readStackOutputs"
READ_RESOURCES = "pulumi:pulumi:readStackResourceOutputs"
# A file backend that is written at this very moment can be read half: its data whole, what describes it still empty.
HALF_WRITTEN = "failed to load checkpoint"
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)


class Before:
    """This stack as it was recorded before this run: its resources, and the outputs of its last good `up`."""

    def __init__(self) -> None:
        found = read_state(READ, {"name": full_name(pulumi.get_stack())})
        self.outputs: Mapping[str, Any] = found.get("outputs") or {}
        self._secret = frozenset(found.get("secretOutputNames") or [])
        standing = read_state(READ_RESOURCES, {"stackName": full_name(pulumi.get_stack())})
        self.resources: Sequence[Mapping[str, Any]] = list((standing.get("outputs") or {}).values())

    def get(self, output: str) -> Output[Any]:
        """One output as it was recorded, secret where it was; None where nothing is recorded."""
        value = self.outputs.get(output)
        return Output.secret(value) if output in self._secret else Output.from_input(value)


def read_state(question: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """The engine's answer from a stack's recorded state."""
    for pause in PAUSES:
        try:
            return _answer(question, asked)
        except Exception as error:
            if HALF_WRITTEN not in str(error):
                raise
            time.sleep(pause)
    return _answer(question, asked)


def _answer(question: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    return pulumi.runtime.invoke(question, dict(asked)).value or {}


def full_name(stack: str) -> str:
    """A stack of this project as every backend knows it."""
    return f"{pulumi.get_organization() or 'organization'}/{pulumi.get_project()}/{stack}"
