"""What an environment knows of itself from its last `up`, with mocks and with the real engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import before
from components.before import Before
from rehearsal import engine
from tests.plans.account import Account

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[2]
ENGINE = shutil.which("pulumi") or engine.kept()
PROGRAM = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
import pulumi
from components.before import Before

before, turn = Before(), pulumi.Config().require("turn")
for name in ("shape", "word"):
    found = pulumi.Output.all(name, before.get(name), pulumi.Output.from_input(before.get(name).is_secret()))
    pulumi.Output.unsecret(found).apply(lambda found: pulumi.info("<%s %r secret=%r>" % tuple(found)))
if turn == "fails":
    raise pulumi.RunError("planted")
pulumi.export("shape", {{"sides": [3, turn]}})
pulumi.export("word", pulumi.Output.secret("open sesame"))
"""


def _read(account: Account, name: str) -> tuple[Any, bool]:
    kept: list[Any] = []

    async def look() -> None:
        found = Before().get(name)
        kept.extend((await found.future(), await found.is_secret()))

    def program() -> None:
        pulumi.export("looked", pulumi.Output.from_input(look()))

    account.up(program)
    return kept[0], kept[1]


def test_nothing_is_there_before_a_first_up(account: Account) -> None:
    assert _read(account, "settings") == (None, False)


def test_what_was_secret_stays_secret(account: Account) -> None:
    account.before, account.secret_before = {"key": "k", "region": "fra1"}, ["key"]
    assert _read(account, "key") == ("k", True)
    assert _read(account, "region") == ("fra1", False)


def test_the_plan_does_not_show_that_it_was_read(account: Account) -> None:
    account.up(Before)
    assert account.asked == []


@pytest.mark.parametrize(("times", "fails"), [(2, False), (9, True)])
def test_a_state_that_is_half_written_is_read_again(
    account: Account, monkeypatch: pytest.MonkeyPatch, times: int, fails: bool
) -> None:
    """As an `up` met it on a file backend: the engine writes its first checkpoint while the program starts."""
    monkeypatch.setattr(before, "PAUSES", (0.0, 0.0, 0.0))
    answers = account.call
    asked: list[Any] = [({}, [("name", "failed to load checkpoint: EOF")])] * times
    monkeypatch.setattr(account, "call", lambda args: answers(args) if not asked else asked.pop())
    account.before = {"region": "fra1"}
    if fails:
        with pytest.raises(Exception, match="failed to load checkpoint"):
            _read(account, "region")
    else:
        assert _read(account, "region") == ("fra1", False)


@pytest.mark.skipif(not ENGINE, reason="needs the pulumi engine, on PATH or built by make rehearse")
def test_the_engine_gives_a_stack_its_own_outputs(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        f"name: own\nruntime: {{name: python, options: {{toolchain: pip, virtualenv: {ROOT / '.venv'}}}}}\n"
    )
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / "backend").mkdir()
    nothing = ["<shape None secret=False>", "<word None secret=False>"]
    assert _said(tmp_path, "preview", turn="one", new=True) == nothing
    assert _said(tmp_path, "up", turn="fails", fails=True) == nothing
    assert _said(tmp_path, "up", turn="one") == nothing
    recorded = ["<shape {'sides': [3.0, 'one']} secret=False>", "<word 'open sesame' secret=True>"]
    assert _said(tmp_path, "preview", "--expect-no-changes", turn="one") == recorded


def _said(project: Path, *words: str, turn: str, new: bool = False, fails: bool = False) -> list[str]:
    """What the program found when this was run."""
    environment = {
        "PATH": f"{ROOT / 'rehearsal/plugins/bin'}:{os.environ['PATH']}",
        "HOME": str(project),
        "PULUMI_BACKEND_URL": f"file://{project / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "own",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [str(ENGINE), "-C", str(project), *words, "--stack", "s", "--non-interactive"]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)

    if new:
        assert not run("stack", "init").returncode
    skipped = ["--yes", "--skip-preview"] if words[0] == "up" else []
    ended = run(*words, *skipped, "--config", f"turn={turn}")
    assert bool(ended.returncode) is fails, ended.stdout + ended.stderr
    return sorted(set(re.findall(r"<.*>", ended.stdout)))
