"""Boot bare machines that install what an environment's install, and time it: run inside the rehearsal by `first`.

`python -m tests.bench.floor CLOUD web:PACKAGE,... [database:PACKAGE,...]`: all at once, until the last one is done.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rehearsal import asking

LIMIT = 300.0
# The same apt call as a machine's own bootstrap makes, and a word when it is over.
SCRIPT = """#!/bin/bash
set -e
export SYSTEMD_OFFLINE=1 DEBIAN_FRONTEND=noninteractive
apt-get --quiet --yes update
apt-get --quiet --yes --no-install-recommends -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io \
  install {packages}
mkdir /run/done && cd /run/done && echo installed >word
systemctl stop caddy 2>/dev/null || true
systemd-run --quiet python3 -m http.server 8080 --directory /run/done
"""


@dataclass(frozen=True)
class Way:
    """How a cloud is asked for a machine, where it says its address, and how it is given back."""

    order: Callable[[str, str], Any]
    address: Callable[[Any], str | None]
    remove: Callable[[Any], Any]


def _droplet(name: str, script: str) -> Any:
    body = {"name": name, "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "user_data": script}
    return asking.api("POST", "droplets", body)["droplet"]["id"]


def _droplet_address(id: Any) -> str | None:
    rows = asking.api("GET", f"droplets/{id}")["droplet"]["networks"]["v4"]
    return next((str(row["ip_address"]) for row in rows if row["type"] == "public"), None)


def _server(name: str, script: str) -> Any:
    body = {"name": name, "server_type": "cx23", "image": "debian-13", "location": "fsn1", "user_data": script}
    return asking.hetzner("POST", "servers", body)["server"]["id"]


WAYS = {
    "digitalocean": Way(_droplet, _droplet_address, lambda id: asking.api("DELETE", f"droplets/{id}")),
    "hetzner": Way(
        _server,
        lambda id: str(asking.hetzner("GET", f"servers/{id}")["server"]["public_net"]["ipv4"]["ip"]),
        lambda id: asking.hetzner("DELETE", f"servers/{id}"),
    ),
}


def main(words: Sequence[str]) -> None:
    """Order, wait, give back, print the seconds."""
    way, made = WAYS[words[0]], []
    started = time.monotonic()
    try:
        for word in words[1:]:
            name, _, packages = word.partition(":")
            made.append(way.order(f"bench-{name}", SCRIPT.format(packages=packages.replace(",", " "))))
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda id: _installed(way, id, until=started + LIMIT), made))
        print(json.dumps({"seconds": round(time.monotonic() - started, 2)}))
    finally:
        for id in made:
            way.remove(id)


def _installed(way: Way, id: Any, *, until: float) -> None:
    while time.monotonic() < until:
        if (host := way.address(id)) and _says(host):
            return
        time.sleep(0.1)
    raise SystemExit(f"floor: machine {id} did not install its packages within {LIMIT:.0f} s")


def _says(host: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{host}:8080/word", timeout=1) as answer:
            return bool(answer.read() == b"installed\n")
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
