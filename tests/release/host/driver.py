"""The driver's half of the conversation, over pipes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Any

from release.host.agent.gate import Answers
from release.host.agent.release import release
from release.host.agent.wire import Wire
from tests.release.host.bench import Recorded


class Site:
    """What a slot answers; by default everything is well."""

    def __init__(self, **answers: tuple[int, str] | OSError) -> None:
        self.answers = {"/_slipway/ready": (200, ""), "/": (200, ""), **answers}
        self.asked: list[str] = []

    def __call__(self, path: Path, url: str, *, host: str, limit: float) -> tuple[int, str]:
        self.asked.append(f"{path.parent.name} {host}{url}")
        answer = self.answers.get(url, (404, ""))
        if isinstance(answer, OSError):
            raise answer
        return answer


def ways(need: Iterable[str], bucket: Path) -> dict[str, list[dict[str, str]]]:
    """Each of these layers as a whole."""
    return {digest: [{"base": "", "url": (bucket / f"{digest}.tar.zst").as_uri()}] for digest in need}


class Driver:
    """Runs the agent in a thread and speaks with it line by line."""

    def __init__(self, machine: Recorded, answers: Answers) -> None:
        theirs, ours = os.pipe()
        self._out = FileIO(ours, "w")
        mine, yours = os.pipe()
        self._in = os.fdopen(mine, "rb")
        wire = Wire(FileIO(theirs), os.fdopen(yours, "wb"))
        self.code = -1
        self._wire = wire
        self._thread = threading.Thread(target=self._run, args=(wire, machine, answers))
        self._thread.start()
        self.heard: list[dict[str, Any]] = []
        self.certificates = ""
        self.predecessor = False

    def say(self, message: dict[str, Any]) -> None:
        self._out.write(json.dumps(message).encode() + b"\n")

    def hang_up(self) -> None:
        self._out.close()

    def hear(self, word: str) -> dict[str, Any]:
        """The next message with this word; fails on any that ends the conversation before it."""
        for line in self._in:
            message: dict[str, Any] = json.loads(line)
            self.heard.append(message)
            if message.get("want") == "certificates":
                self.say({"certificates": self.certificates})
            if message.get("want") == "predecessor":
                self.say({"predecessor": self.predecessor})
            if word in message:
                return message
            assert "error" not in message, message
        raise AssertionError(f"the agent never said {word}: {self.heard}")

    def end(self) -> int:
        """The agent's exit code."""
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()
        self.hang_up()
        self._in.close()
        self._wire.ended.wait(timeout=10)
        return self.code

    def whole(self, document: dict[str, Any], bucket: Path) -> dict[str, Any]:
        """A release that goes well."""
        self.to_flipped(document, bucket)
        self.say({"go": "commit"})
        self.hear("committed")
        return self.hear("done")

    def to_flipped(self, document: dict[str, Any], bucket: Path) -> dict[str, Any]:
        self.to_ready(document, bucket)
        self.say({"go": "flip"})
        return self.hear("flipped")

    def to_ready(self, document: dict[str, Any], bucket: Path) -> dict[str, Any]:
        self.to_urls(document, bucket)
        return self.hear("ready")

    def to_urls(self, document: dict[str, Any], bucket: Path) -> None:
        self.say(document)
        need = self.hear("need")["need"]
        self.say({"pieces": ways(need, bucket)})

    def _run(self, wire: Wire, machine: Recorded, answers: Answers) -> None:
        try:
            self.code = release(wire, machine, answers)
        finally:
            wire.close()


def released(machine: Recorded, document: dict[str, Any], bucket: Path) -> None:
    """A release that has gone well and ended: what stands before the one a test is about."""
    talk = Driver(machine, Site())
    talk.whole(document, bucket)
    talk.end()
