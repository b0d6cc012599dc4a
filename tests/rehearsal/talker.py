"""A visitor with a web socket: says something ten times a second, comes back when it is closed, notes everything.

`python -m tests.rehearsal.talker HOST PATH SECONDS WORD NUMBER`, inside the rehearsal's network; a JSON object at the
end. It ends early when there are NUMBER of `said` (releases that have answered) or `closes`.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import sys
import time
from typing import Any

from rehearsal.trust import authorities, context

PAUSE = 0.1


class Talk:
    """One web socket over verified TLS."""

    def __init__(self, host: str, path: str) -> None:
        self._socket = context(authorities()).wrap_socket(
            socket.create_connection((host, 443), timeout=60), server_hostname=host
        )
        key = base64.b64encode(os.urandom(16)).decode()
        asked = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        asked += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", f"Origin: https://{host}", "", ""]
        self._socket.sendall("\r\n".join(asked).encode())
        self._file = self._socket.makefile("rb")
        status = self._file.readline().split()[1]
        if status != b"101":
            raise OSError(f"upgrade: {status.decode()}")
        while self._file.readline().strip():
            pass

    def ask(self, text: str) -> str:
        """Say a text and hear one; a close is an EOFError with its code."""
        self._send(1, text.encode())
        return self.hear()

    def hear(self) -> str:
        while True:
            first, second = self._read(2)
            length = second & 127
            if length == 126:
                length = struct.unpack(">H", self._read(2))[0]
            body = self._read(length)
            if first & 15 == 8:
                code = struct.unpack(">H", body[:2])[0] if body else 1005
                self._send(8, body[:2])
                raise EOFError(code)
            if first & 15 == 1:
                return body.decode()

    def _send(self, opcode: int, body: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(body))
        length = bytes([128 | len(body)]) if len(body) < 126 else struct.pack(">BH", 254, len(body))
        self._socket.sendall(bytes([128 | opcode]) + length + mask + masked)

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError(1006)
        return data


def talk(host: str, path: str, *, seconds: float, word: str, number: int) -> dict[str, Any]:
    """Talk until the time is over or enough has been seen: how many answers, which closes, how long until back."""
    until, last = time.monotonic() + seconds, 0.0
    found: dict[str, Any] = {"answers": 0, "wrong": 0, "closes": [], "refused": [], "away": [], "said": []}
    current: Talk | None = None
    while time.monotonic() < until and len(found[word]) < number:
        try:
            current = current or Talk(host, path)
            heard = current.ask(f"n{found['answers']}")
        except EOFError as closed:
            found["closes"].append(closed.args[0])
            current, last = None, time.monotonic()
            continue
        except OSError as error:
            found["refused"].append(str(error))
            current = None
            time.sleep(PAUSE)
            continue
        echo, _, release = heard.partition(" ")
        found["wrong"] += echo != f"n{found['answers']}"
        found["answers"] += 1
        if last:
            found["away"].append(round(time.monotonic() - last, 3))
            last = 0.0
        if release not in found["said"]:
            found["said"].append(release)
        time.sleep(PAUSE)
    return found


if __name__ == "__main__":
    host, path, seconds, word, number = sys.argv[1:]
    print(json.dumps(talk(host, path, seconds=float(seconds), word=word, number=int(number))))
