"""A plugin as a process: a gRPC server on loopback, its port on stdout, a quiet end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rehearsal.plugins.protos import grpc

_LARGEST_MESSAGE = 400 * 1024 * 1024
_OPTIONS = [
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ("grpc.so_reuseport", 0),
]
_PARALLEL = 256  # more than the engine ever asks at once: a waiting resource must not hold up another


def serve(add: Callable[[grpc.Server], None]) -> None:
    """Serve until the engine ends this process, or is gone itself."""
    server = grpc.server(ThreadPoolExecutor(max_workers=_PARALLEL), options=_OPTIONS)
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # SIGINT is how the engine ends a plugin; a key press at the terminal does not reach us, plugins are a group apart.
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    print(port, flush=True)
    _end_with_the_engine()
    server.wait_for_termination()


def engine_address() -> str | None:
    """Where the engine listens: it is the last argument of every plugin."""
    last = sys.argv[-1] if len(sys.argv) > 1 else ""
    return last if ":" in last and not last.startswith("-") else None


def _end_with_the_engine() -> None:
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    _leave()


def _leave(*_: Any) -> None:
    # Not sys.exit: threads of gRPC would print tracebacks, which the engine would show as errors of the stack.
    os._exit(0)
