"""A project on another Python than the servers', with commands at build and before each release; it comes back at boot.

Where uv can fetch nothing, the interpreter that runs the tests stands for what it would have fetched.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.accounts import ACCOUNTS
from tests.rehearsal.stage import Stage, copy_of_gallery, wait_until, with_trials
from tests.release.build.interpreters import MINOR, offered

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.sweep,
    pytest.mark.skipif(MINOR == "3.13", reason="the Python that runs the tests is the servers' own"),
]

STACK = "other"
URL = f"https://{STACK}.example.org"
PREPARE = f"""
import sys
from rehearsal import paths, shadow
from rehearsal.prepare import prepare_stack
config = {{
    "cloud": "digitalocean", "region": "fra1", "domain": "example.org", "hosts": ["{STACK}.example.org"],
    "project": sys.argv[1], "settings": "gallery.settings",
    "build": ["mkdir -p pictures/static/built node_modules/it && echo no > node_modules/it/no.js",
              "python -c 'import django, sys; print(sys.version)' > pictures/static/built/made.txt"],
    "before-release": ["createsuperuser --noinput --username first --email first@example.org"],
    "workers": {{"stumbler": "stumble worker --when-told"}},
    "schedule": {{"stumble": {{"run": "stumble schedule", "at": "yearly"}}}},
}}
shadow.add_stack(shadow=paths.SHADOW, stack="{STACK}", config=config)
prepare_stack("{STACK}")
"""
RUNNING = "readlink /proc/$(systemctl show -P MainPID {unit})/exe"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = with_trials(copy_of_gallery(tmp_path_factory.mktemp("other") / "gallery"))
    (copy / ".python-version").write_text(f"{MINOR}\n")
    return copy


@pytest.fixture(scope="module")
def other(stage: Stage, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    offer, script = tmp_path_factory.mktemp("offer"), tmp_path_factory.mktemp("prepare") / "prepare.py"
    with (stage.state / "env").open("a") as file:
        file.write(f"export UV_PYTHON_DOWNLOADS_JSON_URL={offered(offer)}\n")
    script.write_text(PREPARE)
    stage.type(f"inside env PYTHONPATH=. .venv/bin/python {script} {project}")
    stage.said.append(stage.up(STACK).stdout)
    yield stage
    stage.type(f"pulumi destroy --yes --skip-preview --non-interactive -s {STACK}")
    shutil.rmtree(offer)


def test_everything_of_the_site_runs_on_it(other: Stage) -> None:
    assert f"python: {MINOR}." in other.said[-1]
    slot = running(other)
    for unit in (f"slipway-web@{slot}", f"slipway-worker@{slot}-stumbler"):
        assert is_bundled(other.root(RUNNING.format(unit=unit), stack=STACK)), unit
    own = "import sys; print(sys.version_info[:2], sys.prefix)"
    said = other.type(f'slipway manage {STACK} shell -v 0 -c "{own}"').stdout
    assert str(tuple(map(int, MINOR.split(".")))) in said
    assert "/srv/slipway/layers/" in said
    scheduled = other.root("systemctl cat slipway-schedule-stumble.service", stack=STACK)
    assert re.search(r"ExecStart=/srv/slipway/releases/[\w-]+/python/bin/python3 -m django stumble schedule", scheduled)


def test_what_the_build_commands_wrote_is_served_and_their_debris_stayed(other: Stage) -> None:
    made = other.type(f"inside curl -fsS {URL}/static/built/made.txt").stdout
    assert made.startswith(f"{MINOR}.")
    assert other.root("find -L /srv/slipway/slots -name node_modules", stack=STACK) == ""


def test_a_command_before_the_release_that_fails_leaves_the_old_one_serving(other: Stage) -> None:
    users = "from django.contrib.auth.models import User; print(User.objects.count())"
    assert "1" in other.type(f'slipway manage {STACK} shell -v 0 -c "{users}"').stdout.split()
    before = other.live(URL)
    other.type(f"pulumi config set -s {STACK} --path env.OTHER 1")
    done = other.up(STACK, check=False)
    assert done.returncode != 0
    told = done.stdout + done.stderr
    assert "before-release: createsuperuser --noinput" in told
    assert "That username is already taken" in told
    assert other.live(URL) == before
    other.type(f"pulumi config rm -s {STACK} --path env.OTHER")
    other.up(STACK)
    assert other.live(URL) == before


def test_it_is_there_again_after_a_reboot(other: Stage) -> None:
    before, slot = other.live(URL), running(other)
    account, host = ACCOUNTS[other.cloud_name], other.outputs(STACK)["servers"][0]["host"]
    (machine,) = (id for id, addresses in account.machines(other).items() if host in addresses)
    boot = "cat /proc/sys/kernel/random/boot_id"
    first = other.root(boot, stack=STACK)
    account.reboot(other, machine)
    wait_until(lambda: other.root(boot, stack=STACK) != first, limit=120, what="the machine's next boot")
    wait_until(lambda: other.live(URL) == before, limit=60, what="the site after a reboot")
    assert is_bundled(other.root(RUNNING.format(unit=f"slipway-web@{slot}"), stack=STACK))


def running(other: Stage) -> str:
    status = json.loads(other.type(f"slipway status {STACK} --json").stdout)
    (slot,) = {row["slot"] for row in status["servers"].values()}
    return str(slot)


def is_bundled(executable: str) -> bool:
    return executable.startswith("/srv/slipway/layers/") and "/python/" in executable
