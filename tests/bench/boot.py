"""Boot one bare machine in the local cloud and time it: run inside the rehearsal by `tests.bench.times`."""

from __future__ import annotations

import json
import os
import socket
import time
import urllib.request
from typing import Any

LIMIT = 120.0


def main() -> None:
    """Create, wait for the banner, delete, print the seconds."""
    started = time.monotonic()
    machine = ask(
        "POST",
        "droplets",
        {"name": "bench-boot", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "ipv6": False},
    )["droplet"]
    try:
        greet(address(machine["id"], until=started + LIMIT), until=started + LIMIT)
        print(json.dumps({"seconds": round(time.monotonic() - started, 2)}))
    finally:
        ask("DELETE", f"droplets/{machine['id']}")


def address(machine: int, *, until: float) -> str:
    """The machine's public address, as soon as the API knows it."""
    while time.monotonic() < until:
        networks = ask("GET", f"droplets/{machine}")["droplet"]["networks"]["v4"]
        if found := [str(row["ip_address"]) for row in networks if row["type"] == "public"]:
            return found[0]
        time.sleep(0.05)
    raise SystemExit("boot: the machine got no public address")


def greet(host: str, *, until: float) -> None:
    """Wait for the SSH server's first words."""
    while time.monotonic() < until:
        try:
            with socket.create_connection((host, 22), timeout=1) as connection:
                if connection.recv(8).startswith(b"SSH-2.0"):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"boot: no SSH server answered at {host}")


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One call of the cloud's API."""
    request = urllib.request.Request(
        f"{os.environ['DIGITALOCEAN_API_URL']}/v2/{path}",
        json.dumps(body).encode() if body is not None else None,
        {"Authorization": f"Bearer {os.environ['DIGITALOCEAN_TOKEN']}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.loads(answer.read() or b"{}")
    return found


if __name__ == "__main__":
    main()
