"""Commands over the wire, with an engine that listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.plugins.protos import grpc, provider_pb2
from rehearsal.plugins.shell import quoted
from rehearsal.plugins.wire import UNKNOWN, Secret, Values, decode
from tests.rehearsal.plugins.plugin import EngineLog, listening, message, started, urn, values

LOCAL, REMOTE = "command:local:Command", "command:remote:Command"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGrbNulCZK3JF96ubNBBF46ZE690lGnzU8wD5wNNSzc1"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stand-in puts what is not to stay: its own, for others may be dialling meanwhile."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def serving(scratch: Path) -> Iterator[tuple[Any, EngineLog]]:
    """A configured stand-in, and what its engine hears."""
    place = {"A": "kept", "TMPDIR": str(scratch)}
    with listening() as (log, address), started("resource-command", environment=place, engine=address) as it:
        it.provider.Configure(provider_pb2.ConfigureRequest(args=values({})))
        yield it.provider, log


@pytest.fixture
def provider(serving: tuple[Any, EngineLog]) -> Any:
    """The stand-in."""
    return serving[0]


@pytest.fixture
def log(serving: tuple[Any, EngineLog]) -> EngineLog:
    """The engine's log, empty."""
    serving[1].lines.clear()
    return serving[1]


def _create(provider: Any, token: str = LOCAL, timeout: float = 0, **inputs: Any) -> tuple[str, Values]:
    request = provider_pb2.CreateRequest(urn=urn(token), properties=values(inputs), timeout=timeout)
    made = provider.Create(request)
    return made.id, decode(made.properties)


def _update(provider: Any, state: Values, **inputs: Any) -> Values:
    request = provider_pb2.UpdateRequest(id="it1", urn=urn(LOCAL), olds=values(state), news=values(inputs))
    return decode(provider.Update(request).properties)


def test_outputs_lose_one_newline_and_know_the_callers_environment(provider: Any) -> None:
    id, state = _create(provider, create="cat; echo $A $B; echo; echo e >&2", stdin="in\n", environment={"B": "b b"})
    assert (state["stdout"], state["stderr"]) == ("in\nkept b b\n", "e")
    assert id.startswith("it")
    assert len(id) == len("it") + 8


def test_a_failure_reads_as_the_official_one(provider: Any) -> None:
    with pytest.raises(grpc.RpcError) as error:
        _create(provider, create='echo "one"; exit 3')
    assert message(error) == 'exit status 3: running "echo \\"one\\"; exit 3":\none\n'


def test_a_program_that_does_not_read_its_stdin_is_no_failure(provider: Any) -> None:
    assert _create(provider, create="echo done", stdin="x" * 1_000_000)[1]["stdout"] == "done"


def test_logs_what_is_asked_for(provider: Any, log: EngineLog) -> None:
    for logging in ("stdout", "stderr", "none", "stdoutAndStderr"):
        _create(provider, create=f"echo out-{logging}; echo err-{logging} >&2", logging=logging)
    assert sorted(log.lines) == ["err-stderr", "err-stdoutAndStderr", "out-stdout", "out-stdoutAndStderr"]


def test_an_update_runs_update_or_create_again_and_hears_the_last_output(provider: Any) -> None:
    before = {"create": "echo 1", "stdout": "last", "stderr": ""}
    assert _update(provider, before, create="echo again")["stdout"] == "again"
    assert _update(provider, before, create="echo 1", update="echo $PULUMI_COMMAND_STDOUT")["stdout"] == "last"
    silent = _update(provider, before, create="echo [$PULUMI_COMMAND_STDOUT]", addPreviousOutputInEnv=False)
    assert silent["stdout"] == "[]"
    assert _update(provider, before)["stdout"] == "last"


def _previewed(provider: Any, held: Values, **inputs: Any) -> Values:
    request = provider_pb2.UpdateRequest(id="it1", urn=urn(LOCAL), olds=values(held), news=values(inputs), preview=True)
    return decode(provider.Update(request).properties)


def test_in_a_preview_the_output_is_unknown_once_an_input_changes(provider: Any) -> None:
    held = {"create": "echo 1", "stdin": Secret("a"), "stdout": "1", "stderr": ""}
    assert _previewed(provider, held, create="echo 1", stdin=Secret("b"))["stdout"] is UNKNOWN
    assert _previewed(provider, held, create="echo 1")["stdout"] is UNKNOWN  # stdin taken out
    assert _previewed(provider, held, create=UNKNOWN, stdin=Secret("a"))["stdout"] is UNKNOWN
    assert _previewed(provider, held, create="echo 1", stdin=Secret("a"))["stdout"] == "1"
    # as the official plugin: an input the state has never had changes nothing yet
    assert _previewed(provider, held, create="echo 1", stdin=Secret("a"), triggers=["1"])["stdout"] == "1"


