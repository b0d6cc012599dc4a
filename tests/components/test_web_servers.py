"""How machines are waited for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import ComponentResource, Output, ResourceOptions

from components import web_servers
from components.cloud_init import CloudInitError
from components.web_servers import WebServers, birth_of
from settings import Servers
from tests.components.in_memory import InMemory
from tests.plans.account import Account, plain

SCRIPT = Path(web_servers.__file__).parent / "ready.sh"
SUDO = """#!/bin/bash
shift
case $1 in
  cat) echo "step packages failed: exit 100" ;;
  test) [ -e "$MACHINE/$(basename "$3")" ] ;;
  tail) echo "E: Unable to locate package caddy" ;;
  *) exec "$@" ;;
esac
"""


def up(account: Account, **more: Any) -> None:
    wanted: dict[str, Any] = {"count": 1, "size": "small", "generation": 1, "ssh_from": ("::/0",)}

    def program() -> None:
        ground = ComponentResource("slipway:components:Ground", "ground")
        servers = Servers(**{**wanted, **more})
        inside = ResourceOptions(parent=ground)
        address = Output.from_input("192.0.2.200")
        WebServers("web", cloud=InMemory(), site="shop", address=address, wanted=servers, opts=inside)

    account.up(program)


def test_a_machine_is_waited_for_with_its_own_key_and_an_end(account: Account) -> None:
    up(account)
    connection = plain(account.one("Command", "web-1").inputs["connection"])
    assert connection["user"] == "deploy"
    assert connection["hostKey"] == "ssh-ed25519 AAAA"
    assert connection["dialErrorLimit"] == 120
    assert connection["perDialTimeout"] == 10


def test_a_new_machine_is_waited_for_anew_and_a_plan_shows_why(account: Account) -> None:
    up(account, generation=2, size="medium")
    triggers = account.one("Command", "web-1").inputs["triggers"]
    assert triggers[1:] == ["server-generation 2", "server-size medium"]


def test_a_newer_cloud_init_does_not_touch_machines_that_exist(account: Account) -> None:
    up(account)
    assert list(account.one("Command", "web-1").options.ignoreChanges) == ["create", "stdin"]


def test_user_data_that_is_too_big_is_refused_before_keys_are_known(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render(*_: object, **__: object) -> str:
        raise CloudInitError("cloud-init/web.yaml: should be at most 32768 bytes when rendered (got 40000)")

    monkeypatch.setattr(web_servers, "render", render)
    with pytest.raises(pulumi.RunError, match=r"^cloud-init/web.yaml: should be at most 32768 bytes"):
        up(account)


def test_keys_of_a_preview_are_as_long_as_real_ones() -> None:
    assert len(web_servers.PRIVATE_KEY) >= 387
    assert len(web_servers.PUBLIC_KEY) == 80


def test_a_birth_is_named_after_everything_but_keys() -> None:
    assert birth_of(site="shop") == birth_of(site="shop") != birth_of(site="other")


def ready(folder: Path, *, boot: int, left: Sequence[str] = ("bootstrapped",)) -> subprocess.CompletedProcess[str]:
    for name, text in {"sudo": SUDO, "cloud-init": f"#!/bin/bash\n[ $2 = --wait ] && exit {boot}\n"}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    for name in left:
        (folder / name).touch()
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "MACHINE": str(folder)}
    with SCRIPT.open() as script:
        return subprocess.run(
            ["bash", "-s", "0cd1ca63aada"], stdin=script, env=environment, capture_output=True, text=True, check=False
        )


@pytest.mark.parametrize("boot", [0, 2])
def test_a_machine_that_is_ready_tells_its_birth_warnings_or_not(tmp_path: Path, boot: int) -> None:
    done = ready(tmp_path, boot=boot)
    assert (done.returncode, done.stdout) == (0, "0cd1ca63aada\n")


@pytest.mark.parametrize(
    ("boot", "left"),
    [(1, ["bootstrapped"]), (2, ["bootstrap-failed"]), (0, []), (0, ["bootstrapped", "bootstrap-failed"])],
)
def test_a_boot_that_failed_says_where_and_shows_the_end_of_its_log(tmp_path: Path, boot: int, left: list[str]) -> None:
    done = ready(tmp_path, boot=boot, left=left)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0] == "the first boot failed at: step packages failed: exit 100"
    assert "E: Unable to locate package caddy" in lines
    assert lines[-1].startswith("the way out:")
