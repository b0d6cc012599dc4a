"""`inside python -m tests.rehearsal.outsider COMMAND...`: runs it on a stranger's computer on the rehearsal's internet.

A network namespace with an address of its own: what it sends passes the cloud's firewall as anybody's would, and what a
machine holds against that address (sshd counts logins that come to nothing) is held against nobody else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ADDRESS = "198.51.100.251"
LINK = "stranger"
GATEWAY = "198.51.100.1"


def main(command: list[str]) -> int:
    """Run the command; its namespace and link go with it."""
    waiting = ["unshare", "--net", "sh", "-c", 'read -r _; exec "$@" </dev/null', "stranger", *command]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, text=True) as stranger:
        _wait_until_apart(stranger.pid)
        _connect(stranger.pid)
        stranger.communicate("go\n")
    return stranger.returncode


def _wait_until_apart(pid: int) -> None:
    here = Path("/proc/self/ns/net").readlink()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/ns/net").readlink() == here:
        if time.monotonic() > deadline:
            raise SystemExit("outsider: no namespace of its own within 10 s")
        time.sleep(0.01)


def _connect(pid: int) -> None:
    """Everything is routed in the rehearsal, and the gateway answers for every address (proxy ARP)."""
    _ip(f"link add {LINK} type veth peer name eth0 netns {pid}")
    _ip(f"link set {LINK} up")
    _ip(f"route replace {ADDRESS}/32 dev {LINK}")
    Path(f"/proc/sys/net/ipv4/neigh/{LINK}/proxy_delay").write_text("0")
    way = f"route add default via {GATEWAY}"
    for line in ("link set lo up", f"addr add {ADDRESS}/24 dev eth0", "link set eth0 up", way):
        _ip(line, within=["nsenter", "--target", str(pid), "--net"])


def _ip(line: str, *, within: list[str] | None = None) -> None:
    subprocess.run([*(within or []), "ip", *line.split()], check=True)


if __name__ == "__main__":
    # So that the command starts where its caller is, with what the caller's interpreter is.
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    sys.exit(main(sys.argv[1:]))
