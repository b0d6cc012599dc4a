"""The agent's side of the protocol; story.json says what goes wrong, `current` is what the server serves."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

SERVER = Path(os.environ["FAKE_SERVER"])
STORY: dict[str, Any] = json.loads((SERVER / "story.json").read_text())
CURRENT = SERVER / "current"


def say(**message: Any) -> None:
    log("said", message)
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(message), flush=True)


def hear() -> dict[str, Any]:
    line = sys.stdin.readline()
    message: dict[str, Any] = json.loads(line) if line else {}
    log("heard", message)
    return message


def log(what: str, message: dict[str, Any]) -> None:
    with (SERVER / "agent.jsonl").open("a") as file:
        file.write(json.dumps({what: message}) + "\n")


def serves() -> str:
    return CURRENT.read_text() if CURRENT.exists() else "holding page"


def fail(phase: str) -> None:
    if STORY.get("fails_at") == phase:
        told = {key: STORY[key] for key in ("record",) if key in STORY}
        say(error=STORY["error"], detail=STORY.get("detail", []), serves=serves(), **STORY.get("facts", {}), **told)
        sys.exit(1)


def release() -> None:
    document = hear()
    if "release" not in document:  # hung up, or told to stop
        return
    before = serves()
    if before == document["release"]:
        say(done=True, slot="blue", phases={})
        return
    say(need=STORY.get("need", []), arrived=not STORY.get("new", False))
    answer = hear()
    if "pieces" not in answer:
        say(error="the driver said stop", aborted=True, serves=serves(), reverted=False)
        return
    assert set(answer["pieces"]) == set(STORY.get("need", [])), answer
    for phase in ("fetch", "migrate", "gate"):
        time.sleep(STORY.get("slow", {}).get(phase, 0))
        fail(phase)
        say(phase=phase, seconds=0.01)
    if STORY.get("new"):
        say(want="certificates")
        hear()
    say(ready=True, slot="green", migrated=STORY.get("migrated", []), notes=STORY.get("notes", []))
    if hear().get("go") != "flip":
        say(error="the driver said stop", aborted=True, serves=serves(), reverted=False)
        return
    fail("flip")
    CURRENT.write_text(STORY.get("really_serves", document["release"]))
    say(flipped=True)
    if hear().get("go") != "commit":
        CURRENT.write_text(before)
        say(error="the driver hung up", aborted=True, serves=serves(), reverted=True)
        return
    if STORY.get("dies_at_commit"):
        os._exit(9)
    if STORY.get("commits_too_late"):
        CURRENT.write_text(before)
        say(error="commit: came after the deadline, this machine has flipped back", serves=serves(), reverted=True)
        return
    say(committed=True, certificates=STORY.get("certificates", ""))
    if STORY.get("dies_tidying"):
        os._exit(9)
    say(done=True, phases={"drain": 0.0}, **{key: STORY[key] for key in ("record",) if key in STORY})


def arrive() -> None:
    document = hear()
    fail("edge")
    found = STORY.get("finds_here", []), STORY.get("refused", {}) if document["here"] else {}
    new = {"store": STORY.get("certificates", ""), "release": serves()}
    say(arrived=True, changed=True, notes=STORY.get("notes", []), here=found[0], refused=found[1], **new)


def hand_over() -> None:
    hear()
    say(arrived=STORY.get("visited", True), certificates=STORY.get("certificates", ""))
    if hear().get("go") == "leave" and not STORY.get("refuses_to_leave"):
        say(left=True)


{"release": release, "arrive": arrive, "hand-over": hand_over}[sys.argv[2]]()
