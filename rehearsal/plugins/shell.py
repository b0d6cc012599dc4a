"""One process run for a command: both outputs kept apart and together, lines passed on as they come."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from rehearsal.plugins.stand_in import Call
from rehearsal.plugins.wire import Values

_QUOTED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"} | {
    "\\": "\\\\",
    '"': '\\"',
}


class CommandFailed(Exception):
    """The command ended with another status than 0; the text is the official plugin's."""


def run(
    call: Call,
    command: str,
    *,
    argv: Sequence[str],
    directory: str | None,
    environment: Mapping[str, str],
    stdin: str | None,
    logging: str | None,
    died: str,
) -> Values:
    """Run `argv` to its end and return its outputs, each without its last newline."""
    try:
        process = subprocess.Popen(
            argv,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise CommandFailed(f"{error.strerror}: {error.filename}: running {quoted(command)}:\n") from None
    captured = _Captured(call=call, logged=_logged(logging))
    with process:
        _exchange(process, captured, stdin)
    if process.returncode:
        ending = died.format(process.returncode) if process.returncode > 0 else f"signal: {-process.returncode}"
        raise CommandFailed(f"{ending}: running {quoted(command)}:\n{captured.text('combined')}")
    return {name: captured.text(name).removesuffix("\n") for name in ("stdout", "stderr")}


def quoted(text: str) -> str:
    """The text in double quotes, as Go's %q writes it."""
    return '"' + "".join(_QUOTED.get(c) or (c if c.isprintable() else f"\\u{ord(c):04x}") for c in text) + '"'


@dataclass
class _Captured:
    call: Call
    logged: frozenset[str]
    kept: dict[str, bytearray] = field(
        default_factory=lambda: {name: bytearray() for name in ("stdout", "stderr", "combined")}
    )
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, name: str, pipe: IO[bytes]) -> None:
        for line in pipe:
            with self.lock:
                self.kept[name] += line
                self.kept["combined"] += line
            if name in self.logged:
                self.call.log.info(self.call.urn, line.decode(errors="replace").rstrip("\n"))

    def text(self, name: str) -> str:
        return self.kept[name].decode(errors="replace")


def _exchange(process: subprocess.Popen[bytes], captured: _Captured, stdin: str | None) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    pipes = (("stdout", process.stdout), ("stderr", process.stderr))
    readers = [threading.Thread(target=captured.take, args=pair) for pair in pipes]
    for reader in readers:
        reader.start()
    if process.stdin is not None and stdin:
        _feed(process.stdin, stdin.encode())
    for reader in readers:
        reader.join()


def _feed(pipe: IO[bytes], text: bytes) -> None:
    try:
        pipe.write(text)
        pipe.close()
    except BrokenPipeError:
        pass  # the command did not want to read it all; its exit status says what it made of that


def _logged(choice: str | None) -> frozenset[str]:
    chosen: dict[str | None, tuple[str, ...]] = {"none": (), "stdout": ("stdout",), "stderr": ("stderr",)}
    return frozenset(chosen.get(choice, ("stdout", "stderr")))
