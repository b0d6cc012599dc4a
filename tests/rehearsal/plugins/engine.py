"""An engine without a state: it asks a stand-in as the real one does, in the same process or over the wire."""

from __future__ import annotations

from typing import Any

from rehearsal.plugins.protos import provider_pb2
from rehearsal.plugins.service import Service
from rehearsal.plugins.stand_in import StandIn
from rehearsal.plugins.wire import decode, plain
from tests.rehearsal.plugins.plugin import urn, values

Made = tuple[str, str, dict[str, Any]]


class Aborted(Exception):
    """What the engine would show of a call that failed."""

    def __init__(self, text: str, metadata: Any = ()) -> None:
        super().__init__(text)
        self.metadata = dict(metadata)


class _Context:
    def abort(self, code: Any, details: str) -> None:
        raise Aborted(details)

    def abort_with_status(self, status: Any) -> None:
        raise Aborted(status.details, status.trailing_metadata)


class InProcess:
    """A stand-in as a client of the protocol sees it, without a process and without a wire."""

    def __init__(self, stand_in: StandIn) -> None:
        self._service = Service(stand_in)

    def __getattr__(self, name: str) -> Any:
        return lambda request: getattr(self._service, name)(request, _Context())


class Engine:
    """Asks the stand-in as the engine does, without keeping a state."""

    def __init__(self, provider: Any, plugin: str) -> None:
        self._provider, self._plugin = provider, plugin
        self.made: list[Made] = []

    def token(self, name: str) -> str:
        """Give the token of a resource type."""
        return f"{self._plugin}:index/{name[0].lower()}{name[1:]}:{name}"

    def create(self, kind: str, /, **inputs: Any) -> Any:
        """Check and create; read at once, which has to find nothing changed."""
        type = self.token(kind)
        checked = self.checked(kind, inputs)
        answer = self._provider.Create(provider_pb2.CreateRequest(urn=urn(type), properties=values(checked)))
        state = plain(decode(answer.properties))
        self.made.append((type, answer.id, state))
        found = self.read(kind, answer.id, state, checked)
        assert found is not None
        changes = self.difference(kind, found, checked)
        assert changes == [], (changes, found)
        return {**state, "id": answer.id}

    def checked(self, kind: str, inputs: dict[str, Any], olds: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check; nothing may be wrong with the inputs."""
        request = provider_pb2.CheckRequest(
            urn=urn(self.token(kind)), news=values(inputs), olds=values(olds or {}), randomSeed=b"seed"
        )
        answer = self._provider.Check(request)
        assert not answer.failures, answer.failures
        return decode(answer.inputs)

    def difference(self, kind: str, state: dict[str, Any], inputs: dict[str, Any]) -> list[str]:
        """Give the properties that would change."""
        request = provider_pb2.DiffRequest(urn=urn(self.token(kind)), olds=values(state), news=values(inputs))
        return list(self._provider.Diff(request).diffs)

    def read(self, kind: str, id: str, state: Any = None, inputs: Any = None) -> dict[str, Any] | None:
        """Refresh, or import where nothing is known; None when it is gone."""
        answer = self._provider.Read(
            provider_pb2.ReadRequest(
                id=id, urn=urn(self.token(kind)), properties=values(state or {}), inputs=values(inputs or {})
            )
        )
        return plain(decode(answer.properties)) if answer.id else None

    def update(self, kind: str, /, **inputs: Any) -> Any:
        """Change the first one of its type."""
        number = next(n for n, (type, _, _) in enumerate(self.made) if type == self.token(kind))
        type, id, state = self.made[number]
        news = values(self.checked(kind, inputs))
        request = provider_pb2.UpdateRequest(id=id, urn=urn(type), olds=values(state), news=news)
        self.made[number] = (type, id, plain(decode(self._provider.Update(request).properties)))
        return self.made[number][2]

    def invoke(self, function: str, **asked: Any) -> Any:
        """Call a function."""
        request = provider_pb2.InvokeRequest(tok=f"{self._plugin}:index/{function}:{function}", args=values(asked))
        return plain(decode(getattr(self._provider.Invoke(request), "return")))

    def delete(self, kind: str, id: str, state: dict[str, Any]) -> None:
        """Delete one."""
        request = provider_pb2.DeleteRequest(id=id, urn=urn(self.token(kind)), properties=values(state))
        self._provider.Delete(request)

    def delete_all(self) -> None:
        """Delete everything, the last first."""
        while self.made:
            type, id, state = self.made.pop()
            self._provider.Delete(provider_pb2.DeleteRequest(id=id, urn=urn(type), properties=values(state)))
