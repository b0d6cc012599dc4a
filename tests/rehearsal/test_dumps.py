"""`database: managed` on DigitalOcean: dumps by a web server, drilled; and what `destroy` leaves of them."""

from __future__ import annotations

import json
import re

import pytest

from tests.rehearsal.stage import Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.sweep]

STACK = "staging"
UNITS = {"slipway-dump": 1.5, "slipway-dump-drill": 2.5}  # a drill is root that becomes postgres
# With the machine's own key, as whoever is root there could.
ASK = r"""
import json, subprocess, sys
bucket = json.load(open("/etc/slipway/dumps.json"))["bucket"]
at = bucket["endpoint"].removeprefix("https://")
def ask(method, host, path, *more):
    lines = [f'url = "https://{host}.{at}{path}"' if host else f'url = "https://{at}{path}"', f"request = {method}",
             f'user = "{bucket["access_key"]}:{bucket["secret_key"]}"', 'aws-sigv4 = "aws:amz:us-east-1:s3"', "silent",
             'write-out = "%{http_code}"', "output = /dev/null", *more]
    return subprocess.run(["curl", "--config", "-"], input="\n".join(lines), capture_output=True, text=True).stdout
"""


@pytest.fixture(scope="module")
def managed(stage: Stage) -> Stage:
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare {STACK} --project {stage.gallery}")
    stage.up(STACK)
    return stage


def test_what_was_never_dumped_is_told(managed: Stage) -> None:
    done = managed.type(f"slipway backup status {STACK}", check=False)
    assert done.returncode == 1
    assert "there is no backup" in done.stdout


def test_the_timers_services_dump_and_drill(managed: Stage) -> None:
    for unit in UNITS:
        managed.root(f"systemctl start {unit}.service")
    assert "green" in managed.type(f"slipway backup status {STACK}").stdout
    assert managed.root("ls /var/lib/slipway-backup").split() == ["state"]


def test_a_person_dumps_and_drills(managed: Stage) -> None:
    managed.type(f"slipway backup now {STACK}")
    assert managed.type(f"slipway backup drill {STACK}").stdout.startswith("green")


def test_their_units_are_confined(managed: Stage) -> None:
    for unit, most in UNITS.items():
        said = managed.root(f"systemd-analyze security {unit}.service | tail -1")
        assert float(re.findall(r"service: ([\d.]+)", said)[0]) <= most, said


def test_the_key_opens_no_other_bucket_and_the_site_cannot_read_it(managed: Stage) -> None:
    rows = managed.cloud("inventory")["resources"]
    (media,) = (row["name"] for row in rows if row["kind"] == "buckets" and "staging-media" in row["name"])
    asked = f"""print(ask("GET", bucket["name"], "/?list-type=2"), ask("GET", "{media}", "/?list-type=2"),
        ask("PUT", "{media}", "/x"), ask("GET", "", "/"), ask("PUT", "slipway-planted", "/"))"""
    said = managed.root(f"python3 - <<'END'\n{ASK}{asked}\nEND", secret=True).split()
    assert said[0] == "200"
    assert set(said[1:]) == {"403"}, said
    reader = "open('/etc/slipway/dumps.json')\n"
    said_there = managed.type(f"slipway shell {STACK}", input=reader, check=False)
    assert "Error" in said_there.stdout + said_there.stderr


def test_a_truncated_dump_is_red(managed: Stage) -> None:
    cut = """import subprocess
from pathlib import Path
sys.path.insert(0, "/usr/local/bin/slipway-agent")
from host.agent.machine import Local
from host.postgres.dumps import Dumps
from host.postgres.place import Place
store = Dumps.read(Place()).store
key = [key for key in store.keys(Local(), "dumps") if key.endswith(".dump")][-1]
path = Path("/root/cut")
store.get(Local(), key, path)
path.write_bytes(path.read_bytes()[:-100])
store.put(Local(), key, path)
path.unlink()
"""
    managed.root(f"python3 - <<'END'\n{ASK}{cut}\nEND", secret=True)
    done = managed.type(f"slipway backup drill {STACK}", check=False)
    assert done.returncode == 1
    assert re.search(r"red: .*should have \d+ bytes", done.stdout), done.stdout
    assert managed.type(f"slipway backup status {STACK}", check=False).returncode == 1


def test_a_second_up_changes_nothing(managed: Stage) -> None:
    done = managed.up(STACK)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", done.stdout), done.stdout
    assert json.loads(managed.type(f"slipway status {STACK} --json").stdout)["agree"]


def test_destroy_leaves_the_dumps(managed: Stage) -> None:
    managed.type(f"pulumi destroy --yes --skip-preview --non-interactive --color never -s {STACK}")
    left = [row for row in managed.cloud("inventory")["resources"] if STACK in json.dumps(row)]
    assert [(row["kind"], row["name"].rpartition("-")[0]) for row in left] == [("buckets", f"slipway-{STACK}-backups")]
