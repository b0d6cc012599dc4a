"""What runs on a user's own computer runs on a Mac too: its shell scripts, its words, its limits."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ("bin/slipway", "tools/setup-venv", "Makefile")
# Only servers and the rehearsal are Linux for certain.
OWN = ["__main__.py", "settings/*.py", "components/**/*", "release/*.py"]
OWN += [f"release/{part}/**/*" for part in ("build", "cli")] + ["release/driver/**/*.py"]
GNU = re.compile(
    r"readlink -f|realpath |\b(sha|md5)\d*sum\b|\bsed -i|\bgrep -P|\bdate -d|\bstat -c|\bcp -a|\bxargs -r|\bbase64 -w"
    r"|\bsort -V|\bmktemp --|\bmapfile\b|\bdeclare -A|\$\{\w+(\^|,)|/proc/|/dev/shm|\bsched_\w+affinity|\bepoll\b"
    r"|\bpidfd|\bmemfd|AF_UNIX|ControlPath=[^n]"
)


@pytest.mark.parametrize("shell", ["sh", "bash --posix"])
def test_the_command_finds_its_home_without_gnu(tmp_path: Path, shell: str) -> None:
    """Through two links, one of them relative, with a readlink that has no options."""
    readlink = tmp_path / "tools" / "readlink"
    readlink.parent.mkdir()
    readlink.write_text(f'#!/bin/sh\n[ $# = 1 ] || exit 64\nexec {shutil.which("readlink")} "$1"\n')
    readlink.chmod(0o755)
    (tmp_path / "first").symlink_to(ROOT / "bin/slipway")
    (tmp_path / "slipway").symlink_to("first")
    path = f"{readlink.parent}:/usr/bin:/bin"
    command = [*shell.split(), str(tmp_path / "slipway"), "--help"]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: slipway")


def test_nothing_a_user_runs_asks_for_gnu_or_linux() -> None:
    files = [ROOT / name for name in SCRIPTS] + [path for pattern in OWN for path in ROOT.glob(pattern)]
    texts = [path for path in files if path.is_file() and "__pycache__" not in path.parts]
    assert len(texts) > 60
    assert [f"{path.relative_to(ROOT)}: {found[0]}" for path in texts if (found := GNU.search(path.read_text()))] == []


@pytest.mark.parametrize("planted", ["readlink -f x", "sed -i s/a/b/", "Path('/proc/1')", "${name^^}", "sha256sum"])
def test_the_words_are_recognised(planted: str) -> None:
    assert GNU.search(planted)
