"""The golden plan against the real engine, with the stand-in plugins and an account that has one empty zone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from rehearsal import engine
from tests.plans.account import RUNNING

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENGINE = shutil.which("pulumi") or engine.kept()
ANSWERS = {
    "/v2/domains/example.org": {"domain": {"name": "example.org", "ttl": 1800, "zone_file": ""}},
    "/v2/domains/example.org/records": {"domain_records": [], "links": {}, "meta": {"total": 0}},
}


class OneZone(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answer = ANSWERS.get(self.path.split("?")[0])
        body = json.dumps(answer or {"id": "not_found", "message": self.path}).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def api() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), OneZone) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The committed project and its staging stack, pinned so that nothing is built."""
    described = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    described["main"] = os.path.relpath(ROOT, tmp_path)
    described["runtime"]["options"]["virtualenv"] = os.path.relpath(ROOT / ".venv", tmp_path)
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump(described))
    written = yaml.safe_load((ROOT / "stacks/Pulumi.staging.yaml").read_text())
    written["config"]["artifact"] = RUNNING
    for folder in ("stacks", "backend", "home"):
        (tmp_path / folder).mkdir()
    (tmp_path / "stacks/Pulumi.staging.yaml").write_text(yaml.safe_dump(written))
    return tmp_path


@pytest.fixture
def environment(project: Path, api: str) -> dict[str, str]:
    return {
        "PATH": f"{ROOT / 'rehearsal/plugins/bin'}:{os.environ['PATH']}",
        "HOME": str(project / "home"),
        "PULUMI_HOME": str(project / "home"),
        "PULUMI_BACKEND_URL": f"file://{project / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "golden",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        "DIGITALOCEAN_API_URL": api,
        "DIGITALOCEAN_TOKEN": "local-golden",
        "DIGITALOCEAN_HTTP_RETRY_MAX": "0",
    }


def pulumi(*words: str, project: Path, environment: dict[str, str]) -> str:
    command = [str(ENGINE), "-C", str(project), *words, "--non-interactive"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not ENGINE, reason="needs the pulumi engine, on PATH or built by make rehearse")
def test_the_engine_sees_the_golden_plan(project: Path, environment: dict[str, str]) -> None:
    pulumi("stack", "init", "staging", project=project, environment=environment)
    plan = json.loads(pulumi("preview", "--json", "--stack", "staging", project=project, environment=environment))
    assert {step["op"] for step in plan["steps"]} == {"create"}
    chains = {" :: ".join(step["urn"].split("::")[-2:]) for step in plan["steps"]} - {
        "pulumi:pulumi:Stack :: slipway-staging"
    }
    golden = (HERE / "staging-digitalocean.txt").read_text().splitlines()
    assert sorted(chains) == [line for line in golden if not line.startswith(" ")]
