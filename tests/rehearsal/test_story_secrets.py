"""Where secrets are not: everything the story's commands, machine and cloud said and wrote down is searched for twenty.

What came before broke with secrets in its words (test_story.py, BROKEN). Each search finds what was planted for it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.canaries import USERS, Canaries, fresh
from tests.rehearsal.stage import Stage

pytestmark = pytest.mark.rehearsal

URL = "https://staging.example.org"
TEMPLATE = "pictures/templates/pictures/base.html"
HOST_KEY = {"host key, OpenSSH", "host key, PEM"}  # the one secret in user data, so that it can be pinned
PLANTED = "/var/tmp/slipway-planted"
AT_ALL = 10  # looks


@pytest.fixture(scope="module")
def canaries(site: Stage) -> Canaries:
    """Twenty secrets: what a person brings, what the program makes, what the user keeps."""
    state = json.loads(site.type("pulumi stack export --show-secrets -s staging", secret=True).stdout)
    made = {
        (row["type"].rpartition(":")[2], row["urn"].rpartition("::")[2]): row["outputs"]
        for row in state["deployment"]["resources"]
        if "outputs" in row
    }
    key, host = made["PrivateKey", "login"], made["PrivateKey", "web-1"]
    cluster, user = made["DatabaseCluster", "slipway-staging-database"], newest(made, "DatabaseUser", "database")
    found = {
        "token": site.type("echo $DIGITALOCEAN_TOKEN", secret=True).stdout.strip(),
        "passphrase": (site.state / "passphrase").read_text(),
        "SECRET_KEY": plain(newest(made, "RandomPassword", "secret-key")["result"]),
        "Spaces key, all": plain(made["SpacesKey", "slipway-staging-spaces"]["secretKey"]),
        "Spaces key, releases": plain(newest(made, "SpacesKey", "slipway-staging-releases")["secretKey"]),
        "Spaces key, media": plain(newest(made, "SpacesKey", "slipway-staging-media")["secretKey"]),
        "database, admin": plain(cluster["password"]),
        "database, address": plain(cluster["privateUri"]),
        "database, site": plain(user["password"]),
        "login key, OpenSSH": plain(key["privateKeyOpenssh"]),
        "login key, PEM": plain(key["privateKeyPem"]),
        "host key, OpenSSH": plain(host["privateKeyOpenssh"]),
        "host key, PEM": plain(host["privateKeyPem"]),
        **USERS,
    }
    assert len(found) == 20
    assert all(len(value) >= 8 for value in found.values())
    return Canaries(found)


def newest(made: dict[tuple[str, str], Any], kind: str, name: str) -> Any:
    """The last generation of what test_story_rotate.py has made anew, if it ran."""
    found = {int(each[len(name) + 1 :] or 1): each for of, each in made if of == kind and each.startswith(name)}
    return made[kind, found[max(found)]]


def plain(value: Any) -> str:
    """What stands in a state that was exported with its secrets."""
    return str(json.loads(value["plaintext"]))


def machine(site: Stage) -> Path:
    """The disk of staging's machine, as it lies on this computer."""
    (disk,) = (path for path in site.state.glob("machines/*/upper") if "staging" in (path / "etc/hostname").read_text())
    return disk


def test_the_search_finds_every_secret_in_every_shape(canaries: Canaries, tmp_path: Path) -> None:
    assert canaries.in_text("nothing of it") == set()
    for name, value in canaries.secrets.items():
        own = [form for form, owner in canaries.forms.items() if owner == name]
        shapes = [value, json.dumps({"a": value}), repr({"b": [value]}), *own]
        for number, shape in enumerate(shapes):
            (tmp_path / "log").write_bytes(b"\0\xff" + f"{number} ...{shape}...".encode())
            assert name in canaries.in_text(shape), (name, number)
            assert name in canaries.in_files(tmp_path)[tmp_path / "log"], (name, number)


