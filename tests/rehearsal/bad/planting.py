"""Ways of making a release go wrong; each gives the way back. The project and the stack file are put back whole."""

from __future__ import annotations

import re
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rehearsal.stage import Stage, wait_until

Undo = Callable[[], object]
Plant = Callable[[Stage], Undo]
STACK = "stacks/Pulumi.staging.yaml"
URL = "https://staging.example.org"
TEMPLATE = "pictures/templates/pictures/base.html"


UP = "pulumi up --yes --skip-preview --non-interactive --color never --suppress-outputs -s staging"


@dataclass(frozen=True)
class Bad:
    """`error` is how the one error begins, a regular expression; `way_out` is in what a person reads with it."""

    plant: Plant
    error: str
    way_out: str
    typed: str = UP
    beyond: bool = False  # it changes more than the release, which the next `up` takes back


@contextmanager
def put_back(site: Stage, scratch: Path) -> Iterator[None]:
    """The example project and the stack file afterwards as they were before."""
    stack = site.state / "project" / STACK
    before = stack.read_bytes()
    shutil.copytree(site.gallery, scratch / "gallery")
    try:
        yield
    finally:
        stack.write_bytes(before)
        shutil.rmtree(site.gallery)
        shutil.copytree(scratch / "gallery", site.gallery)


def untouched(site: Stage) -> Undo:
    return lambda: None


def all_of(*plants: Plant) -> Plant:
    """One after the other; undone from the last to the first."""

    def plant(site: Stage) -> Undo:
        undone = [each(site) for each in plants]
        return lambda: [undo() for undo in reversed(undone)]

    return plant


def edit(file: str, old: str, new: str) -> Plant:
    return lambda site: site.edit(file, old, new)


def rewrite(file: str, pattern: str, new: str) -> Plant:
    def plant(site: Stage) -> Undo:
        path = site.gallery / file
        path.write_text(re.sub(pattern, new, path.read_text()))
        return lambda: None

    return plant


def write(file: str, text: str) -> Plant:
    def plant(site: Stage) -> Undo:
        path = site.gallery / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return lambda: None

    return plant


def config(key: str, value: str) -> Plant:
    """A setting of the stack file."""

    def plant(site: Stage) -> Undo:
        site.type(f"pulumi config set --path {shlex.quote(key)} {shlex.quote(value)} -s staging")
        return lambda: None

    return plant


def fault(**rule: Any) -> Plant:
    """Something the cloud does wrong until it is healed."""

    def plant(site: Stage) -> Undo:
        site.fault(**rule)
        return site.heal

    return plant


def machine(script: str, *, undo: str = "true") -> Plant:
    """Something root does on the stack's machine."""

    def plant(site: Stage) -> Undo:
        site.root(script)
        return lambda: site.root(undo)

    return plant


def typed(command: str) -> Plant:
    """A command that fails before the one that is watched."""

    def plant(site: Stage) -> Undo:
        assert site.type(command, check=False).returncode != 0
        return lambda: None

    return plant


def gone_live() -> Plant:
    """What was done so far is released."""

    def plant(site: Stage) -> Undo:
        site.up("staging")
        return lambda: None

    return plant


def new_release(*, files: int = 0) -> Plant:
    """A release that nothing is wrong with and that nobody has ever built."""

    def plant(site: Stage) -> Undo:
        token = secrets.token_hex(4)
        site.edit(TEMPLATE, "</footer>", f"<!-- {token} --></footer>")
        for number in range(files):
            write(f"pictures/static/pictures/many/{number}.txt", f"{token} {number}")(site)
        return lambda: None

    return plant


def small_disk(*, then: str = "true", inodes: int = 0) -> Plant:
    """The site's directory on a disk of 64 MiB; what was there is seen through it and takes no room."""
    options = f"size=64M,nr_inodes={inodes}" if inodes else "size=64M"
    places = "lowerdir=/srv/slipway,upperdir=/run/small/upper,workdir=/run/small/work"
    return machine(
        f"mkdir -p /run/small; mount -t tmpfs -o {options} small /run/small; mkdir /run/small/upper /run/small/work\n"
        f"mount -t overlay -o {places} small /srv/slipway; {then}",
        undo="umount --lazy /srv/slipway; umount --lazy /run/small",
    )


def held_lock(table: str, *, seconds: int = 25) -> Plant:
    """A transaction that has read from the table and does not end; others read it as before."""
    code = (
        "import time; from django.db import connection, transaction; tx = transaction.atomic(); tx.__enter__(); "
        f"connection.cursor().execute('SELECT 1 FROM {table}'); print('held', flush=True); time.sleep({seconds})"
    )

    def plant(site: Stage) -> Undo:
        holding = site.start(f"slipway manage staging shell -c {shlex.quote(code)}")
        assert holding.stdout is not None
        assert any("held" in line for line in holding.stdout)
        return lambda: holding.communicate(timeout=60)

    return plant


def visitors_told_to_wait() -> Plant:
    """Somebody who asks for the site all the while: at some moment the holding page, and in the end the site."""

    def plant(site: Stage) -> Undo:
        seen = site.state / "answers"
        seen.write_text("")
        ask = f'curl -s -o /dev/null -w "%{{http_code}}\\n" {URL}/'
        asking = site.start(f"inside sh -c 'for try in $(seq 3000); do {ask} >>{seen}; sleep 0.1; done'")

        def undo() -> None:
            asking.terminate()
            asking.communicate(timeout=30)
            answers = seen.read_text().splitlines()
            assert set(answers) == {"200", "503"}, answers
            assert answers[-1] == "200"

        return undo

    return plant


def another_up(command: str) -> Plant:
    """Somebody else's `up` that changes nothing and takes its time."""

    def plant(site: Stage) -> Undo:
        site.fault(method="GET", path="/v2/droplets/.*", do="delay", seconds=15)
        other = site.start(command)
        wait_until(lambda: bool(site.cloud("faults")["faults"][0]["struck"]), limit=60, what="the other one at work")

        def undo() -> None:
            said, _ = other.communicate(timeout=120)
            site.heal()
            assert other.returncode == 0, said

        return undo

    return plant


def stopped_ssh(*, seconds: int = 100) -> Plant:
    """Nobody listens on the machine's port 22 for a while."""

    def plant(site: Stage) -> Undo:
        # The session that says so has to end by itself; without an accuracy a timer may be a minute late.
        later = "systemd-run --quiet --timer-property=AccuracySec=100ms --on-active="
        site.root(f"{later}{seconds} systemctl start ssh.service; {later}1 systemctl stop ssh.socket ssh.service")
        knock = f"inside bash -c 'true </dev/tcp/{site.outputs('staging')['servers'][0]['host']}/22'"
        wait_until(lambda: site.type(knock, check=False).returncode != 0, limit=30, what="nobody listening")
        return lambda: wait_until(lambda: site.root("echo in") == "in\n", limit=2 * seconds, what="a way in again")

    return plant
