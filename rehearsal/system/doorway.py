"""A loopback proxy for a person on the host: listens there, connects inside, and only to addresses of the rehearsal."""

import json
import selectors
import socket
import sys
import threading
from contextlib import suppress
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from rehearsal import paths
from rehearsal.system import inside, processes

_HEAD_LIMIT = 65536
_PATIENCE = 30.0


def start() -> int:
    """Start the proxy where it does not run, on the port it had before if that is free; return its port."""
    known = processes.find("doorway", "proxy")
    if known and processes.alive(known) and (port := _remembered()):
        return port
    with _listen(_remembered()) as listener:
        number = listener.fileno()
        command = inside.inside([sys.executable, "-m", "rehearsal.system.doorway", str(number)])
        environment = {"PYTHONPATH": str(paths.REPOSITORY), "SLIPWAY_REHEARSAL_DIR": str(paths.STATE)}
        processes.spawn("doorway", "proxy", command, environment=environment, descriptors=[number])
        port = int(listener.getsockname()[1])
    processes.write_json(paths.DOORWAY, {"port": port})
    return port


def _remembered() -> int:
    return int(json.loads(paths.DOORWAY.read_text())["port"]) if paths.DOORWAY.exists() else 0


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


class Refused(Exception):
    """A request the doorway does not serve; carries the status line's rest"""


def serve(listener: socket.socket) -> None:
    """Serve until killed."""
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_attend, args=(client,), daemon=True).start()


def _attend(client: socket.socket) -> None:
    with client, suppress(OSError):
        client.settimeout(_PATIENCE)
        try:
            head, rest = _read_head(client)
            target, greeting, first = parse(head)
            server = _connect(*target)
        except Refused as refusal:
            client.sendall(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return
        with server:
            client.sendall(greeting)
            server.sendall(first + rest)
            _relay(client, server)


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        if len(received) > _HEAD_LIMIT or not (piece := client.recv(_HEAD_LIMIT)):
            raise Refused("400 Bad Request")
        received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def parse(head: bytes) -> tuple[tuple[str, int], bytes, bytes]:
    """Where a request wants to go, what to tell the client first, and what to send on."""
    lines = head.decode("latin-1").split("\r\n")
    method, _, rest = lines[0].partition(" ")
    url = rest.rpartition(" ")[0]
    if method == "CONNECT":
        name, _, port = url.rpartition(":")
        if not name or not port.isdigit():
            raise Refused("400 Bad Request")
        return (name, int(port)), b"HTTP/1.1 200 Connection established\r\n\r\n", b""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise Refused("400 Bad Request")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # One request a connection: the next one could be for another host.
    kept = [line for line in lines[1:] if line.partition(":")[0].lower() not in ("connection", "proxy-connection")]
    request = "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""])
    return (parts.hostname, parts.port or 80), b"", request.encode("latin-1")


def _connect(name: str, port: int) -> socket.socket:
    try:
        address = socket.getaddrinfo(name, port, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]
    except OSError:
        raise Refused("502 Name unknown in the rehearsal") from None
    if IPv4Address(address) not in paths.PUBLIC:
        raise Refused("403 Not in the rehearsal")
    try:
        return socket.create_connection((str(address), port), timeout=_PATIENCE)
    except OSError:
        raise Refused("502 No answer") from None


def _relay(client: socket.socket, server: socket.socket) -> None:
    """Pass bytes both ways until one side has ended and the other has been told all."""
    other = {client: server, server: client}
    sockets = {side.fileno(): side for side in other}
    with selectors.DefaultSelector() as selector:
        for side in other:
            side.settimeout(None)
            selector.register(side, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                side = sockets[key.fd]
                if piece := side.recv(65536):
                    other[side].sendall(piece)
                else:
                    selector.unregister(side)
                    with suppress(OSError):
                        other[side].shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
