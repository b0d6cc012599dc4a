"""A world of servers behind a stand-in for ssh, and what lies in buckets."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import zstandard

from tests.release.driver.warm import Driver

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
ADDRESS = "192.0.2.10"  # a folder of this name is the machine behind it
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nthe-login-key\n-----END OPENSSH PRIVATE KEY-----"


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        assert self.err == ""
        assert self.out.count("\n") == 1
        answer: dict[str, Any] = json.loads(self.out)
        return answer


@dataclass
class World:
    """Scratch trees of servers, and the command line that releases to them."""

    root: Path
    bucket: dict[str, str]
    artifact: str
    warm: Path | None = None  # without it a driver is started as the program starts it
    servers: list[dict[str, str]] = field(default_factory=list)
    pages: list[http.server.ThreadingHTTPServer] = field(default_factory=list)
    started: list[subprocess.Popen[str] | Driver] = field(default_factory=list)
    agent: str = str(HERE / "fake_agent.py")
    python: str = sys.executable

    def server(self, name: str = "web-1", *, serves: str = "", **story: Any) -> Path:
        folder = self.root / name
        folder.mkdir()
        (folder / "story.json").write_text(json.dumps(story))
        if serves:
            (folder / "current").write_text(serves)
        page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _site(folder))
        threading.Thread(target=page.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.pages.append(page)
        host = f"127.0.0.1:{page.server_port}"
        self.servers.append({"name": name, "host": host, "host_key": f"ssh-ed25519 AAAA{name}"})
        return folder

    def document(self, **changes: Any) -> dict[str, Any]:
        document = {
            "site": "slipway",
            "environment": "staging",
            "settings": "gallery.settings",
            "hosts": ["staging.example.org", "www.staging.example.org"],
            "env": {"PLAIN": "plain"},
            "secrets": {"API_KEY": "sk-very-secret"},
            "secret_key": "django-secret-key",
            "database": {"host": "10.0.0.5", "password": "database-password", "admin_password": "admin-password"},
            "media": {"mode": "private", "bucket": self.bucket},
            "bucket": self.bucket,
            "source": None,
            "servers": self.servers,
            "address": ADDRESS,
            "login_key": KEY,
            "certificate_key": "certificate-secret",
            "limits": {"gate": 5, "commit": 2, "drain": 1, "connect": 3},
        }
        return {**document, **changes}

    def start(self, *words: str, document: dict[str, Any]) -> subprocess.Popen[str] | Driver:
        environment = {
            **os.environ,
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "FAKE_WORLD": str(self.root),
            "FAKE_AGENT": self.agent,
            "FAKE_AGENTS": str(self.warm.parent) if self.warm else str(self.root),
            "FAKE_PYTHON": self.python,
            "FAKE_SYSTEM_PYTHON": sys.executable,
            "SLIPWAY_CACHE": str(self.root / "cache"),
            "TMPDIR": str(self.root / "tmp"),
        }
        self.started.append(self._started(words, environment, json.dumps(document)))
        return self.started[-1]

    def _started(
        self, words: Sequence[str], environment: Mapping[str, str], document: str
    ) -> subprocess.Popen[str] | Driver:
        place = self.root / f"driver-{len(self.started)}"
        if self.warm:
            return Driver(self.warm, words=words, environment=environment, document=document, place=place)
        place.write_text(document)
        pipe, command = subprocess.PIPE, [sys.executable, "-m", "release.driver", *words]
        with place.open() as given:
            return subprocess.Popen(
                command, cwd=REPOSITORY, env=environment, text=True, stdin=given, stdout=pipe, stderr=pipe
            )

    def run(self, *words: str, document: dict[str, Any] | None = None) -> Result:
        process = self.start(*words, document=document or self.document())
        out, err = process.communicate(timeout=60)
        return Result(process.returncode, out, err)

    def before(self, **story: Any) -> Path:
        """The machine that stands behind the address."""
        folder = self.root / ADDRESS
        folder.mkdir()
        (folder / "story.json").write_text(json.dumps(story))
        return folder

    def release(self, **changes: Any) -> Result:
        return self.run("release", self.artifact, document=self.document(**changes))

    def close(self) -> None:
        """End what a failed test has left running."""
        for process in self.started:
            process.kill()
            process.communicate()
        for page in self.pages:
            page.shutdown()
            page.server_close()

    def calls(self, name: str = "web-1") -> list[dict[str, Any]]:
        return _lines(self.root / name / "calls.jsonl")

    def heard(self, name: str = "web-1") -> list[dict[str, Any]]:
        return [line["heard"] for line in _lines(self.root / name / "agent.jsonl") if "heard" in line]

    def silence(self) -> None:
        """From now on the servers' addresses do not name what they serve."""
        (self.root / "silent").touch()

    def make_real_artifact(self) -> str:
        """An artifact whose layers are archives."""
        return make_artifact(self.root / "cache", pack=archive)

    def serves(self, name: str = "web-1") -> str:
        return (self.root / name / "current").read_text()


def client(bucket: dict[str, str]) -> Any:
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=bucket["endpoint"],
        aws_access_key_id=bucket["access_key"],
        aws_secret_access_key=bucket["secret_key"],
    )


def keys(bucket: dict[str, str]) -> set[str]:
    found = client(bucket).list_objects_v2(Bucket=bucket["name"])
    return {entry["Key"] for entry in found.get("Contents", ())}


def archive(name: str) -> bytes:
    paths = {
        "dependencies": ["site-packages/django/__init__.py"],
        "code": ["src/manage.py", "overlay/slipway_settings.py"],
        "static": ["static/site.0123456789ab.css"],
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for path in paths[name]:
            entry = tarfile.TarInfo(path)
            entry.size = len(path)
            made.addfile(entry, io.BytesIO(path.encode()))
    return buffer.getvalue()


def make_artifact(cache: Path, *, pack: Callable[[str], bytes] = lambda name: name.encode() * 5000) -> str:
    layers = {}
    for name in ("dependencies", "code", "static"):
        data = pack(name)
        digest = hashlib.sha256(data).hexdigest()
        (cache / "layers" / f"{digest}.tar.zst").write_bytes(zstandard.compress(data))
        layers[name] = digest
    manifest = json.dumps({"format": 1, "layers": layers, "root": ""}, sort_keys=True, separators=(",", ":")).encode()
    artifact = "sha256-" + hashlib.sha256(manifest).hexdigest()
    (cache / "manifests" / f"{artifact}.json").write_bytes(manifest)
    return artifact


def program(path: Path, source: Path) -> None:
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {source} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _named(folder: Path) -> str:
    """The release a server's address names: the fake agent's file, or where the real agent's links lead."""
    if (folder.parent / "silent").exists():
        return ""
    link = folder / "srv/slipway/run/current.sock"
    if link.is_symlink():
        return (folder / "srv/slipway/slots" / link.readlink().parent.name.split("-")[-1]).resolve().name
    current = folder / "current"
    return current.read_text() if current.exists() else ""


def _site(folder: Path) -> type[http.server.BaseHTTPRequestHandler]:
    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            release = _named(folder)
            good = self.path == "/_slipway/release" and self.headers["Host"] == "staging.example.org" and release
            body = json.dumps({"artifact": "sha256-x", "release": release, "environment": "staging"}).encode()
            self.send_response(200 if good else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            return None

    return Site
