"""Stories of a release: the driver as a program, servers behind a stand-in for ssh."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from release.driver.release_id import release_id
from tests.release.driver.world import KEY, World

pytestmark = pytest.mark.whole

SECRETS = ("sk-very-secret", "django-secret-key", "database-password", "admin-password", "bucket-secret", "login-key")


def wanted(world: World) -> str:
    return release_id(world.artifact, world.document())


def until(path: Path, text: str, *, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < end, f"{path} never said {text}"
        time.sleep(0.02)


def test_a_release_is_confirmed_and_committed(world: World) -> None:
    world.server(serves="old", need=[], migrated=["gallery.0002_x"], notes=["a note"])
    answer = world.release().answer
    assert answer["artifact"] == world.artifact
    assert answer["release"] == wanted(world) == world.serves()
    assert answer["site"] == "https://staging.example.org"
    assert answer["servers"] == {"web-1": "green"}
    assert answer["migrated"] == ["gallery.0002_x"]
    assert answer["notes"] == ["a note"]
    assert {"upload", "connect", "fetch", "migrate", "gate", "confirm", "commit", "drain"} <= set(answer["phases"])
    assert [message.get("go") for message in world.heard()[2:]] == ["flip", "commit"]


def test_the_agent_is_told_what_to_run_and_no_key_that_is_not_its_own(world: World) -> None:
    world.server()
    world.release(source={**world.bucket, "secret_key": "source-secret"})
    document = world.heard()[0]
    assert not {"servers", "login_key", "bucket", "source"} & set(document)
    assert "source-secret" not in json.dumps(document)
    assert document["manifest"]["format"] == 1
    assert document["lead"] is True
    assert document["release"] == wanted(world)
    assert document["limits"]["gate"] == 5
    assert document["secrets"] == {"API_KEY": "sk-very-secret"}


def test_layers_the_agent_lacks_are_given_as_presigned_urls(world: World) -> None:
    manifest = json.loads((world.root / "cache/manifests" / f"{world.artifact}.json").read_text())
    code = manifest["layers"]["code"]
    world.server(need=[code])
    world.release()
    url = world.heard()[1]["pieces"][code][0]["url"]
    assert f"layers/{code}.tar.zst" in url
    assert "X-Amz-Expires=900" in url
    assert "bucket-secret" not in url


def test_ssh_is_pinned_and_takes_nothing_from_the_caller(world: World) -> None:
    world.server()
    world.release()
    (call,) = world.calls()
    argv = call["argv"]
    assert argv[:2] == ["-F", "none"]
    assert argv[argv.index("-l") + 1] == "deploy"
    assert {"StrictHostKeyChecking=yes", "IdentityAgent=none", "IdentitiesOnly=yes", "BatchMode=yes"} <= set(argv)
    assert call["known_hosts"] == "web-1 ssh-ed25519 AAAAweb-1\n"
    assert call["key"] == KEY + "\n"
    assert (call["key_mode"], call["directory_mode"]) == ("0o600", "0o700")
    assert not any(secret in word for secret in SECRETS for word in argv)


def test_the_agent_is_delivered_once(world: World) -> None:
    server = world.server()
    world.release()
    (agent,) = (server / "lib" / "slipway").iterdir()
    assert stat.S_IMODE(agent.stat().st_mode) == 0o755
    assert (server / "bin" / "slipway-agent").resolve() == agent
    delivered = agent.stat().st_mtime_ns
    world.release(env={"PLAIN": "other"})
    assert agent.stat().st_mtime_ns == delivered


def test_a_release_that_runs_already_is_not_done_again(world: World) -> None:
    world.server()
    first = world.release().answer
    again = world.release().answer
    assert again["release"] == first["release"]
    assert len(world.heard()) == 5  # document, urls, flip, commit, and the second document


def test_a_failed_gate_names_the_cause_first_and_leaves_the_old_release(world: World) -> None:
    cause = "gate: the new release answered 500 to / (KeyError: 'x' in gallery/views.py:12)"
    world.server(
        serves="old-release", fails_at="gate", error=cause, detail=["Traceback", "KeyError: 'x' sk-very-secret"],
        facts={"ahead": ["gallery.0003_y"]},
    )  # fmt: skip
    result = world.release()
    lines = result.err.splitlines()
    assert (result.code, result.out) == (1, "")
    assert lines[0] == f"release: web-1: {cause}"
    assert lines[1] == "web-1: the old release old-release still serves"
    assert lines[2] == "web-1: schema ahead by gallery.0003_y (migrations are not undone)"
    assert "way out: correct the cause and run pulumi up again; nothing needs cleaning up" in lines
    assert lines[-3:] == ["journal of web-1:", "  Traceback", "  KeyError: 'x' [secret]"]
    assert world.serves() == "old-release"


def test_one_server_that_fails_stops_all(world: World) -> None:
    world.server("web-1", serves="old")
    world.server("web-2", serves="old", slow={"gate": 0.7}, fails_at="gate", error="gate: no answer")
    result = world.release()
    assert result.err.splitlines()[0] == "release: web-2: gate: no answer"
    assert "web-1: the old release old still serves" in result.err
    assert (world.serves("web-1"), world.serves("web-2")) == ("old", "old")
    assert [message.get("go") for message in world.heard("web-1")[2:]] == ["abort"]


def test_both_servers_flip_together_and_only_the_first_leads(world: World) -> None:
    world.server("web-1", slow={"gate": 0.4})
    world.server("web-2")
    answer = world.release().answer
    assert answer["servers"] == {"web-1": "green", "web-2": "green"}
    assert [world.heard(name)[0]["lead"] for name in ("web-1", "web-2")] == [True, False]


def test_an_unconfirmed_flip_is_taken_back(world: World) -> None:
    world.server("web-1", serves="old", really_serves="something-else")
    world.server("web-2", serves="old")
    result = world.release()
    first = result.err.splitlines()[0]
    assert first.startswith("release: web-1: confirm: http://127.0.0.1:")
    assert first.endswith(f"should name {wanted(world)} within 1 s (got something-else)")
    assert "web-1: the old release old serves again (flipped back)" in result.err
    assert "web-2: the old release old serves again (flipped back)" in result.err
    assert (world.serves("web-1"), world.serves("web-2")) == ("old", "old")


def test_a_corrected_release_needs_no_cleaning_up(world: World) -> None:
    server = world.server(serves="old", fails_at="migrate", error="migrate: boom")
    assert world.release().code == 1
    (server / "story.json").write_text("{}")
    assert world.release().answer["release"] == world.serves()


def test_a_killed_driver_leaves_the_old_release(world: World) -> None:
    server = world.server(serves="old", really_serves="not-yet")
    process = world.start("release", world.artifact, document=world.document(limits={"commit": 50}))
    until(server / "agent.jsonl", "flipped")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(server / "agent.jsonl", "reverted")
    assert world.serves() == "old"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stopped_driver_takes_the_flip_back_and_says_so(world: World, number: int) -> None:
    server = world.server(serves="old", really_serves="not-yet")
    process = world.start("release", world.artifact, document=world.document(limits={"commit": 50}))
    until(server / "agent.jsonl", "flipped")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert err.splitlines()[0] == f"release: stopped by {signal.Signals(number).name}"
    assert "web-1: the old release old serves again (flipped back)" in err
    assert world.serves() == "old"


def test_a_driver_stopped_in_the_middle_of_work_waits_for_the_agents_word(world: World) -> None:
    server = world.server(serves="old", slow={"migrate": 0.6})
    process = world.start("release", world.artifact, document=world.document())
    until(server / "agent.jsonl", '"fetch"')
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert "web-1: the old release old still serves" in err
    assert "aborted" in (server / "agent.jsonl").read_text()


def test_the_login_key_is_gone_from_the_disk_before_the_flip(world: World) -> None:
    server = world.server(serves="old", really_serves="not-yet")
    process = world.start("release", world.artifact, document=world.document())
    until(server / "agent.jsonl", "flipped")
    assert not os.path.exists(world.calls()[0]["key_path"])
    process.communicate()


def test_a_driver_stopped_during_the_upload_has_told_no_server(world: World) -> None:
    world.server(serves="old")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        bucket = {**world.bucket, "endpoint": f"http://127.0.0.1:{mute.getsockname()[1]}"}
        process = world.start("release", world.artifact, document=world.document(bucket=bucket))
        connection, _ = mute.accept()
        process.send_signal(signal.SIGTERM)
        connection.close()
    _, err = process.communicate(timeout=20)
    assert err.splitlines()[:2] == [
        "release: stopped by SIGTERM",
        "web-1: was not changed; what it ran before still serves",
    ]
    assert [each for each in world.heard() if "release" in each] == []


def test_a_server_that_is_not_up_yet_is_asked_again(world: World) -> None:
    world.server(refuse_first=2)
    assert world.release().code == 0
    assert len(world.calls()) == 3


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (
            "@@@\nOffending key\nHost key verification failed.",
            "Host key verification failed: it is not the machine this stack made, or somebody is in between",
        ),
        ("deploy@x: Permission denied (publickey).", "deploy@x: Permission denied (publickey)."),
    ],
)
def test_a_refusal_that_will_not_change_is_not_asked_again(world: World, says: str, told: str) -> None:
    world.server(ssh_says=says)
    result = world.release()
    first = result.err.splitlines()[0]
    assert first.startswith("release: web-1: ssh 127.0.0.1:")
    assert first.endswith(told)
    assert "web-1: was not changed; what it ran before still serves" in result.err
    assert len(world.calls()) == 1


def test_a_server_that_never_comes_up_has_a_limit(world: World) -> None:
    world.server(refuse_first=99)
    result = world.release(limits={"connect": 1})
    assert "Connection refused" in result.err.splitlines()[0]


def test_a_lost_connection_at_the_commit_says_what_is_uncertain(world: World) -> None:
    world.server(serves="old", dies_at_commit=True)
    result = world.release()
    assert result.err.splitlines()[0].startswith("release: web-1: agent: the session ended")
    assert "web-1: was told to commit and did not answer: slipway status tells what it runs" in result.err
    assert "way out: run pulumi up again, it brings every server to the same release" in result.err


def test_an_agent_that_dies_after_its_commit_is_followed_by_one_that_tidies_up(world: World) -> None:
    """The engine would find nothing to do in the next `up`: the old slot would stay."""
    server = world.server(serves="old", dies_tidying=True)
    answer = world.release().answer
    heard = [json.loads(line) for line in (server / "agent.jsonl").read_text().splitlines()]
    told = [each["heard"]["release"] for each in heard if "release" in each.get("heard", {})]
    assert told == [answer["release"]] * 2, heard
    assert heard[-1] == {"said": {"done": True, "slot": "blue", "phases": {}}}
    assert answer["notes"] == ["web-1: released, but tidying up: agent: the session ended (ended with code 9)"]


def test_a_commit_that_came_too_late_says_what_serves(world: World) -> None:
    world.server(serves="old", commits_too_late=True)
    result = world.release()
    assert result.err.splitlines()[:2] == [
        "release: web-1: commit: came after the deadline, this machine has flipped back",
        "web-1: the old release old serves again (flipped back)",
    ]
    assert "way out: correct the cause" in result.err


def test_a_first_release_that_fails_leaves_the_holding_page(world: World) -> None:
    world.server(fails_at="gate", error="gate: no answer")
    result = world.release()
    assert "web-1: nothing has been released here before; the holding page (503) still serves" in result.err


def test_a_flip_that_fails_is_not_confirmed(world: World) -> None:
    world.server(serves="old", fails_at="flip", error="flip: the edge refused (502)")
    result = world.release()
    assert result.err.splitlines()[0] == "release: web-1: flip: the edge refused (502)"
    assert world.serves() == "old"


def test_a_document_without_a_key_names_it(world: World) -> None:
    world.server()
    document = world.document()
    del document["login_key"]
    result = world.run("release", world.artifact, document=document)
    assert result.err.splitlines()[0] == (
        "release: document on stdin: login_key: is required, the program and the driver should come from one checkout"
    )


def test_an_artifact_that_is_nowhere_is_named_with_the_way_out(world: World) -> None:
    world.server()
    result = world.run("release", "sha256-" + "0" * 64)
    first = result.err.splitlines()[0]
    assert first.startswith(f"release: sha256-{'0' * 64}: its manifest is in neither ")
    assert "promote it again from where it runs" in first


def test_nothing_printed_holds_a_secret(world: World) -> None:
    world.server(serves="old", fails_at="gate", error=f"gate: {' '.join(SECRETS[:5])}", detail=list(SECRETS[:5]))
    result = world.release()
    assert not any(secret in result.err for secret in SECRETS[:5])
