"""A stand-in started as the engine starts it, and a small HTTP API for it to talk to."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from rehearsal.plugins.protos import engine_pb2_grpc, grpc, language_pb2_grpc, provider_pb2_grpc
from rehearsal.plugins.wire import Values

BIN = Path(__file__).resolve().parents[3] / "rehearsal" / "plugins" / "bin"
URN = "urn:pulumi:dev::test::slipway:components:Part${token}::{name}"


def urn(token: str, name: str = "it") -> str:
    """The URN of a resource below a component."""
    return URN.format(token=token, name=name).replace("Part", "Part$", 1)


@dataclass
class Plugin:
    """A process that serves a protocol on loopback."""

    process: subprocess.Popen[str]
    channel: Any

    @property
    def provider(self) -> Any:
        """A client of the provider protocol."""
        return provider_pb2_grpc.ResourceProviderStub(self.channel)

    @property
    def language(self) -> Any:
        """A client of the language protocol."""
        return language_pb2_grpc.LanguageRuntimeStub(self.channel)

    def end(self) -> str:
        """End it as the engine does; what it printed on stderr."""
        self.channel.close()
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.communicate(timeout=5)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise


@contextmanager
def started(name: str, *, environment: Mapping[str, str], engine: str = "127.0.0.1:1") -> Iterator[Plugin]:
    """Start a stand-in by its launcher; it must end quietly."""
    process = subprocess.Popen(
        [BIN / f"pulumi-{name}", engine],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    plugin = Plugin(process, grpc.insecure_channel(f"127.0.0.1:{port}"))
    try:
        yield plugin
    finally:
        said = plugin.end()
    assert said == ""


Answer = Callable[[re.Match[str], Any], tuple[int, Any]]


def _in_digitaloceans_words(code: str, message: str) -> Any:
    return {"id": code, "message": message}


@dataclass
class FakeApi:
    """Answers by method and path; remembers every call, and the query of each."""

    token: str = "local-test"
    words: Callable[[str, str], Any] = _in_digitaloceans_words
    queries: list[str] = field(default_factory=list)
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)

    def on(self, method: str, path: str, answer: Answer) -> None:
        """Answer calls whose path matches."""
        self.answers[method, path] = answer

    def tells(self, method: str, path: str, *bodies: Any, status: int = 200) -> None:
        """Answer with these bodies in turn, the last one for good."""
        left = list(bodies)
        self.on(method, path, lambda match, body: (status, left.pop(0) if len(left) > 1 else left[0]))

    def __call__(self, environ: Any, start: Any) -> Any:
        """The WSGI application."""
        request = Request(environ)
        body = json.loads(request.get_data()) if request.get_data() else None
        self.calls.append((request.method, request.path, body))
        self.queries.append(request.query_string.decode())
        status, told = self._answer(request, body)
        text = "" if told is None else json.dumps(told)
        return Response(text, status=status, mimetype="application/json")(environ, start)

    def _answer(self, request: Request, body: Any) -> tuple[int, Any]:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, self.words("unauthorized", "Unable to authenticate you")
        for (method, path), answer in self.answers.items():
            if method == request.method and (match := re.fullmatch(path, request.path)):
                return answer(match, body)
        return 404, self.words("not_found", "The resource you requested could not be found.")


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None: ...


@contextmanager
def served(api: FakeApi) -> Iterator[str]:
    """The API on loopback: its URL."""
    server = make_server("127.0.0.1", 0, api, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class EngineLog(engine_pb2_grpc.EngineServicer):
    """An engine that only listens to log lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def Log(self, request: Any, context: Any) -> Any:
        """Keep the line."""
        from rehearsal.plugins.protos import Empty

        self.lines.append(request.message)
        return Empty()


@contextmanager
def listening() -> Iterator[tuple[EngineLog, str]]:
    """An engine's log and its address."""
    from concurrent.futures import ThreadPoolExecutor

    log = EngineLog()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    engine_pb2_grpc.add_EngineServicer_to_server(log, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield log, f"127.0.0.1:{port}"
    server.stop(0).wait()


def message(error: Any) -> str:
    """What the engine would show of a gRPC error."""
    return str(error.value.details())


def values(pairs: Values) -> Any:
    """A struct."""
    from rehearsal.plugins.wire import encode

    return encode(pairs)