def test_delete_runs_delete_in_its_directory(provider: Any, tmp_path: Path) -> None:
    state = {"create": "true", "delete": "pwd > gone", "dir": str(tmp_path), "stdout": "", "stderr": ""}
    provider.Delete(provider_pb2.DeleteRequest(id="it1", urn=urn(LOCAL), properties=values(state)))
    assert (tmp_path / "gone").read_text().strip() == str(tmp_path)


def test_delete_gets_the_inputs_and_the_output_that_the_state_holds(provider: Any, tmp_path: Path) -> None:
    state = {
        "delete": f"echo $WHOSE $(cat) $PULUMI_COMMAND_STDOUT > {tmp_path}/gone",
        "stdin": Secret("from the state"),
        "environment": {"WHOSE": "old"},
        "stdout": "last",
        "stderr": "",
    }
    provider.Delete(provider_pb2.DeleteRequest(id="it1", urn=urn(LOCAL), properties=values(state)))
    assert (tmp_path / "gone").read_text() == "old from the state last\n"


def test_a_delete_that_fails_is_told_and_an_update_hears_stdin_and_environment(provider: Any) -> None:
    state = {"create": "true", "delete": "echo held; exit 5", "stdout": "", "stderr": ""}
    with pytest.raises(grpc.RpcError) as error:
        provider.Delete(provider_pb2.DeleteRequest(id="it1", urn=urn(LOCAL), properties=values(state)))
    assert message(error) == 'exit status 5: running "echo held; exit 5":\nheld\n'
    made = _update(provider, state, create="true", update="echo $A $(cat)", stdin="in", environment={"A": "new"})
    assert made["stdout"] == "new in"


def test_triggers_are_an_update_for_the_plugin(provider: Any) -> None:
    old, new = {"create": "true", "triggers": ["1"]}, {"create": "true", "triggers": ["2"]}
    request = provider_pb2.DiffRequest(
        urn=urn(LOCAL), olds=values({**old, "stdout": ""}), old_inputs=values(old), news=values(new)
    )
    answer = provider.Diff(request)
    assert (list(answer.replaces), list(answer.detailedDiff)) == ([], ["triggers[0]"])


def test_files_as_outputs_are_refused_by_name(provider: Any) -> None:
    request = provider_pb2.CheckRequest(urn=urn(LOCAL), news=values({"create": "true", "assetPaths": ["*"]}))
    assert [failure.property for failure in provider.Check(request).failures] == ["assetPaths"]


def test_dials_nothing_outside(provider: Any) -> None:
    with pytest.raises(grpc.RpcError) as error:
        _create(provider, REMOTE, create="true", connection=_connection(host="192.0.2.9"))
    assert message(error).startswith("connection.host: should lie in the rehearsal (got 192.0.2.9")


def test_dials_as_often_as_it_is_told_and_leaves_no_key(provider: Any, log: EngineLog, scratch: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, not listening: refused at once
        port = closed.getsockname()[1]
        with pytest.raises(grpc.RpcError) as error:
            _create(provider, REMOTE, create="true", connection=_connection(port=port, dialErrorLimit=2))
    assert message(error).startswith("after 2 failed attempts: ")
    assert log.lines == ["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying"]
    assert list(scratch.iterdir()) == []


def test_a_timeout_ends_endless_dialling(provider: Any) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        connection = _connection(port=closed.getsockname()[1], dialErrorLimit=-1)
        with pytest.raises(grpc.RpcError) as error:
            _create(provider, REMOTE, timeout=0.5, create="true", connection=connection)
    assert "timed out, the last attempt: " in message(error)


@pytest.mark.parametrize(("text", "expected"), [('a"b\\', '"a\\"b\\\\"'), ("é\n\x01", '"é\\n\\u0001"')])
def test_quotes_as_go_does(text: str, expected: str) -> None:
    assert quoted(text) == expected


def _connection(**own: Any) -> Secret:
    told = {"host": "127.0.0.1", "user": "deploy", "port": 22, "dialErrorLimit": 0, "perDialTimeout": 2}
    return Secret({**told, "privateKey": Secret("no key"), "hostKey": HOST_KEY, **own})
