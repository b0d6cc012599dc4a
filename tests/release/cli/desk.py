"""A desk to run `slipway` at: a project, an engine with stacks, a live site, a server; all stand-ins."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
ARTIFACT = "sha256-" + "ab" * 32
RELEASE = "abababababab-01234567"
PRODUCTION = """\
# Production: mind the limits.
config:
  cloud: digitalocean
  domain: example.org   # ours
  project: ../shop      # a pin wins over it

  # who may log in
  ssh-from:
    - 192.0.2.0/24      # the office
encryptionsalt: v1:abc=
"""


# As much of Django as is asked before anything of the site runs; the rest is looked at where there are machines.
CONF = """\
import importlib, os
settings = importlib.import_module(os.environ["DJANGO_SETTINGS_MODULE"])
"""
SERVER = """\
#!/bin/sh
for verb; do :; done
export DJANGO_SETTINGS_MODULE=mysite PYTHONPATH={root}:$PYTHONPATH
{how} {python} -m release.host.data ${{verb##* }}
"""


@dataclass
class Ended:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    root: Path
    certificate: Path
    says: dict[str, Any] = field(default_factory=lambda: {"artifact": ARTIFACT, "release": RELEASE})
    port: int = 0

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def production(self) -> Path:
        return self.project / "stacks" / "Pulumi.production.yaml"

    def stack(self, name: str = "staging", *, history: str = "succeeded", **changes: Any) -> None:
        outputs = {
            "url": f"https://localhost:{self.port}",
            "artifact": ARTIFACT,
            "release": RELEASE,
            "site": "slipway",
            "servers": [{"name": "web-1", "host": "198.51.100.17", "host_key": "ssh-ed25519 AAAA"}],
            "address": "127.0.0.1",
            "hosts": ["localhost"],
            "births": {"cloud-init": "0123456789ab", "web-1": "0123456789ab"},
            "login_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nk\n-----END OPENSSH PRIVATE KEY-----\n",
            **changes,
        }
        folder = self.root / "state" / name
        folder.mkdir(exist_ok=True)
        (folder / "output.json").write_text(json.dumps(outputs))
        (folder / "history.json").write_text(json.dumps([{"kind": "update", "result": history}, {"kind": "update"}]))

    def answer(self, **answer: Any) -> None:
        (self.root / "state" / "answer.json").write_text(json.dumps(answer))

    def agent(self, **changes: Any) -> None:
        units = {"slipway-web@blue.service": "active"}
        said = {"artifact": ARTIFACT, "release": RELEASE, "slot": "blue", "serving": "blue", "units": units, **changes}
        self.answer(stdout=json.dumps(said) + "\n")

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in ("SLIPWAY_PROJECT", "BROWSER")}
        return {
            **kept,
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "FAKE_STATE": str(self.root / "state"),
            "SSL_CERT_FILE": str(self.certificate),
            "TMPDIR": str(self.root / "tmp"),
        }

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "release.cli", *words]

    def run(self, *words: str, stdin: str = "", cwd: Path | None = None, **environment: str) -> Ended:
        ended = subprocess.run(
            self.argv(*words), cwd=cwd or self.project, env={**self.environment(), **environment},
            input=stdin, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def site(self, settings: str) -> None:
        """A site with these settings: ssh runs from now on what the agent would run in its sandbox."""
        (self.root / "mysite.py").write_text(settings)
        (self.root / "django").mkdir()
        (self.root / "django/conf.py").write_text(CONF)
        self.line("exec")

    def line(self, how: str) -> None:
        """The same with something between ssh and the site."""
        script = self.root / "state/server"
        script.write_text(SERVER.format(root=self.root, how=how, python=sys.executable))
        script.chmod(0o755)
        program(self.root / "bin/ssh", f'{script} "$@"')

    def calls(self) -> list[dict[str, Any]]:
        return self._lines("ssh.jsonl")

    def pulumi_calls(self) -> list[Any]:
        return self._lines("pulumi.jsonl")

    def _lines(self, name: str) -> list[Any]:
        path = self.root / "state" / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def furnish(root: Path) -> None:
    """The project, its stack files, and the programs on PATH."""
    for folder in ("bin", "tmp", "state/server-bin", "project/stacks", "project/deeper"):
        (root / folder).mkdir(parents=True)
    (root / "project/Pulumi.yaml").write_text("name: slipway\nruntime: python\nstackConfigDir: stacks\n")
    (root / "project/stacks/Pulumi.staging.yaml").write_text("config:\n  project: ../shop\n")
    (root / "project/stacks/Pulumi.production.yaml").write_text(PRODUCTION)
    program(root / "bin/pulumi", f'{sys.executable} {HERE / "fake_pulumi.py"} "$@"')
    program(root / "bin/ssh", f'{sys.executable} {HERE / "fake_ssh.py"} "$@"')
    tell = "import json, sys; print(json.dumps(sys.argv[1:]))"
    program(root / "state/server-bin/sudo", f"{sys.executable} -c '{tell}' \"$@\"")


def program(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\nexec {command}\n")
    path.chmod(0o755)


def certificate(folder: Path, *, host: str = "localhost", days: int = 90) -> Path:
    """A certificate that is its own authority, with its key in one file; it ended already where `days` are below 0."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=91))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / f"{host}{days}.pem"
    path.write_bytes(
        made.public_bytes(form) + key.private_bytes(form, kind, serialization.NoEncryption())  # one file, both
    )
    return path


def serve(desk: Desk) -> http.server.ThreadingHTTPServer:
    """The live site."""

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"environment": "staging", **desk.says}).encode()
            self.send_response(int(desk.says.get("status", 200)))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(desk.certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server