def test_user_data_holds_the_host_key_and_no_other_secret(site: Stage, canaries: Canaries) -> None:
    stored = machine(site) / "var/lib/cloud/seed/config_drive/openstack/latest/user_data"
    served = site.root("curl -fsS http://169.254.169.254/metadata/v1/user-data", secret=True)
    everything = site.root("curl -fsS http://169.254.169.254/metadata/v1.json", secret=True)
    assert canaries.in_text(stored.read_text()) == {"host key, OpenSSH"}
    assert canaries.in_text(served) == {"host key, OpenSSH"}
    assert canaries.in_text(everything) == {"host key, OpenSSH"}


def test_no_process_shows_one_to_others_while_a_release_runs(site: Stage, canaries: Canaries) -> None:
    site.edit(TEMPLATE, "</footer>", "<!-- watched --></footer>")
    value = shlex.quote(canaries.secrets["PAYMENT_KEY"])
    site.root(f"nohup python3 -c 'import time; time.sleep(900)' {value} >/dev/null 2>&1 & echo $! >{PLANTED}.pid")
    with watched() as seen:
        site.up("staging")
        site.type("slipway manage staging check")
    site.root(f"kill $(cat {PLANTED}.pid)")
    print(f"{len(seen.arguments)} command lines and {len(seen.environments)} environments in {seen.looks} looks")
    assert any("-m release.driver" in each for each in seen.arguments)
    assert any("slipway-agent" in each or "/agent-" in each for each in seen.arguments)
    assert any("gunicorn" in each for each in seen.arguments)
    assert any("CREDENTIALS_DIRECTORY" in each for each in seen.environments)
    assert {name for each in seen.arguments for name in canaries.in_text(each)} == {"PAYMENT_KEY"}, "the planted one"
    assert not [each for each in seen.environments if canaries.in_text(each)]


class Seen:
    """What whoever looks at /proc sees: of all processes the command line, of those that are not root's all."""

    def __init__(self) -> None:
        self.arguments: set[str] = set()
        self.environments: set[str] = set()
        self.known: set[str] = set()
        self.looks = 0

    def look(self) -> None:
        """At every new process, and now and then at all of them, for most become another program after they began."""
        now = {name for name in os.listdir("/proc") if name.isdigit()}
        for process in now if self.looks % AT_ALL == 0 else now - self.known:
            with suppress(OSError):
                self.arguments.add(words(Path("/proc", process, "cmdline")))
                if Path("/proc", process).stat().st_uid:
                    self.environments.add(words(Path("/proc", process, "environ")))
        self.known = now
        self.looks += 1


def words(path: Path) -> str:
    return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")


@contextmanager
def watched() -> Iterator[Seen]:
    """Look at every process of this computer, and so of its machines, as often as can be."""
    seen, over = Seen(), threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            seen.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


