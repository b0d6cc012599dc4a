"""Stand-in for pulumi-resource-command: commands on this computer and, over SSH, on the rehearsal's machines."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial

from rehearsal.plugins import names
from rehearsal.plugins.guard import Refused
from rehearsal.plugins.rules import Input, Resource
from rehearsal.plugins.service import serve
from rehearsal.plugins.stand_in import Call, StandIn, Verbs
from rehearsal.plugins.wire import Values

_LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")

Run = Callable[[Call, str, Values, Values], Values]  # (call, command, properties, outputs before) -> outputs


def _known_logging(values: Values) -> str | None:
    chosen = values.get("logging")
    if isinstance(chosen, str) and chosen not in _LOGGING:
        return f"logging: should be one of {', '.join(_LOGGING)} (got {chosen!r})"
    return None


_ENDPOINT = {
    "host": Input(required=True),
    "user": Input(default="root"),
    "port": Input(kind="number", default=22),
    "privateKey": Input(secret=True),
    "privateKeyPassword": Input(secret=True),
    "password": Input(secret=True),
    "hostKey": Input(),
    "agentSocketPath": Input(),
    "dialErrorLimit": Input(kind="integer", default=10),
    "perDialTimeout": Input(kind="integer", default=15),
}

_SHARED = {
    "create": Input(),
    "update": Input(),
    "delete": Input(),
    "stdin": Input(),
    "environment": Input(kind="map"),
    "triggers": Input(kind="list"),
    "logging": Input(),
    "addPreviousOutputInEnv": Input(kind="flag"),
}


def _resource(**own: Input) -> Resource:
    return Resource(
        framework="native",
        inputs={**_SHARED, **own},
        outputs=("stderr", "stdout"),
        id_in_state=False,
        checks=(_known_logging,),
    )


LOCAL, REMOTE = "command:local:Command", "command:remote:Command"

RESOURCES: Mapping[str, Resource] = {
    LOCAL: _resource(dir=Input(), interpreter=Input(kind="list")),
    REMOTE: _resource(connection=Input(kind="block", required=True, secret=True, fields=_ENDPOINT)),
}


def previous_output(properties: Values, before: Values) -> dict[str, str]:
    """What the command printed last time, for its environment."""
    if properties.get("addPreviousOutputInEnv") is False:
        return {}
    pairs = {"PULUMI_COMMAND_STDOUT": before.get("stdout"), "PULUMI_COMMAND_STDERR": before.get("stderr")}
    return {name: str(value) for name, value in pairs.items() if value}


def _create(run: Run, call: Call, asked: Values) -> tuple[str, Values]:
    outputs = {"stdout": "", "stderr": ""}
    if "create" in asked:
        outputs = run(call, asked["create"], asked, {})
    return f"{call.name}{names.unique()}", outputs


def _update(run: Run, call: Call, id: str, state: Values, asked: Values) -> Values:
    before = {name: state.get(name, "") for name in ("stdout", "stderr")}
    command = asked.get("update", asked.get("create"))
    # Native providers answer the new inputs alone: what the program took out leaves the state.
    gone = dict.fromkeys(name for name in state if name not in asked and name not in before)
    return gone | (before if command is None else run(call, command, asked, before))


def _delete(run: Run, call: Call, id: str, state: Values) -> None:
    if state.get("delete") is not None:
        run(call, state["delete"], state, state)


def _local(call: Call, command: str, properties: Values, before: Values) -> Values:
    from rehearsal.plugins.shell import run

    return run(
        call,
        command,
        argv=[*(properties.get("interpreter") or ["/bin/sh", "-c"]), command],
        directory=properties.get("dir"),
        environment={**os.environ, **(properties.get("environment") or {}), **previous_output(properties, before)},
        stdin=properties.get("stdin"),
        logging=properties.get("logging"),
        died="exit status {}",
    )


def _remote(call: Call, command: str, properties: Values, before: Values) -> Values:
    from rehearsal.plugins.ssh import connected

    if "proxy" in properties["connection"]:
        raise Refused("connection.proxy: this stand-in dials machines directly")
    with connected(call, properties["connection"]) as session:
        return session.run(
            command,
            environment=properties.get("environment") or {},
            previous=previous_output(properties, before),
            stdin=properties.get("stdin"),
            logging=properties.get("logging"),
        )


def _verbs(run: Run) -> Verbs:
    return Verbs(create=partial(_create, run), update=partial(_update, run), delete=partial(_delete, run))


VERBS: Mapping[str, Verbs] = {LOCAL: _verbs(_local), REMOTE: _verbs(_remote)}


def main() -> None:
    """Serve the engine."""
    serve(StandIn(name="command", resources=RESOURCES, verbs=VERBS))


if __name__ == "__main__":
    main()
