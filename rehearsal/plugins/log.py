"""Lines for the person at the terminal, sent to the engine."""

from __future__ import annotations

import contextlib
from typing import Any

from rehearsal.plugins.protos import engine_pb2, engine_pb2_grpc, grpc


class Log:
    """The engine's log; silent when there is no engine."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._engine: Any = None

    def info(self, urn: str, text: str) -> None:
        """A passing status line beside the resource."""
        self._send(engine_pb2.LogRequest(severity=engine_pb2.INFO, urn=urn, message=text, ephemeral=True))

    def warning(self, urn: str, text: str) -> None:
        """A line that stays among the diagnostics."""
        self._send(engine_pb2.LogRequest(severity=engine_pb2.WARNING, urn=urn, message=text))

    def _send(self, request: Any) -> None:
        if self._address is None:
            return
        if self._engine is None:
            self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
        with contextlib.suppress(grpc.RpcError):  # the engine is on its way out: the line is lost with it
            self._engine.Log(request, timeout=5)
