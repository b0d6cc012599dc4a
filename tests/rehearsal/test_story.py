"""The story of a site on each cloud, in order: deploys good and bad, a kill, a reboot, promotion."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pexpect
import pytest

from tests.rehearsal.accounts import ACCOUNTS
from tests.rehearsal.stage import REPOSITORY, Done, Stage, descendants, end_prober, wait_until

pytestmark = pytest.mark.rehearsal
CLOUDS = ("digitalocean", "hetzner")

URL = "https://staging.example.org"
VIEWS = "pictures/views.py"
TEMPLATE = "pictures/templates/pictures/base.html"


def test_first_deploy_answers_over_https(site: Stage) -> None:
    checked = json.loads(
        site.type(
            f"inside .venv/bin/python -m rehearsal.visit check {URL} "
            "--host staging.example.org --host www.staging.example.org --json"
        ).stdout
    )
    assert all(row["ok"] for row in checked["checks"]), checked


@pytest.mark.once
def test_an_admin_is_made_at_a_prompt_as_a_person_would(site: Stage) -> None:
    """A real terminal all the way to the site's own sandbox; the password is asked for and never shown."""
    shell = ["-c", f". {site.state}/env && slipway manage staging createsuperuser"]
    terminal = pexpect.spawn("bash", shell, cwd=REPOSITORY, env=site.environment, timeout=30, encoding="utf-8")
    for prompt, answer in (
        ("Username", "kim"),
        ("Email", "kim@example.org"),
        ("Password:", "correct-horse-9"),
        ("Password \\(again\\):", "correct-horse-9"),
    ):
        terminal.expect(prompt)
        terminal.sendline(answer)
    terminal.expect("Superuser created successfully")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


@pytest.mark.once
def test_the_other_verbs_answer(site: Stage) -> None:
    assert site.type("slipway manage staging no_such_command", check=False).returncode == 1
    assert "1 + 1 = 2" in site.type("slipway shell staging", input="print('1 + 1 =', 1 + 1)\n").stdout
    assert "gunicorn" in site.type("slipway logs staging -n 50").stdout
    assert URL in site.type("BROWSER=true slipway open staging").stdout
    status = json.loads(site.type("slipway status staging --json").stdout)
    assert status["agree"], status


def test_up_again_changes_nothing(site: Stage) -> None:
    writes, logins = api_writes(site), ssh_logins(site)
    done = site.up("staging")
    assert no_change(done), done.stdout
    assert api_writes(site) == writes
    assert ssh_logins(site) == logins


@pytest.mark.once
def test_preview_names_the_artifact_it_would_run(site: Stage) -> None:
    running = site.outputs("staging")["artifact"]
    undo = site.edit(TEMPLATE, "</footer>", "<!-- previewed --></footer>")
    try:
        shown = site.type("pulumi preview --diff --non-interactive --color never -s staging").stdout
    finally:
        undo()
    named = set(re.findall(r"sha256-[0-9a-f]{64}", shown))
    assert named - {running}, shown


def test_an_edit_goes_live_and_no_request_is_lost(site: Stage, tmp_path: Path) -> None:
    before = site.live(URL)
    slot = next(iter(slots(site).values()))
    site.edit(TEMPLATE, "</footer>", "<!-- second release --></footer>")
    report = tmp_path / "probe.json"
    # Patient, and at it for as long as a busy computer takes: an answer that is late is one all the same.
    plan = f"{URL}/ --rate 25 --seconds 900 --timeout 30 --out {report}"
    prober = site.start(f"inside .venv/bin/python -m rehearsal.prober {plan}")
    time.sleep(2)
    site.up("staging")
    time.sleep(2)
    ended = end_prober(prober, report)
    assert site.live(URL)["release"] != before["release"]
    assert "second release" in site.page(URL)
    assert next(iter(slots(site).values())) != slot
    assert ended["sent"] > 150
    assert ended["failed"] == 0, ended


@pytest.mark.once
def test_the_same_prober_sees_a_restart_of_the_unit(site: Stage, tmp_path: Path) -> None:
    report = tmp_path / "control.json"
    prober = site.start(f"inside .venv/bin/python -m rehearsal.prober {URL}/ --rate 50 --seconds 60 --out {report}")
    time.sleep(2)
    slot = next(iter(slots(site).values()))
    site.root(f"systemctl stop slipway-web@{slot}; sleep 8; systemctl start slipway-web@{slot}")
    time.sleep(3)
    assert end_prober(prober, report)["failed"] > 0


IMPORT = "from django.contrib import messages\n"
HOME = "    form = PictureForm(request.POST or None"
MIGRATION = """from django.db import connection, migrations


def read(apps, schema_editor):
    try:
        schema_editor.execute("SELECT * FROM no_such_table")
    except Exception as error:
        raise RuntimeError(f"{error} at {connection.settings_dict}")


class Migration(migrations.Migration):
    dependencies = [("pictures", "0001_initial")]
    operations = [migrations.RunPython(read)]
"""
# What is done to the project, and the cause a person must read. Their words hold every secret the site has, as those of
# programs in trouble do: test_story_secrets.py looks for them in all that was said and written down.
BROKEN = {
    "cannot import": ("edit", VIEWS, IMPORT, f"import no_such_module\n{IMPORT}", "no_such_module"),
    "cannot import on the server": (
        "edit",
        VIEWS,
        IMPORT,
        f"import os\n{IMPORT}if os.path.exists('/srv/slipway'):\n"
        "    raise ModuleNotFoundError(f'no_such_module {os.environ}')\n",
        "no_such_module",
    ),
    "answers 500": ("edit", VIEWS, HOME, f"    raise LookupError(__import__('os').environ)\n{HOME}", "500"),
    "migration fails": ("write", "pictures/migrations/0099_broken.py", MIGRATION, "no_such_table"),
}


