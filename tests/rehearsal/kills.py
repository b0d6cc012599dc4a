"""Something of a release killed at one of its journalled steps, and what is true on the machine afterwards."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

from tests.rehearsal.stage import Stage, wait_until

JOURNAL = "/var/lib/slipway-agent/slipway/journal.jsonl"
# On the machine itself: a millisecond after the agent has noted the step, the victim gets SIGKILL.
WATCH = """
import json, os, signal, subprocess, sys, time
step, victim = sys.argv[1:]


def main_pid(unit):
    shown = subprocess.run(["systemctl", "show", "-P", "MainPID", unit], capture_output=True, text=True)
    return int(shown.stdout)


def victims(entry):
    if victim == "agent":
        return [json.load(open("/run/lock/slipway-slipway.lock"))["pid"]]
    if victim == "edge":
        return [main_pid("caddy")]
    if victim == "web":
        return [main_pid(f"slipway-web@{slot}") for slot in ("blue", "green")]
    return []


with open("JOURNAL") as journal:
    journal.seek(0, 2)
    print("watching", flush=True)
    end, line = time.monotonic() + 240, ""
    while time.monotonic() < end:
        line += journal.readline()
        if not line.endswith("\\n"):
            time.sleep(0.001)
            continue
        entry, line = json.loads(line), ""
        if step in (entry.get("step") if entry["event"] == "begin" else None, entry["event"]):
            for pid in filter(None, victims(entry)):
                os.kill(pid, signal.SIGKILL)
            print("reached", flush=True)
            break
""".replace("JOURNAL", JOURNAL)


class Watch:
    """Waits on the machine for a step."""

    def __init__(self, stage: Stage, *, step: str, victim: str) -> None:
        found = stage.outputs("staging")
        self._key = stage.state / f"watch-{step}-{victim}"
        self._key.touch(mode=0o600)
        self._key.write_text(found["login_key"])
        options = f"-i {self._key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        command = f"sudo python3 -c {shlex.quote(WATCH)} {step} {victim}"
        whom = f"deploy@{found['servers'][0]['host']}"
        self._process = stage.start(f"inside ssh {options} {whom} {shlex.quote(command)}")
        assert self._next() == "watching"

    def reached(self) -> bool:
        """Wait for the step; False when the release ended without it."""
        return self._next() == "reached"

    def end(self) -> None:
        """Nothing of it is left."""
        self._process.kill()
        self._process.communicate(timeout=30)
        self._key.unlink()

    def _next(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


def up_in_background(stage: Stage) -> subprocess.Popen[str]:
    return stage.start("pulumi up --yes --skip-preview --non-interactive --color never -s staging")


def power_cycle(stage: Stage) -> None:
    """The machine loses its power, and gets it back."""
    droplet = next(int(each["id"]) for each in stage.api("droplets?per_page=200")["droplets"])
    begun = stage.api(f"droplets/{droplet}/actions", method="POST", body={"type": "power_cycle"})["action"]

    def ended() -> bool:
        return bool(stage.api(f"actions/{begun['id']}")["action"]["status"] == "completed")

    wait_until(ended, limit=180, what="the machine was not switched off and on")


def next_release(stage: Stage, number: int) -> None:
    """An edit that one can see, with a migration, so that every release takes every step."""
    template = stage.gallery / "pictures/templates/pictures/base.html"
    text = template.read_text()
    start = text.index("Edition ")
    template.write_text(f"{text[:start]}Edition {number}{text[text.index('<', start) :]}")
    migrations = stage.gallery / "pictures/migrations"
    newest = max(path.stem for path in migrations.glob("0*.py"))
    made = migrations / f"{int(newest[:4]) + 1:04}_release_{number}.py"
    made.write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f"    dependencies = [('pictures', {newest!r})]\n    operations = []\n"
    )


def journalled(stage: Stage) -> list[str]:
    """The steps of the release that was noted last, in their order."""
    entries = [json.loads(line) for line in stage.root(f"tail -n 100 {JOURNAL}").splitlines()]
    begun = max(at for at, entry in enumerate(entries) if entry["event"] == "release")
    steps = [entry.get("step") if entry["event"] == "begin" else entry["event"] for entry in entries[begun + 1 :]]
    return [str(step) for step in steps if step not in ("end", "preflight-found")]


def machine(stage: Stage) -> dict[str, Any]:
    """What runs there now."""
    script = """
    active() {
      systemctl list-units --plain --no-legend --state=active,activating,deactivating "$@" | awk '{print $1}'
    }
    python3 - "$(active 'slipway-web@*' 'slipway-holding*')" "$(active 'slipway-worker@*')" <<'END'
import json, os, sys
state = json.load(open("/var/lib/slipway-agent/slipway/state.json"))
kept = [name for name in os.listdir("/srv/slipway/layers") if name.startswith(".")]
link = os.readlink("/srv/slipway/run/current.sock")
web, workers = sys.argv[1].split(), sys.argv[2].split()
print(json.dumps({"state": state, "debris": kept, "link": link, "web": web, "workers": workers}))
END
    """
    found: dict[str, Any] = json.loads(stage.root(script))
    return found


def changes(samples: Path) -> list[str]:
    """Which releases answered, in the order they were asked, each change once."""
    seen: list[str] = []
    for sample in json.loads(samples.read_text()):
        if sample["release"] and seen[-1:] != [sample["release"]]:
            seen.append(sample["release"])
    return seen


def answers(stage: Stage, url: str, *, limit: float = 60) -> None:
    """Wait until the site answers again, by itself."""
    wait_until(lambda: bool(stage.live(url)), limit=limit, what=f"{url} answers")
