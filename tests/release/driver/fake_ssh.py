"""A stand-in for `ssh`: notes how it was called, then runs the command in the scratch tree of the named server."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

WORLD = Path(os.environ["FAKE_WORLD"])


def main(argv: list[str]) -> None:
    options = dict(argv[i + 1].split("=", 1) for i, word in enumerate(argv) if word == "-o")
    name, command = options["HostKeyAlias"], argv[-1]
    host = argv[-2]
    server = WORLD / name if host.startswith("127.") else WORLD / host
    if not server.is_dir():
        sys.stderr.write(f"ssh: connect to host {host} port 22: No route to host\n")
        sys.exit(255)
    key = Path(argv[argv.index("-i") + 1])
    with (server / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"argv": argv, **looked_at(key, options)}) + "\n")
    refuse(server)
    scratch = command.replace("/usr/local/lib", f"{server}/lib").replace("/usr/local/bin", f"{server}/bin")
    (server / "bin").mkdir(exist_ok=True)
    environment = {**os.environ, "PATH": f"{WORLD}/server-bin:{os.environ['PATH']}", "FAKE_SERVER": str(server)}
    os.execvpe("sh", ["sh", "-c", scratch], environment)


def looked_at(key: Path, options: dict[str, str]) -> dict[str, object]:
    return {
        "key": key.read_text(),
        "key_path": str(key),
        "key_mode": oct(stat.S_IMODE(key.stat().st_mode)),
        "directory_mode": oct(stat.S_IMODE(key.parent.stat().st_mode)),
        "known_hosts": Path(options["UserKnownHostsFile"]).read_text(),
    }


def refuse(server: Path) -> None:
    """Fail as ssh does, as often as the story asks."""
    story = json.loads((server / "story.json").read_text())
    tries = len((server / "calls.jsonl").read_text().splitlines())
    if tries <= story.get("refuse_first", 0):
        sys.stderr.write("ssh: connect to host 127.0.0.1 port 22: Connection refused\n")
        sys.exit(255)
    if "ssh_says" in story:
        sys.stderr.write(story["ssh_says"] + "\n")
        sys.exit(255)


main(sys.argv[1:])