def test_a_release_that_fails_is_refused_with_its_cause(site: Stage) -> None:
    refused(site, "migration fails")


@pytest.mark.once
@pytest.mark.parametrize("kind", [kind for kind in BROKEN if kind != "migration fails"])
def test_a_broken_release_is_refused_with_its_cause(site: Stage, kind: str) -> None:
    refused(site, kind)


def refused(site: Stage, kind: str) -> None:
    """What is broken is named, and what served before serves on."""
    how, *arguments, cause = BROKEN[kind]
    before = site.live(URL)
    undo = getattr(site, how)(*arguments)
    try:
        done = site.up("staging", check=False)
    finally:
        undo()
    assert done.returncode != 0
    # The build refuses what cannot be imported anywhere before any resource is touched: the program says so itself.
    resource = r"Stack \(slipway-staging\)" if kind == "cannot import" else r"Command \(release\)"
    head = diagnostic(done.stdout, resource=resource).splitlines()[:3]
    assert cause in "\n".join(head), done.stdout
    assert site.live(URL) == before
    assert no_change(site.up("staging"))


@pytest.mark.once
def test_a_driver_killed_after_the_flip_leaves_the_old_release(site: Stage) -> None:
    before = site.live(URL)
    undo = site.edit(TEMPLATE, "</footer>", "<!-- third release --></footer>")
    process = site.start("pulumi up --yes --skip-preview --non-interactive --color never -s staging")
    kill_driver_after_flip(site, process)
    process.communicate(timeout=120)
    assert process.returncode != 0
    wait_until(lambda: site.live(URL) == before, limit=75, what="the old release serves again")
    undo()
    assert no_change(site.up("staging"))
    assert site.live(URL) == before
    site.edit(TEMPLATE, "</footer>", "<!-- third release --></footer>")
    site.up("staging")
    assert "third release" in site.page(URL)


@pytest.mark.once
def test_a_reboot_brings_the_same_release_back(site: Stage) -> None:
    before, certificate = site.live(URL), fingerprint(site)
    account, host = ACCOUNTS[site.cloud_name], site.outputs("staging")["servers"][0]["host"]
    (machine,) = (id for id, addresses in account.machines(site).items() if host in addresses)
    boot = "cat /proc/sys/kernel/random/boot_id"
    first = site.root(boot)
    account.reboot(site, machine)
    wait_until(lambda: site.root(boot) != first, limit=120, what="the machine's next boot")
    wait_until(lambda: site.live(URL) == before, limit=60, what="the site after a reboot")
    assert fingerprint(site) == certificate


def test_production_gets_what_staging_has_proven(site: Stage) -> None:
    site.type("slipway promote staging production")
    site.type("inside .venv/bin/python -m rehearsal.story --prepare production")
    site.up("production")
    assert site.live("https://example.org")["artifact"] == site.live(URL)["artifact"]


def api_writes(site: Stage) -> int:
    return int(site.cloud("counters")["api_writes"])


def slots(site: Stage) -> dict[str, str]:
    status = json.loads(site.type("slipway status staging --json").stdout)
    return {name: row["slot"] for name, row in status["servers"].items()}


def ssh_logins(site: Stage) -> int:
    """How often someone has logged in to any machine so far, from the machines' own journals."""
    journals = [str(path) for path in site.state.glob("machines/*/*/var/log/journal")]
    assert journals
    return sum(
        subprocess.run(
            ["journalctl", "-D", journal, "--grep", "Accepted publickey", "-o", "cat", "-q"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.count("Accepted")
        for journal in journals
    )


def kill_driver_after_flip(site: Stage, process: subprocess.Popen[str]) -> None:
    """End the driver by its exact pid the moment the symlink that Caddy dials has moved on the machine's disk."""
    (run,) = site.state.glob("machines/*/upper/srv/slipway/run")
    link = run / "current.sock"
    before = os.readlink(link)
    driver = wait_for_driver(process)
    deadline = time.monotonic() + 60
    while os.readlink(link) == before:
        assert time.monotonic() < deadline, "no flip within 60 s"
        time.sleep(0.001)
    os.kill(driver, signal.SIGKILL)


def wait_for_driver(process: subprocess.Popen[str]) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid, argv in descendants(process.pid):
            if argv[1:4] == ["-m", "release.driver", "release"]:
                return pid
        time.sleep(0.02)
    raise AssertionError("no driver under this `pulumi up`")


def fingerprint(site: Stage) -> str:
    ask = "openssl s_client -connect staging.example.org:443 -servername staging.example.org </dev/null 2>/dev/null"
    return site.type(f"inside sh -c '{ask} | openssl x509 -noout -fingerprint -sha256'").stdout


def diagnostic(output: str, *, resource: str) -> str:
    """What the engine prints under this resource in its Diagnostics."""
    found = re.search(rf"Diagnostics:\n.*?{resource}:\n(.*?)(?:\n  \S|\Z)", output, re.DOTALL)
    assert found, output
    return found[1].strip()


def no_change(done: Done) -> bool:
    """Nothing but unchanged resources."""
    changed = re.search(r"\d+ (created|updated|replaced|deleted)", done.stdout)
    return changed is None and "unchanged" in done.stdout
