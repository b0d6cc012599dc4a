"""The rehearsal a bench runs in: its own state, the example project in a copy, the commands a person has."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard

from tests.rehearsal.stage import REPOSITORY, Done, Stage, copy_of_gallery

STATE = REPOSITORY / ".rehearsal-bench"  # beside a person's own, whose destroy must not meet it
TEMPLATE = "pictures/templates/pictures/base.html"


@contextmanager
def stage(cloud: str = "digitalocean") -> Iterator[Stage]:
    """A stage of the bench's own; a person's `make rehearse` is not touched, and nothing is left."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as scratch:
        made = Stage(state=STATE, gallery=copy_of_gallery(Path(scratch) / "gallery"), cloud_name=cloud)
        checked(made.make("destroy"))
        try:
            yield made
        finally:
            checked(made.make("destroy"))


def first_deploy(stage: Stage) -> None:
    """The local cloud, and staging in it with the copy of the example project."""
    checked(stage.make("up", "--cloud-only"))
    stage.type(f"inside .venv/bin/python -m rehearsal.story --prepare staging --project {stage.gallery}")
    stage.up("staging")


def edit(stage: Stage, *, number: int) -> None:
    """Change the example project so that one can see it."""
    file = stage.gallery / TEMPLATE
    text = file.read_text()
    start = text.index("Edition ")
    file.write_text(f"{text[:start]}Edition {number}{text[text.index('<', start) :]}")


def sent(stage: Stage) -> tuple[int, int]:
    """Bytes of the newest release to the bucket, and of the file that `edit` changes when it is compressed."""
    record = json.loads(checked(stage.type("slipway record staging --json")).stdout)
    return int(record["sent"]), len(zstandard.compress((stage.gallery / TEMPLATE).read_bytes(), level=10))


def timed_up(stage: Stage) -> float:
    """The seconds of one `pulumi up` as a person types it."""
    started = time.monotonic()
    stage.up("staging")
    return time.monotonic() - started


def checked(done: Done) -> Done:
    """The command ended well, or the bench ends with what it said."""
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(map(str, done.args))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def engine_in_words() -> str:
    """Which engine and which plugins were used: times of stand-ins and official ones are not comparable."""
    from rehearsal import engine

    found = engine.engine(lambda _: None)
    plugins = (
        "stand-in plugins of this repository"
        if found.stand_ins
        else "official plugins (DigitalOcean's sleeps by design)"
    )
    return f"{found.describe()}; {plugins}"
