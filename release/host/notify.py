"""One message where a person sees it: a webhook or a command. Once for each trouble, and once when it is over."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Troubles", "Unsent", "send"]

TRIES = 3
SECONDS = 10.0
PLACE = Path("etc/slipway/notify")  # root's own: a webhook's address is a secret


class Unsent(Exception):
    """The message did not arrive; the text never holds the address or the command."""


@dataclass(frozen=True)
class Troubles:
    """What is wrong on this machine and has been told."""

    root: Path
    site: str
    file: Path = field(compare=False)  # what has been told, by name

    def report(self, name: str, text: str | None) -> str | None:
        """Tell a trouble when it is new, and its end (None) when it was told; the message, where there was one."""
        told = self.told()
        if (text is not None) == (name in told):
            return None
        message = f"{self.site}: {name}: {text}" if text is not None else f"{self.site}: {name}: is well again"
        self._send(message)  # what did not arrive is told the next time
        if text is None:
            del told[name]
        else:
            told[name] = {"text": text, "since": round(time.time())}
        self._keep(told)
        return message

    def told(self) -> dict[str, dict[str, object]]:
        """The troubles there are, as they were told."""
        try:
            return dict(json.loads(self.file.read_text()))
        except (FileNotFoundError, ValueError):
            return {}

    def _send(self, message: str) -> None:
        try:
            target = (self.root / PLACE).read_text().strip()
        except FileNotFoundError:
            return
        if target:
            send(target, message)

    def _keep(self, told: dict[str, dict[str, object]]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_name(f".{self.file.name}.new")
        unfinished.write_text(json.dumps(told))
        unfinished.replace(self.file)


def send(target: str, text: str) -> None:
    """Post the text as JSON, as Slack and many others take it, or give it to a command on its stdin."""
    if target.startswith(("https://", "http://")):
        _post(target, text)
    else:
        _command(target, text)


def _post(url: str, text: str) -> None:
    body = json.dumps({"text": text}).encode()
    for attempt in range(1, TRIES + 1):
        try:
            request = urllib.request.Request(url, body, {"Content-Type": "application/json", "User-Agent": "slipway"})
            with urllib.request.urlopen(request, timeout=SECONDS):
                return
        except (OSError, ValueError) as error:
            final = isinstance(error, ValueError) or (isinstance(error, urllib.error.HTTPError) and error.code < 500)
            if final or attempt == TRIES:
                raise Unsent(f"notify: the webhook did not take the message ({_cause(error)})") from None
        time.sleep(attempt)


def _cause(error: Exception) -> str:
    """Why, without the address: urllib puts it into some of its texts."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    if isinstance(error, ValueError):
        return "it is no address"
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or type(reason).__name__)


def _command(line: str, text: str) -> None:
    try:
        argv = shlex.split(line)
        ended = subprocess.run(argv, input=text + "\n", text=True, capture_output=True, timeout=60, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise Unsent(f"notify: the command could not be run ({type(error).__name__})") from None
    if ended.returncode:
        raise Unsent(f"notify: the command ended with code {ended.returncode}")