# A wrong token, a cloud that refuses the right one, a bucket that refuses its key: what is done, what must be said.
REFUSED: dict[str, tuple[str, dict[str, Any] | None, str]] = {
    "the token of another cloud": ("DIGITALOCEAN_TOKEN=dop_v1_{wrong} ", None, "token"),
    "a token that is refused": ("", {"service": "api", "status": 401, "times": 0}, "401"),
    "a bucket that refuses": ("", {"service": "s3", "method": "PUT", "status": 400, "times": 0}, "the storage refused"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_is_told_without_the_secret(site: Stage, canaries: Canaries, kind: str) -> None:
    before, fault, said = REFUSED[kind]
    wrong = fresh()
    undo = site.edit(TEMPLATE, "watched", "refused")
    if fault:
        site.cloud("faults", method="POST", body=fault)
    try:
        refresh = "--refresh" if "token" in kind else ""
        command = f"pulumi up --yes --skip-preview --non-interactive --color never {refresh} -s staging"
        done = site.type(before.format(wrong=wrong) + command, check=False, secret=True)
    finally:
        site.cloud("faults", method="DELETE")
        undo()
    told = done.stdout + done.stderr
    assert done.returncode != 0, told
    assert said in told
    assert wrong not in told
    assert canaries.in_text(told) == set()


def test_the_machines_disk_holds_them_where_only_root_reads(site: Stage, canaries: Canaries) -> None:
    site.root(f"umask 077; base64 -w0 >{PLANTED} <<'END'\nxy{canaries.secrets['SECRET_KEY']}\nEND\nsync")
    disk = machine(site)
    found = canaries.in_files(disk)
    planted = found.pop(disk / PLANTED[1:])
    assert planted == {"SECRET_KEY"}
    slots = {path: found.pop(path) for path in disk.glob("etc/slipway/slipway/*.env") if path in found}
    trusted = {"SECRET_KEY", "Spaces key, media", "database, site", *USERS}
    dumps = disk / "etc/slipway/dumps.json"  # the weekly dump logs in as the site does
    assert (found.pop(dumps), dumps.stat().st_mode & 0o777) == ({"database, site"}, 0o600)
    assert slots
    assert set().union(*slots.values()) == trusted, "what the site is trusted with, and nothing of the program's own"
    assert {name for names in found.values() for name in names} <= HOST_KEY, found
    for path in (*slots, *found):
        assert not path.stat().st_mode & 0o077, path
        assert path.stat().st_uid == 0
    site.root(f"rm {PLANTED}")


def test_the_journals_of_the_machine_hold_none(site: Stage, canaries: Canaries) -> None:
    """Of the site, which printed its whole environment when it broke, of Caddy, sudo, systemd, and the agent's own."""
    authorized = f"-H 'Authorization: Bearer {canaries.secrets['PAYMENT_KEY']}'"
    site.type(f"inside curl -fsS -o /dev/null {authorized} -b session={fresh()} {URL}/", secret=True)
    site.root(f"logger planted {canaries.secrets['ACCOUNT']!r}\njournalctl --sync")
    command = ["journalctl", "--directory", str(machine(site) / "var/log/journal"), "--output=export", "--all"]
    journal = subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace")
    assert "[secret]" in journal
    assert "planted in the" in journal or "LookupError" in journal
    assert "http.log.access" in journal
    assert canaries.in_text(journal) == {"ACCOUNT"}, "the planted one"
    own = site.root("cat /var/lib/slipway-agent/slipway/journal.jsonl")
    assert "failed" in own
    assert canaries.in_text(own) == set()


def test_the_state_is_closed(site: Stage, canaries: Canaries) -> None:
    shown = site.type("pulumi stack export -s staging").stdout
    assert canaries.in_text(shown) == set()
    assert len(list((site.state / "backend").rglob("*.json*"))) > 3
    assert canaries.in_files(site.state / "backend", site.state / "project") == {}


def test_nothing_that_was_said_holds_one(site: Stage, canaries: Canaries) -> None:
    """Previews, ups and failures of the whole story, `slipway logs` and status; what the local cloud wrote down."""
    site.type("pulumi preview --diff --debug -v=8 --logtostderr --non-interactive --color never -s staging")
    site.type("slipway logs staging -n 2000")
    site.type("slipway status staging", check=False)
    said = "\n".join(site.said)
    assert "[secret]" in said
    assert {name: said.find(form) for form, name in canaries.forms.items() if form in said} == {}
    assert canaries.in_files(site.state / "requests.jsonl", site.state / "log") == {}


def test_the_artifact_and_its_manifest_hold_none(site: Stage, canaries: Canaries) -> None:
    home = machine(site) / "srv/slipway"
    assert len(list((home / "layers").iterdir())) >= 3
    assert canaries.in_files(home) == {}
    manifests = [json.loads(file.read_text())["manifest"] for file in home.glob("releases/*/release.json")]
    assert manifests
    assert canaries.in_text(json.dumps(manifests)) == set()
