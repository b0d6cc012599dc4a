"""A stand-in for `pulumi stack output|history|ls` and `pulumi up`: answers from files, notes how it was called."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

STATE = Path(os.environ["FAKE_STATE"])
words = sys.argv[1:]
with (STATE / "pulumi.jsonl").open("a") as calls:
    calls.write(json.dumps(words) + "\n")
assert words[0] == "-C", words
assert (Path(words[1]) / "Pulumi.yaml").is_file(), words
if words[2] == "up":
    window = os.environ.get("SLIPWAY_MAINTENANCE", "")
    (STATE / "up.json").write_text(json.dumps({"words": words[3:], "maintenance": window}))
    file = Path(words[1]) / "stacks" / f"Pulumi.{words[words.index('-s') + 1]}.yaml"
    told = [line.strip() for line in file.read_text().splitlines() if "rotations" in line]
    with (STATE / "ups.jsonl").open("a") as ups:
        ups.write(json.dumps({"words": words[2:], "rotations": told}) + "\n")
    if (STATE / "up-fails").exists():
        sys.exit(255)
    sys.exit(int((STATE / "up-ends").read_text()) if (STATE / "up-ends").exists() else 0)
if "refresh" in words:
    sys.exit()
assert words[2:4] == ["--non-interactive", "stack"], words
if words[4] == "ls":
    print(json.dumps([{"name": path.name} for path in STATE.iterdir() if path.is_dir()]))
    sys.exit()
stack = STATE / words[words.index("-s") + 1]
if not stack.is_dir():
    sys.exit(f"error: no stack named '{stack.name}' found")
if (stack / "broken").exists():
    sys.exit("warning: something\nerror: incorrect passphrase")
if words[4] == "import":
    (stack / "export.json").write_text(sys.stdin.read())
else:
    print((stack / f"{words[4]}.json").read_text())
