"""The program under the real engine, brought up in a cloud of paper: everything but machines, buckets and SSH."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal import engine
from rehearsal.cloud.app import application, open_cloud
from rehearsal.cloud.core import Cloud
from rehearsal.cloud.serving import Server
from rehearsal.cloud.web import Traffic
from settings.stack_file import STORAGE
from tests.plans.account import RUNNING
from tests.rehearsal.cloud.client import Client
from tests.rehearsal.cloud.paper_hypervisor import PaperHypervisor

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENGINE = shutil.which("pulumi") or engine.kept()
HCLOUD_TOKEN = "local-paper".ljust(64, "0")
PLUGINS = ("command", "digitalocean", "hcloud", "random", "tls")
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Paper:
    """A Pulumi project in a directory, and the account it lives in."""

    place: Path
    url: str
    cloud: Cloud
    plugins: str  # where each of them listens, as the engine takes it

    def pulumi(self, *words: str, stack: str, check: bool = True) -> Done:
        """`pulumi WORDS --stack STACK`."""
        argv = [str(ENGINE), "-C", str(self.place), *words, "--stack", stack, "--non-interactive", "--color", "never"]
        done = subprocess.run(argv, env=self._environment, capture_output=True, text=True, check=False)
        assert not (check and done.returncode), done.stdout + done.stderr
        return done

    def write(self, stack: str, settings: Mapping[str, Any]) -> None:
        """The stack's file, with the engine's own lines kept; None leaves a setting out."""
        file = self.place / f"stacks/Pulumi.{stack}.yaml"
        kept = yaml.safe_load(file.read_text()) if file.exists() else {}
        config = {key: value for key, value in settings.items() if value is not None}
        file.write_text(yaml.safe_dump({**kept, "config": config}))

    def start(self, stack: str) -> None:
        """Make the stack, with the keys its cloud may ask for; its file stands."""
        written = yaml.safe_load((self.place / f"stacks/Pulumi.{stack}.yaml").read_text())["config"]
        self.pulumi("stack", "init", stack=stack)
        if written.get("cloud") == "hetzner":
            pairs = [word for key in STORAGE for word in ("--secret", f"{key}={key.replace('-', '')}")]
            self.pulumi("config", "set-all", *pairs, stack=stack)

    def up(self, stack: str) -> None:
        """Bring the stack up as its file says."""
        self.pulumi("up", "--yes", "--skip-preview", stack=stack)

    def preview(self, stack: str) -> Plan:
        """What `up` would do, or why it would not."""
        done = self.pulumi("preview", "--json", stack=stack, check=False)
        found = json.loads(done.stdout) if done.stdout.strip() else {}
        said = [str(each["message"]) for each in found.get("diagnostics", []) if each.get("severity") == "error"]
        return Plan(done.returncode == 0, found.get("steps", []), "\n".join(said) + done.stderr)

    def calls(self) -> list[str]:
        """Every request so far that was done, as METHOD path."""
        rows = map(json.loads, (self.place / "cloud/requests.jsonl").read_text().splitlines())
        return [f"{row['method']} {row['path']}" for row in rows if row["status"] < 400]

    def writes(self) -> int:
        """How many calls have changed something at the cloud so far."""
        return self.cloud.counters["api_writes"]

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": _path(),
            "HOME": str(self.place / "home"),
            "PULUMI_HOME": str(self.place / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.place / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "paper",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
            "PULUMI_DEBUG_PROVIDERS": self.plugins,
            **_account(self.url),
        }


def _path() -> str:
    return f"{HERE / 'bin'}:{ROOT / 'rehearsal/plugins/bin'}:{os.environ['PATH']}"


def _account(url: str) -> dict[str, str]:
    return {
        "DIGITALOCEAN_API_URL": url,
        "DIGITALOCEAN_TOKEN": "local-paper",
        "DIGITALOCEAN_HTTP_RETRY_MAX": "0",
        "HCLOUD_ENDPOINT": f"{url}/v1",
        "HCLOUD_TOKEN": HCLOUD_TOKEN,
    }


@dataclass(frozen=True)
class Plan:
    """A preview: the steps it would take, or the error it ended with."""

    fine: bool
    steps: list[dict[str, Any]]
    error: str

    def gone(self, kinds: str) -> list[str]:
        """What of these kinds would be deleted or replaced."""
        ends = [step for step in self.steps if re.search("delete|replace", step["op"])]
        chains = [str(step["urn"]).split("::", 2)[2] for step in ends]
        return sorted({f"{chain.split('$')[-1]}" for chain in chains if re.search(rf":({kinds})::", chain)})


@contextmanager
def paper_account(place: Path) -> Iterator[tuple[Cloud, str]]:
    """A new account, and where its API is."""
    cloud = open_cloud(directory=place / "cloud", hypervisor=PaperHypervisor())
    web = application(cloud, objects=lambda _: [], traffic=Traffic(place / "cloud/requests.jsonl"))
    server = Server(web, host="127.0.0.1", port=0)
    server.start()
    try:
        yield cloud, f"http://127.0.0.1:{server.server_port}"
        assert cloud.settle(seconds=10)
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def paper_cloud(place: Path) -> Iterator[Paper]:
    """An account with one empty zone, and the committed project without a stack."""
    with paper_account(place) as (cloud, url):
        Client(url)("POST", "/domains", {"name": "example.org"})
        _zone(url)
        _project(place)
        with _plugins(url) as plugins:
            yield Paper(place, url, cloud, plugins)


@contextmanager
def _plugins(url: str) -> Iterator[str]:
    """The stand-ins, started once for all runs of the engine; it would start each of them in every one."""
    with ExitStack() as stack:
        running = [(name, stack.enter_context(_plugin(name, url))) for name in PLUGINS]
        yield ",".join(f"{name}:{port}" for name, port in running)


@contextmanager
def _plugin(name: str, url: str) -> Iterator[str]:
    environment = {"PATH": _path(), **_account(url)}
    program = shutil.which(f"pulumi-resource-{name}", path=environment["PATH"])
    assert program
    # It has no engine yet, whoever attaches itself says where it is.
    with subprocess.Popen([program, ""], env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        try:
            yield running.stdout.readline().strip()
        finally:
            running.terminate()


def _zone(url: str) -> None:
    body = json.dumps({"name": "example.org", "mode": "primary"}).encode()
    headers = {"Authorization": f"Bearer {HCLOUD_TOKEN}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{url}/v1/zones", body, headers), timeout=10).close()


def _project(place: Path) -> None:
    described = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    described["main"] = os.path.relpath(ROOT, place)
    described["runtime"]["options"]["virtualenv"] = os.path.relpath(ROOT / ".venv", place)
    (place / "Pulumi.yaml").write_text(yaml.safe_dump(described))
    for folder in ("stacks", "backend", "home"):
        (place / folder).mkdir()


SETTINGS: dict[str, Any] = {
    "region": "fra1",
    "domain": "example.org",
    "hosts": ["www.example.org", "example.org"],
    "settings": "gallery.settings",
    "artifact": RUNNING,
    "env": {"NAME": "plain"},
}
