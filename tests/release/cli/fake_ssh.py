"""A stand-in for `ssh` and the server's `sudo`: notes the words that arrive and the stdin, answers from a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ["FAKE_STATE"])
NOTE = "import json, sys; print(json.dumps(sys.argv[1:]))"


def main(argv: list[str]) -> None:
    # The server's shell takes the command line apart; `sudo` there is a program that tells its words.
    environment = {**os.environ, "PATH": f"{STATE}/server-bin:{os.environ['PATH']}"}
    words = json.loads(subprocess.check_output(["sh", "-c", argv[-1]], text=True, env=environment))
    stdin = "" if sys.stdin.isatty() else sys.stdin.read()
    with (STATE / "ssh.jsonl").open("a") as calls:
        calls.write(json.dumps({"argv": argv, "words": words, "stdin": stdin}) + "\n")
    answer = json.loads((STATE / "answer.json").read_text()) if (STATE / "answer.json").exists() else {}
    sys.stdout.write(answer.get("stdout", ""))
    sys.stderr.write(answer.get("stderr", ""))
    sys.exit(answer.get("code", 0))


main(sys.argv[1:])
