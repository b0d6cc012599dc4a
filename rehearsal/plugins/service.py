"""A stand-in as the engine sees it: the provider protocol over a table of rules and a set of verbs."""

from __future__ import annotations

import threading
from typing import Any

from rehearsal.plugins import answers, check, diff, protocol, refresh, state
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.log import Log
from rehearsal.plugins.protos import Empty, plugin_pb2, provider_pb2, provider_pb2_grpc
from rehearsal.plugins.rules import Resource
from rehearsal.plugins.stand_in import Call, StandIn
from rehearsal.plugins.wire import decode, encode, plain


def serve(stand_in: StandIn) -> None:
    """Offer the stand-in to the engine until it ends this process."""
    protocol.serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(Service(stand_in), server))


class Service(provider_pb2_grpc.ResourceProviderServicer):
    """The provider protocol; every answer comes from the stand-in's table or its verbs."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self._session: Any = None
        self._log = Log(protocol.engine_address())
        self._cancelled = threading.Event()

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Any) -> Any:
        self._log = Log(request.address)
        return Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._stand_in.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        with answers.errors(context):
            raise Refused(
                f"{self._stand_in.name}: this stand-in has no schema: import with --generate-code=false, "
                "or install the official plugin"
            )

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        changes = diff.deltas(plain(decode(request.old_inputs)), plain(decode(request.news)))
        return answers.difference(diff.Difference(changes=changes, properties=(), replaces=(), delete_first=False))

    def Configure(self, request: Any, context: Any) -> Any:
        with answers.errors(context):
            self._session = self._stand_in.configure(plain(decode(request.args)))
        self._cancelled = threading.Event()  # an engine that was attached before may have ended with a cancel
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        with answers.errors(context):
            resource, news, olds = self._resource(request), decode(request.news), decode(request.olds)
            failures = check.failures(resource, news)
            inputs = check.completed(resource, news=news, olds=olds, logical=_logical(request), seed=request.randomSeed)
        if failures:
            return provider_pb2.CheckResponse(inputs=request.news, failures=answers.failures(failures))
        return provider_pb2.CheckResponse(inputs=encode(inputs))

    def Diff(self, request: Any, context: Any) -> Any:
        with answers.errors(context):
            found = diff.difference(
                self._resource(request),
                state=decode(request.olds),
                old_inputs=decode(request.old_inputs),
                inputs=decode(request.news),
            )
        return answers.difference(found)

    def Create(self, request: Any, context: Any) -> Any:
        inputs = decode(request.properties)
        with answers.errors(context):
            resource = self._resource(request)
        if request.preview:
            will = state.previewed(resource, inputs)
            return provider_pb2.CreateResponse(properties=answers.outputs(resource, will, inputs))
        with answers.errors(context, resource=resource, inputs=inputs):
            id, facts = self._verbs(request).create(self._call(request), state.asked(resource, inputs))
        return provider_pb2.CreateResponse(id=id, properties=answers.kept(resource, id, facts, inputs))

    def Read(self, request: Any, context: Any) -> Any:
        held, inputs = decode(request.properties), decode(request.inputs)
        with answers.errors(context):
            resource, read = self._resource(request), self._verbs(request).read
            if read is None:
                return _unread(request)
            found = read(self._call(request), request.id, plain(held))
        if found is None:
            return provider_pb2.ReadResponse()
        now = refresh.refreshed(resource, plain(held), found[1]) | ({"id": found[0]} if resource.id_in_state else {})
        told = refresh.inputs_after_read(resource, inputs, now)
        properties = answers.outputs(resource, now, {**held, **inputs})
        return provider_pb2.ReadResponse(id=found[0], inputs=encode(told), properties=properties)

    def Update(self, request: Any, context: Any) -> Any:
        inputs, held = decode(request.news), plain(decode(request.olds))
        with answers.errors(context):
            resource = self._resource(request)
        if request.preview:
            may_be = state.previewed_update(resource, held, inputs)
            return provider_pb2.UpdateResponse(properties=answers.outputs(resource, may_be, inputs))
        will = {**held, **state.planned(resource, inputs)}
        with answers.errors(context, resource=resource, inputs=inputs):
            update = self._verbs(request).update
            if update is None:
                raise Refused(f"{_type(request)}: cannot be changed in place by this stand-in")
            facts = update(self._call(request), request.id, held, state.asked(resource, inputs))
        will.pop("id", None)
        return provider_pb2.UpdateResponse(properties=answers.kept(resource, request.id, will | facts, inputs))

    def Delete(self, request: Any, context: Any) -> Any:
        with answers.errors(context):
            self._resource(request)
            if delete := self._verbs(request).delete:
                delete(self._call(request), request.id, plain(decode(request.properties)))
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        with answers.errors(context):
            if request.tok not in self._stand_in.functions:
                raise Refused(f"{request.tok}: this stand-in of the {self._stand_in.name} plugin does not know it")
            answer = self._stand_in.functions[request.tok](self._session, plain(decode(request.args)))
        return provider_pb2.InvokeResponse(**{"return": encode(answer)})

    def Cancel(self, request: Any, context: Any) -> Any:
        self._cancelled.set()
        return Empty()

    def _resource(self, request: Any) -> Resource:
        if found := self._stand_in.resources.get(_type(request)):
            return found
        raise Refused(f"{_type(request)}: this stand-in of the {self._stand_in.name} plugin does not know it")

    def _verbs(self, request: Any) -> Any:
        return self._stand_in.verbs[_type(request)]

    def _call(self, request: Any) -> Call:
        return Call(
            session=self._session,
            urn=request.urn,
            name=_logical(request),
            timeout=request.timeout,
            log=self._log,
            cancelled=self._cancelled,
        )


def _type(request: Any) -> str:
    """The type token: the last of the chain of types in the URN."""
    return str(request.type or request.urn.split("::")[2].rsplit("$", 1)[-1])


def _logical(request: Any) -> str:
    return str(request.name or request.urn.rsplit("::", 1)[-1])


def _unread(request: Any) -> Any:
    """A resource that lives in the state alone: reading it changes nothing, and there is nothing to import."""
    if not request.properties.fields:
        raise Refused(f"{_type(request)}: cannot be imported with this stand-in")
    return provider_pb2.ReadResponse(id=request.id, inputs=request.inputs, properties=request.properties)
