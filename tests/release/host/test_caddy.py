"""The site's Caddyfile: golden text in three states, and loading it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from release.host.agent.caddy import put, render, size
from release.host.agent.failure import Failure
from release.host.agent.machine import Done
from release.host.agent.site import Site
from tests.release.host.bench import Recorded

GOLDEN = Path(__file__).parent.parent.parent / "rendered"
TWO = ("gallery.example", "www.gallery.example")
HASH = "$2a$14$" + "aB./" * 13 + "x"
CASES: dict[str, dict[str, Any]] = {
    "before-arrival": {"hosts": TWO, "media": "private", "arrived": False},
    "after-arrival": {"hosts": TWO, "media": "private", "arrived": True},
    "one-host-media-on-disk": {"hosts": TWO[:1], "media": "disk", "arrived": True},
    "with-a-password": {"hosts": TWO[:1], "media": "disk", "arrived": True, "password": HASH},
}


def rendered(**case: Any) -> str:
    return render(site="gallery", max_upload="25MB", **case)


@pytest.mark.parametrize("name", CASES)
def test_is_the_reviewed_text(name: str) -> None:
    golden = GOLDEN / f"{name}.caddy"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(rendered(**CASES[name]))
    assert rendered(**CASES[name]) == golden.read_text()


@pytest.mark.parametrize("name", CASES)
def test_caddy_takes_it(name: str, tmp_path: Path) -> None:
    if not shutil.which("caddy"):
        pytest.skip("caddy is not on PATH")
    (tmp_path / "Caddyfile").write_text(rendered(**CASES[name]))
    subprocess.run(["caddy", "adapt", "--config", str(tmp_path / "Caddyfile")], check=True, capture_output=True)


def test_no_certificate_is_asked_for_before_the_address_arrives() -> None:
    text = rendered(**CASES["before-arrival"])
    assert [line for line in text.splitlines() if line.endswith(" {") and line.startswith((":", "gallery"))] == [
        ":80 {"
    ]


@pytest.mark.parametrize(
    ("text", "wanted"), [("25MB", 25_000_000), ("10 MiB", 10 * 1024**2), ("1gb", 1000**3), ("512B", 512)]
)
def test_reads_sizes_as_caddy_does(text: str, wanted: int) -> None:
    assert size(text) == wanted


@pytest.mark.parametrize("text", ["25", "huge", "25MB }", "-1MB"])
def test_refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(Failure) as refused:
        size(text)
    assert str(refused.value) == f"max-upload: should be a size such as 25MB (got {text!r})"


def test_is_loaded_only_when_it_changed(site: Site, machine: Recorded) -> None:
    assert put(site, machine, "# new\n")
    assert not put(site, machine, "# new\n")
    assert machine.told("systemctl") == ["systemctl try-reload-or-restart caddy"]


def test_what_caddy_refuses_is_not_put_in_place(site: Site, machine: Recorded) -> None:
    machine.answers["caddy validate"] = Done(1, "", 'Error: adapting config: unrecognized directive: "x"\n')
    with pytest.raises(Failure, match="caddy: Error: adapting config"):
        put(site, machine, "x\n")
    assert site.caddy.read_text() == "# holding\n"


def test_what_caddy_cannot_load_is_taken_back(site: Site, machine: Recorded) -> None:
    machine.answers["systemctl try-reload"] = Done(1, "", "Job failed\n")
    with pytest.raises(Failure, match="caddy: Job failed"):
        put(site, machine, "x\n")
    assert site.caddy.read_text() == "# holding\n"
