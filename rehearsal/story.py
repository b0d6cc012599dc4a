"""The main job, told inside the rehearsal's network: bring sites up, use them as people would, promote, sum up."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from rehearsal import paths
from rehearsal.asking import cloud
from rehearsal.prepare import WAGTAIL, prepare_stack, prepare_wagtail, settings_of
from rehearsal.pulumi import PulumiFailed, operate, outputs
from rehearsal.steps import Steps
from rehearsal.summary import summary

PROMOTED = "production"


def main() -> int:
    """`python -m rehearsal.story [--only STACK]`: what `make rehearse` does once the local cloud runs."""
    parser = argparse.ArgumentParser(prog="rehearsal.story")
    parser.add_argument("--only", choices=("staging", WAGTAIL), help="bring up this one site and stop")
    parser.add_argument("--prepare", metavar="STACK", help="only make the stack ready for its first `pulumi up`")
    parser.add_argument("--project", help="with --prepare: the Django project this stack is to run")
    arguments = parser.parse_args()
    steps = Steps(ledger=paths.LOG / "story.json")
    try:
        if arguments.prepare:
            prepare_stack(arguments.prepare, project=arguments.project)
        else:
            tell(steps, only=arguments.only)
    except (PulumiFailed, StoryFailed) as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    return 0


class StoryFailed(RuntimeError):
    """Something a visitor would notice is not as it should be."""


def tell(steps: Steps, *, only: str | None) -> None:
    """Every site in turn, then promotion."""
    stacks = [only] if only else ["staging", WAGTAIL]
    for stack in stacks:
        bring_up(steps, stack)
        visit(steps, stack)
    if not only:
        promote(steps)
        stacks.append(PROMOTED)
    print(summary(stacks))


def bring_up(steps: Steps, stack: str) -> None:
    """`pulumi up` of one stack, after what its owner would have prepared: the zone, for Wagtail the project."""
    if stack == WAGTAIL:
        with steps.step("a project nobody here wrote: wagtail start"):
            prepare_wagtail()
    prepare_stack(stack)
    with steps.step(f"pulumi up -s {stack}"):
        operate("up", stack=stack, log=paths.LOG / f"up-{stack}.log", note=steps.note)


def visit(steps: Steps, stack: str) -> None:
    """Look at a site as people do: plain requests first, then a browser that uploads a picture."""
    found = outputs(stack)
    with steps.step(f"{found['url']}: page, certificate, redirects, static files"):
        for line in check(found["url"], hosts=_hosts(stack)):
            steps.note(line)
    kind = _kind(stack)
    if kind is None:
        return
    with steps.step(f"{found['url']}: a picture uploaded in a browser"):
        password = secrets.token_urlsafe(12)
        create_admin(stack, password=password)
        screenshot = paths.SCREENSHOTS / f"{stack}.png"
        screenshot.parent.mkdir(parents=True, exist_ok=True)
        arguments = ["rehearsal.visit", kind, found["url"], "--user", "rehearsal", "--screenshot", str(screenshot)]
        seen = json.loads(_python(*arguments, "--json", input=password))
        shown = seen.get("front") or seen["library"]
        steps.note(f"shown, {shown['width']} pixels wide, from {shown['src']}")
        steps.note(f"/admin/ styled by {', '.join(Path(sheet).name for sheet in seen['admin'])}")
        names = [str(item["key"]) for item in cloud(f"buckets/{found['media_bucket']}/objects")["objects"]]
        if not names:
            raise StoryFailed(f"{found['media_bucket']}: should hold the uploaded picture (holds nothing)")
        steps.note(f"bucket {found['media_bucket']}: {len(names)} objects, {names[0]}")
        steps.note(f"screenshots {', '.join(os.path.relpath(file) for file in seen['screenshots'])}")
    with steps.step(f"{found['url']}: rows in its Postgres over verified TLS"):
        steps.note(rows(stack))


def rows(stack: str) -> str:
    """How many pictures the site's own database has, asked over its verified connection."""
    return _shell(stack, _ROWS).splitlines()[-1]  # before it Django says what it imported


def check(url: str, *, hosts: list[str]) -> list[str]:
    """What plain requests saw, the static files counted; a check that fails ends the story."""
    rows = json.loads(_python("rehearsal.visit", "check", url, "--host", *hosts, "--json"))["checks"]
    static = [row for row in rows if str(row["name"]).startswith("/static/")]
    lines = [f"{row['name']}: {row['seen']}" for row in rows if row not in static]
    return [*lines, f"/admin/: {len(static)} static files, each hashed and immutable, text compressed"]


_ROWS = """
from django.apps import apps
from django.db import connection
names = ("Picture", "Image")
tables = {model.__name__: model.objects.count() for model in apps.get_models() if model.__name__ in names}
assert any(tables.values()), tables
with connection.cursor() as cursor:
    cursor.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    ssl, version = cursor.fetchone()
mode = connection.settings_dict["OPTIONS"].get("sslmode")
assert ssl and mode == "verify-full", (ssl, mode)
print(f"{tables} at {connection.settings_dict['HOST']}, {version}, {mode}")
"""

ADMIN = """
from django.contrib.auth import get_user_model
User = get_user_model()
user, _ = User.objects.get_or_create(username="rehearsal", defaults=dict(is_staff=True, is_superuser=True))
user.set_password({password!r}); user.is_staff = user.is_superuser = True; user.save()
"""


def create_admin(stack: str, *, password: str) -> None:
    """An admin for the browser, made through `slipway shell` with the password on stdin, never in an argument."""
    _shell(stack, ADMIN.format(password=password))


def promote(steps: Steps) -> None:
    """Hand production exactly what staging has proven, and see both report the same artifact."""
    with steps.step(f"slipway promote staging {PROMOTED}"):
        _run(["slipway", "promote", "staging", PROMOTED])
    bring_up(steps, PROMOTED)
    with steps.step("both live sites report the same artifact"):
        running = {stack: live(stack)["artifact"] for stack in ("staging", PROMOTED)}
        if len(set(running.values())) != 1:
            raise StoryFailed(f"{PROMOTED}: should run what staging runs (got {running})")
        steps.note(next(iter(running.values())))


def live(stack: str) -> dict[str, Any]:
    """What the site itself says it runs, asked over its public name with its certificate verified."""
    with urllib.request.urlopen(f"{outputs(stack)['url']}/_slipway/release", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _kind(stack: str) -> str | None:
    project = str(settings_of(stack).get("project", ""))
    if stack == WAGTAIL:
        return "wagtail"
    return "gallery" if Path(project) == Path("examples/gallery") else None


def _hosts(stack: str) -> list[str]:
    return [str(host) for host in settings_of(stack).get("hosts", [])]


def _shell(stack: str, script: str) -> str:
    return _run(["slipway", "shell", stack], input=script)


def _python(module: str, *args: str, input: str = "") -> str:
    return _run([sys.executable, "-m", module, *args], input=input)


def _run(command: list[str], *, input: str = "") -> str:
    done = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoryFailed(f"{' '.join(command[:4])}: exit status {done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
