"""What a smoke test looks at, in order: the rehearsal's own checks, against the site of this place."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rehearsal.browser import CHROMIUM
from rehearsal.checks import check_site
from rehearsal.picture import draw
from rehearsal.prober import Plan, Prober
from rehearsal.steps import Steps
from rehearsal.story import create_admin, rows
from rehearsal.trust import context
from rehearsal.visit import visit_gallery
from release.live import ask_by_name
from tests.live import engine
from tests.live.place import Place

TEMPLATE = "pictures/templates/pictures/base.html"
VIEWS = "pictures/views.py"
RATE = 10.0  # requests a second: a smoke test, no load test of somebody's network
LONGEST = 1800.0


class Wrong(Exception):
    """Something is not as it should be."""


def up(place: Place) -> str:
    return engine.run(place, "up", "--yes", "--skip-preview", "--stack", place.record.stack)


def tell(place: Place, steps: Steps, *, generation: bool) -> None:
    """Everything in turn; what is wrong ends it."""
    stack = place.record.stack
    with steps.step(f"pulumi up -s {stack}"):
        engine.run(place, "stack", "init", stack)
        up(place)
    url = str(engine.outputs(place)["url"])
    with steps.step(f"{url}: page, certificate, redirects, static files"):
        looked_at(place, url, steps)
    with steps.step(f"{url}: a picture uploaded in a browser"):
        uploaded(place, url, steps)
    with steps.step(f"{url}: rows in the managed Postgres over verified TLS"):
        steps.note(rows(stack))
    with steps.step("a second release under load"):
        edit(place, TEMPLATE, "Edition 1", "Edition 2")
        under_load(place, url, steps, lambda: up(place), releases=2)
    with steps.step("a broken release is refused, the old one serves"):
        refused(place, url, steps)
    if generation:
        with steps.step("another generation of the server under load"):
            engine.run(place, "config", "set", "--stack", stack, "server-generation", "2")
            under_load(place, url, steps, lambda: up(place), releases=1)
    with steps.step("slipway status agrees, pulumi preview is empty"):
        settled(place)


def looked_at(place: Place, url: str, steps: Steps) -> None:
    checks = check_site(url, hosts=place.record.hosts)
    for check in checks:
        steps.note(f"{check.name}: {check.seen}")
    if failed := [check.name for check in checks if not check.ok]:
        raise Wrong(f"{url}: should be as it was in the rehearsal (not so: {', '.join(failed)})")


def uploaded(place: Place, url: str, steps: Steps) -> None:
    """Through the site's own form; it is shown from the bucket that is the stack's."""
    password = secrets.token_urlsafe(12)
    create_admin(place.record.stack, password=password)
    trusted = os.environ.get("SSL_CERT_FILE")  # a browser does not read it by itself
    with tempfile.TemporaryDirectory(prefix="slipway-live-") as scratch:
        seen = visit_gallery(
            url,
            image=draw(Path(scratch) / "harbour-at-dusk.png"),
            screenshot=Path(scratch) / "seen.png",
            admin=("rehearsal", password),
            trust=[Path(trusted)] if trusted else [],
        )
    shown, bucket = seen["front"], str(engine.outputs(place)["media_bucket"])
    if bucket not in shown["src"]:
        raise Wrong(f"{url}: the picture should come from {bucket} (got {shown['src']})")
    steps.note(f"shown, {shown['width']} pixels wide, from {shown['src']}")


def under_load(place: Place, url: str, steps: Steps, happening: Callable[[], object], *, releases: int) -> None:
    """No request fails over what happens; all the releases there should be are seen."""
    with probed(place, url) as found:
        happening()
    seen = [str(row["release"]) for row in found["releases"]]
    steps.note(f"{found['failed']} of {found['sent']} requests failed at {RATE:.0f} a second; seen: {' → '.join(seen)}")
    if found["failed"] or not found["sent"]:
        raise Wrong(f"{url}: no request should fail over a release (got {found['failed']}: {found['failures']})")
    if len(seen) < releases:
        raise Wrong(f"{url}: {releases} releases should have answered (got {seen})")


@contextmanager
def probed(place: Place, url: str) -> Iterator[dict[str, Any]]:
    """A prober over the body; its counts are there when the body has ended."""
    address = str(engine.outputs(place)["address"])
    plan = Plan(
        url=f"{url}/", rate=RATE, seconds=LONGEST, release_path="/_slipway/release", expect=b"Edition", address=address
    )
    prober, found = Prober(plan, context(())), dict[str, Any]()
    thread = threading.Thread(target=lambda: found.update(prober.run()))
    thread.start()
    try:
        yield found
    finally:
        prober.stop.set()
        thread.join()


def refused(place: Place, url: str, steps: Steps) -> None:
    """A page that answers 500 does not get through; the way back is a release that changes nothing."""
    host, home = url.removeprefix("https://"), "    form = PictureForm(request.POST or None, request.FILES or None)\n"
    before = ask_by_name(host).release
    edit(place, VIEWS, home, f'    raise RuntimeError("broken on purpose")\n{home}')
    try:
        up(place)
    except engine.Failed as failure:
        said = [line.strip() for line in str(failure).splitlines() if "release: " in line and "sha256-" not in line]
        steps.note(said[-1] if said else str(failure).splitlines()[0])
    else:
        raise Wrong("pulumi up: should refuse a release whose front page answers 500 (it did not)")
    edit(place, VIEWS, f'    raise RuntimeError("broken on purpose")\n{home}', home)
    if (now := ask_by_name(host).release) != before:
        raise Wrong(f"{url}: {before} should serve on (got {now})")
    up(place)


def settled(place: Place) -> None:
    stack = place.record.stack
    engine.run(place, "preview", "--expect-no-changes", "--stack", stack)
    command = ["slipway", "status", stack]
    done = subprocess.run(command, env=place.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(f"slipway status {stack}: should agree\n{done.stdout}{done.stderr}")


def edit(place: Place, file: str, old: str, new: str) -> None:
    path = place.gallery / file
    text = path.read_text()
    if old not in text:
        raise Wrong(f"{path}: should have {old!r}")
    path.write_text(text.replace(old, new, 1))


def seen_by(browser: bool = True) -> str:
    """What this computer lacks for looking, empty when nothing."""
    if browser and not CHROMIUM.exists():
        return f"{CHROMIUM}: should be there, for the upload (apt-get install chromium chromium-driver libnss3-tools)"
    return ""
