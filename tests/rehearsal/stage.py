"""One rehearsal of its own for the tests, driven with the commands a person has."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
Done = subprocess.CompletedProcess[str]
# The clouds' public APIs, as a terminal of the rehearsal knows them: the token's name, and the way there.
APIS = {
    "digitalocean": ("DIGITALOCEAN_TOKEN", "$DIGITALOCEAN_API_URL/v2"),
    "hetzner": ("HCLOUD_TOKEN", "$HCLOUD_ENDPOINT"),
}


@dataclass(frozen=True)
class Stage:
    """A running rehearsal under `state`, with a copy of the example project that tests may edit.

    Its stacks live on `cloud_name`.
    """

    state: Path
    gallery: Path
    cloud_name: str = field(default="digitalocean", kw_only=True)
    said: list[str] = field(default_factory=list, repr=False, kw_only=True)  # by every command but those about secrets

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLIPWAY_REHEARSAL_DIR": str(self.state)}

    def make(self, *args: str) -> Done:
        """`python -m rehearsal ARGS`, as make calls it."""
        return self._run([sys.executable, "-m", "rehearsal", *args])

    def type(self, command: str, *, input: str | None = None, check: bool = True, secret: bool = False) -> Done:
        """A command line typed into a terminal that has sourced the rehearsal's env; a `secret` one is not kept."""
        done = self._run(["bash", "-c", f". {self.state}/env && {command}"], input=input)
        if not secret:
            self.said.append(f"$ {command}\n{done.stdout}\n{done.stderr}")
        if check and done.returncode:
            raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, command: str) -> subprocess.Popen[str]:
        """The same in the background."""
        return subprocess.Popen(
            ["bash", "-c", f". {self.state}/env && exec {command}"],
            cwd=REPOSITORY,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def up(self, stack: str, *, check: bool = True) -> Done:
        return self.type(f"pulumi up --yes --skip-preview --non-interactive --color never -s {stack}", check=check)

    def outputs(self, stack: str) -> dict[str, Any]:
        done = self.type(f"pulumi stack output --json --show-secrets -s {stack}", secret=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def cloud(self, path: str, *, method: str = "GET", body: Any = None) -> dict[str, Any]:
        """The local cloud's own view, under /_cloud/."""
        found: dict[str, Any] = json.loads(
            self.type(f"inside curl -fsS -X {method} {_json(body)} $DIGITALOCEAN_API_URL/_cloud/{path}").stdout
        )
        return found

    def fault(self, **rule: Any) -> None:
        """Let something go wrong from now on; docs/rehearsal.md, Faults."""
        self.type("inside curl -fsS $DIGITALOCEAN_API_URL/_cloud/faults --json @-", input=json.dumps(rule))

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self.cloud("faults", method="DELETE")

    def api(self, path: str, *, method: str = "GET", body: Any = None) -> dict[str, Any]:
        """The cloud's public API, asked with the rehearsal's token."""
        token, url = APIS[self.cloud_name]
        header = f'-H "Authorization: Bearer ${token}"'
        done = self.type(f'inside curl -fsS -X {method} {header} {_json(body)} "{url}/{path}"')
        found: dict[str, Any] = json.loads(done.stdout or "{}")
        return found

    def root(self, script: str, *, stack: str = "staging", secret: bool = False) -> str:
        """What a shell script says, run by root on the stack's machine, over SSH as a person with its key would."""
        found = self.outputs(stack)
        host = found["servers"][0]["host"]
        return self.logged_in(f"deploy@{host}", "sudo bash -eus", key=found["login_key"], input=script, secret=secret)

    def data_root(self, script: str, *, stack: str = "staging") -> str:
        """The same on the machine that keeps the stack's database."""
        found = self.outputs(stack)
        host = found["data"]["server"]["host"]
        return self.logged_in(f"deploy@{host}", "sudo bash -eus", key=found["data_login_key"], input=script)

    def logged_in(self, whom: str, command: str, *, key: str, input: str, secret: bool = False) -> str:
        """What a command says that is run over SSH with this private key."""
        file = self.state / f"test-key-{secrets.token_hex(4)}"
        file.touch(mode=0o600)
        file.write_text(key)
        options = f"-i {file} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        try:
            return self.type(f"inside ssh {options} {whom} {command}", input=input, secret=secret).stdout
        finally:
            file.unlink()

    def take_own_token(self) -> None:
        """A token that nobody else has: where it turns up, it came from here."""
        token = f"local-{secrets.token_hex(29)}"  # as long as Hetzner's are
        with (self.state / "env").open("a") as file:
            file.write(f"export {APIS[self.cloud_name][0]}={token}\n")

    def renew(self, stack: str) -> None:
        """The rehearsal's copy of the stack file as its owner wrote it, whatever tests before have set."""
        (self.state / f"project/stacks/Pulumi.{stack}.source").unlink(missing_ok=True)
        done = self.make("up", "--cloud-only", "--cloud", self.cloud_name)
        assert done.returncode == 0, done.stdout + done.stderr

    def live(self, url: str) -> dict[str, Any]:
        """What the site says it runs, over its public name with its certificate verified."""
        found: dict[str, Any] = json.loads(self.type(f"inside curl -fsS --max-time 10 {url}/_slipway/release").stdout)
        return found

    def page(self, url: str) -> str:
        return self.type(f"inside curl -fsS --max-time 10 {url}/").stdout

    def edit(self, file: str, old: str, new: str) -> Callable[[], None]:
        """Replace text in the example project; returns the way back."""
        path = self.gallery / file
        before = path.read_text()
        assert old in before, f"{file}: {old!r} is not there"
        path.write_text(before.replace(old, new))

        def undo() -> None:
            path.write_text(before)

        return undo

    def write(self, file: str, text: str) -> Callable[[], None]:
        """Add a file to the example project; returns the way back."""
        path = self.gallery / file
        assert not path.exists()
        path.write_text(text)
        return path.unlink

    def _run(self, command: list[str], *, input: str | None = None) -> Done:
        return subprocess.run(
            command,
            cwd=REPOSITORY,
            env=self.environment,
            input=input,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )


def _json(body: Any) -> str:
    return "" if body is None else f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"


def wait_until(true: Callable[[], bool], *, limit: float, what: str) -> float:
    """Poll until `true`; returns the seconds it took, fails with `what` past `limit` seconds."""
    started = time.monotonic()
    while time.monotonic() - started < limit:
        try:
            if true():
                return time.monotonic() - started
        except (AssertionError, urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {limit:.0f} s")


DEBRIS = shutil.ignore_patterns("__pycache__", "*.sqlite3")


def copy_of_gallery(target: Path) -> Path:
    """The example project at a place where a test may edit it."""
    shutil.copytree(REPOSITORY / "examples/gallery", target, ignore=DEBRIS)
    return target


def with_trials(project: Path) -> Path:
    """The project with one app more, which tries as the site itself what a site may do."""
    return with_app(project, REPOSITORY / "tests/rehearsal/trials")


def with_app(project: Path, app: Path) -> Path:
    """The copy of the example project with one app more, its pages under the app's name."""
    name = app.name
    shutil.copytree(app, project / name, ignore=DEBRIS)
    for file, old, new in (
        ("gallery/settings.py", '    "pictures",', f'    "pictures",\n    "{name}",'),
        ("gallery/urls.py", '    path("admin/",', f'    path("{name}/", include("{name}.urls")),\n    path("admin/",'),
    ):
        before = (project / file).read_text()
        assert old in before
        (project / file).write_text(before.replace(old, new))
    return project


def descendants(pid: int) -> list[tuple[int, list[str]]]:
    """(pid, argv) of every process below `pid`, for ending one of them by its exact id."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
    found: list[tuple[int, list[str]]] = []
    todo = [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            try:
                argv = (Path("/proc") / str(child) / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            found.append((child, argv))
            todo.append(child)
    return found


def end_prober(prober: subprocess.Popen[str], report: Path) -> dict[str, Any]:
    """Let a prober end its plan early; its report."""
    for pid, argv in [*descendants(prober.pid), (prober.pid, [])]:
        if "rehearsal.prober" in argv or not argv:
            os.kill(pid, signal.SIGTERM)
    output, _ = prober.communicate(timeout=30)
    assert report.exists(), output
    found: dict[str, Any] = json.loads(report.read_text())
    return found
