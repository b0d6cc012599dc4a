"""The real engine over the stand-ins: a small program previewed, brought up, left alone, broken, destroyed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rehearsal import engine

pytestmark = pytest.mark.whole

PROGRAM = """
import pulumi
import pulumi_command as command
import pulumi_random as random
import pulumi_tls as tls

print("a line of the program")
password = random.RandomPassword("password", length=20, special=False)
pet = random.RandomPet("pet")
key = tls.PrivateKey("key", algorithm="ED25519")
said = command.local.Command(
    "said", create=pulumi.Config().get("create") or "wc -c; pwd", stdin=password.result, triggers=[pet.id]
)
turn = pulumi.Config().get("turn") or "1"
for name, old_first in (("new-first", False), ("old-first", True)):
    lines = {verb: f"echo {verb} $(cat) $TURN >> {name}.log" for verb in ("create", "update", "delete")}
    command.local.Command(
        name,
        **lines,
        stdin=turn,
        environment={"TURN": turn},
        triggers=[turn.partition(".")[0]],
        opts=pulumi.ResourceOptions(delete_before_replace=old_first),
    )
pulumi.export("said", said.stdout)
pulumi.export("password", password.result)
pulumi.export("key", key.public_key_openssh)
"""


def _engine() -> Path | None:
    """An engine that is here already: a test is no reason to build one."""
    on_path = shutil.which("pulumi")
    return Path(on_path) if on_path else engine.kept()


class Project:
    """A project of its own with a stack in a directory."""

    def __init__(self, place: Path, pulumi: Path) -> None:
        self._pulumi, self._place = pulumi, place
        plugins = engine.Engine(path=pulumi, stand_ins=engine.PLUGINS).project_plugins()
        options = {"toolchain": "pip", "virtualenv": str(Path(sys.executable).parents[1])}
        settings = {"name": "small", "runtime": {"name": "python", "options": options}, "plugins": plugins}
        (place / "Pulumi.yaml").write_text(json.dumps(settings))
        (place / "__main__.py").write_text(PROGRAM)
        (place / "backend").mkdir()
        self("stack", "init", "dev")

    def __call__(self, *args: str, ok: bool = True) -> str:
        """Run `pulumi ARGS`; what it printed."""
        own = {
            "PULUMI_HOME": str(self._place / "home"),
            "PULUMI_BACKEND_URL": f"file://{self._place / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "small",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        command = [str(self._pulumi), *args, "--color", "never", "--non-interactive"]
        done = subprocess.run(
            command, cwd=self._place, env={**os.environ, **own}, capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def lines(self, name: str) -> list[str]:
        """Give what commands of the program have written."""
        return (self._place / name).read_text().splitlines()

    def outputs(self) -> Any:
        """The stack's outputs, in plain."""
        return json.loads(self("stack", "output", "--json", "--show-secrets"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A new project, or a skip that says what is missing."""
    pulumi = _engine()
    if pulumi is None:
        pytest.skip("no engine is built yet: make rehearse builds one")
    return Project(tmp_path, pulumi)


def test_a_small_program_from_preview_to_destroy(project: Project) -> None:
    previewed = project("preview")
    assert "+ 7 to create" in previewed
    assert "a line of the program" in previewed
    assert "warning" not in previewed

    made = project("up", "--yes", "--skip-preview")
    assert "+ 7 created" in made
    outputs = project.outputs()
    assert outputs["said"].startswith("20\n")
    assert outputs["key"].startswith("ssh-ed25519 ")
    assert outputs["password"] not in made

    project("config", "set", "turn", "1.1")
    changed = project("up", "--yes", "--skip-preview")
    assert ("~ 2 updated" in changed, "5 unchanged" in changed) == (True, True)
    assert project.outputs() == outputs

    project("config", "set", "turn", "2")
    assert "+-2 replaced" in project("up", "--yes", "--skip-preview")
    born = ["create 1 1", "update 1.1 1.1"]
    assert project.lines("new-first.log") == [*born, "create 2 2", "delete 1.1 1.1"]
    assert project.lines("old-first.log") == [*born, "delete 1.1 1.1", "create 2 2"]

    project("config", "set", "create", "echo broken >&2; exit 4")
    failed = project("up", "--yes", "--skip-preview", ok=False)
    assert 'exit status 4: running "echo broken >&2; exit 4":\n    broken' in failed
    assert "Traceback" not in failed

    assert "- 7 deleted" in project("destroy", "--yes", "--skip-preview")
    assert project.lines("old-first.log")[-1] == "delete 2 2"
