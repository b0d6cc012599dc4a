"""What a process of a release finds when its interpreter has started."""

import json
import os
import subprocess
import sys
from pathlib import Path

from release.host.agent.masking import forms

CODE = "import json, os, sys; print(json.dumps([sys.path, os.environ.get('GREETING'), 'loud' in sys.modules]))"


def started(overlay: Path, tmp_path: Path, *, credentials: str | None) -> subprocess.CompletedProcess[str]:
    for place in ("site-packages", "src/src"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
    environment = {"PYTHONPATH": os.pathsep.join(map(str, (overlay, tmp_path / "site-packages", tmp_path / "src")))}
    if credentials is not None:
        (tmp_path / "env").write_text(credentials)
        environment["CREDENTIALS_DIRECTORY"] = str(tmp_path)
    return subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False)


def test_credentials_are_in_the_environment_and_pth_files_are_read(overlay: Path, tmp_path: Path) -> None:
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "loud.py").write_text("")
    (tmp_path / "site-packages" / "loud.pth").write_text("import loud\n")
    done = started(overlay, tmp_path, credentials='{"GREETING": "hello\\nworld"}')
    _, greeting, loud = json.loads(done.stdout)
    assert (greeting, loud, done.stderr) == ("hello\nworld", True, "")


def test_only_the_releases_own_packages_are_importable(overlay: Path, tmp_path: Path) -> None:
    paths = json.loads(started(overlay, tmp_path, credentials=None).stdout)[0]
    packages = [path for path in paths if path.endswith(("site-packages", "dist-packages"))]
    assert packages == [str(tmp_path / "site-packages")]
    assert paths[-1] == str(tmp_path / "src" / "src")


TALK = """
import json, os, sys
print(os.environ["TOKEN"], flush=True)
print("connecting to", repr(os.environ["TOKEN"]), file=sys.stderr)
raise LookupError(json.dumps(dict(os.environ)))
"""


def test_no_secret_reaches_the_journal_in_any_shape(overlay: Path, tmp_path: Path) -> None:
    token = 'it\'s "quoted" 50% ünder\nline two'
    (tmp_path / "env").write_text(json.dumps({"TOKEN": token, "SLIPWAY_MASK": json.dumps(forms([token]))}))
    environment = {"PYTHONPATH": str(overlay), "CREDENTIALS_DIRECTORY": str(tmp_path)}
    said = {}
    for journal in (True, False):
        with (tmp_path / "log").open("w+") as log:
            status = os.fstat(log.fileno())
            stream = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"} if journal else {}
            subprocess.run(
                [sys.executable, "-c", TALK], env={**environment, **stream}, stdout=log, stderr=log, check=False
            )
            said[journal] = (tmp_path / "log").read_text()
    assert "[secret]\nconnecting to '[secret]'" in said[True]
    assert not [form for form in forms([token]) if form in said[True]]
    assert "SLIPWAY_MASK" not in said[True]
    assert token in said[False], "the control: without it the same process tells"


def test_unreadable_credentials_stop_the_process_loudly(overlay: Path, tmp_path: Path) -> None:
    done = started(overlay, tmp_path, credentials="{broken")
    assert done.returncode == 78
    assert done.stderr == f"slipway: {tmp_path}/env: should be a readable JSON object (got JSONDecodeError)\n"
