"""`python -m tests.rehearsal.scan HOST --tcp 1-65535 --udp 53,443`: what of a machine answers, as JSON on stdout."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import resource
import select
import socket
import sys
import time
from collections.abc import Iterator, Sequence

AT_ONCE = 22_000  # connections on their way at a time, where so many files may be open
PATIENCE = 0.7  # seconds a machine on this computer has for an answer
# A long header of a version of QUIC that nobody speaks: whoever serves it answers with those it does.
QUIC = b"\xc0\x1a\x2a\x3a\x4a\x08" + bytes(8) + b"\x08" + bytes(8) + bytes(1200)


def main() -> None:
    """Scan and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("--tcp", type=ports, default=[])
    parser.add_argument("--udp", type=ports, default=[])
    asked = parser.parse_args()
    json.dump({"tcp": tcp(asked.host, asked.tcp), "udp": udp(asked.host, asked.udp)}, sys.stdout)


def ports(text: str) -> list[int]:
    """`22,80-90` as numbers."""
    spans = [part.partition("-") for part in text.split(",") if part]
    return [port for first, _, last in spans for port in range(int(first), int(last or first) + 1)]


def tcp(host: str, wanted: Sequence[int]) -> dict[str, list[int]]:
    """The ports that take a connection, and those that refuse one; all others are silent."""
    found: dict[str, list[int]] = {"open": [], "refused": []}
    step = min(AT_ONCE, _files() - 64)
    for start in range(0, len(wanted), step):
        for port, error in _connected(host, wanted[start : start + step]):
            found["open" if error == 0 else "refused"].append(port)
    return {kind: sorted(seen) for kind, seen in found.items()}


def _files() -> int:
    """How many this process may have open from here on."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _connected(host: str, some: Sequence[int]) -> Iterator[tuple[int, int]]:
    waiting: dict[int, tuple[int, socket.socket]] = {}
    poll = select.epoll()
    for port in some:
        opened = _socket(host, socket.SOCK_STREAM)
        if opened.connect_ex(_address(host, port)) not in (0, errno.EINPROGRESS):
            opened.close()  # no way there from here
            continue
        waiting[opened.fileno()] = (port, opened)
        poll.register(opened.fileno(), select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP)
    end = time.monotonic() + PATIENCE
    while waiting and (left := end - time.monotonic()) > 0:
        for number, _ in poll.poll(left):
            port, opened = waiting.pop(number)
            error = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            poll.unregister(number)
            opened.close()
            if error in (0, errno.ECONNREFUSED):
                yield port, error
    for _, opened in waiting.values():
        opened.close()
    poll.close()


def udp(host: str, wanted: Sequence[int]) -> dict[str, list[int]]:
    """The ports that answer a datagram, and those whose machine says that nobody is there; all others are silent."""
    opened = {port: _socket(host, socket.SOCK_DGRAM) for port in wanted}
    for port, one in opened.items():
        one.connect(_address(host, port))
        with contextlib.suppress(PermissionError):  # the packet filter on this side of the link
            one.send(QUIC)
    time.sleep(PATIENCE)
    answers = {port: _answer(one) for port, one in opened.items()}
    return {kind: [port for port, answer in answers.items() if answer == kind] for kind in ("answered", "refused")}


def _answer(one: socket.socket) -> str:
    with one:
        try:
            return "answered" if one.recv(2048) else "silent"
        except ConnectionRefusedError:
            return "refused"
        except OSError:
            return "silent"


def _socket(host: str, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    made.setblocking(False)
    return made


def _address(host: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    if "%" not in host:
        return (host, port)
    address, _, link = host.partition("%")
    return (address, port, 0, socket.if_nametoindex(link))


if __name__ == "__main__":
    main()
