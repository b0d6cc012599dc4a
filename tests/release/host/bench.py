"""A machine that only writes down what it is told, a site on it, and a document for it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

from release.host.agent.document import Document
from release.host.agent.failure import Failure
from release.host.agent.machine import Done, Machine
from release.host.agent.site import Site

Answer = Done | Callable[[Sequence[str]], Done]


@dataclass
class Recorded:
    """A Machine without processes: commands are kept, answers are those given for their beginning."""

    root: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    envs: list[dict[str, str]] = field(default_factory=list)
    clock: float = 0.0

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        limit: float | None = 600,
    ) -> Done:
        line = " ".join(argv)
        self.ran.append(line)
        self.inputs.append(input or "")
        self.envs.append(dict(env or {}))
        answer = next((each for start, each in self.answers.items() if start in line), Done(0))
        done = answer if isinstance(answer, Done) else answer(argv)
        if check and done.code:
            raise Failure(f"{argv[0]}: {done.lines[-1]}", detail=done.lines)
        return done

    def pause(self, seconds: float) -> None:
        self.clock += seconds

    def now(self) -> float:
        return self.clock

    def told(self, start: str) -> list[str]:
        """The commands that begin so."""
        return [line for line in self.ran if line.startswith(start)]


_: type[Machine] = Recorded


def site_on(root: Path, name: str = "gallery") -> Site:
    """A site as cloud-init leaves it."""
    site = Site(name, root)
    for directory in (site.layers, site.releases, site.static, site.home / "slots", site.home / "run", site.state):
        directory.mkdir(parents=True)
    for slot in ("blue", "green"):
        site.socket(slot).parent.mkdir(parents=True)
        for number in range(64):
            (site.socket(slot).parent / f"ready-{number}").touch()
    site.current.symlink_to(f"/run/{name}-holding/web.sock")
    site.caddy.parent.mkdir(parents=True)
    site.caddy.write_text("# holding\n")
    (site.units / "multi-user.target.wants").mkdir(parents=True)
    (site.units / "multi-user.target.wants" / f"{name}-holding.service").touch()
    return site


def pack(entries: Mapping[str, str], *, directory: Path) -> str:
    """A layer in a directory that stands for the bucket; its digest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    return put(buffer.getvalue(), directory=directory)


def put(archive: bytes, *, directory: Path) -> str:
    """Whatever archive this is as a layer; its digest."""
    digest = hashlib.sha256(archive).hexdigest()
    (directory / f"{digest}.tar.zst").write_bytes(zstandard.compress(archive))
    return digest


def named(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest with the ids that follow from it."""
    artifact = hashlib.sha256(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return {"artifact": f"sha256-{artifact}", "release": f"{artifact[:12]}-0123abcd", "manifest": dict(manifest)}


def document_for(
    layers: Mapping[str, str], *, sizes: Mapping[str, int] | None = None, **changes: Any
) -> dict[str, Any]:
    """What the driver sends first."""
    manifest = {"format": 2, "layers": dict(layers), "sizes": dict(sizes or {}), "root": "", "wsgi": "gallery.wsgi"}
    return {
        "site": "gallery",
        "environment": "staging",
        "settings": "gallery.settings",
        "hosts": ["gallery.example", "www.gallery.example"],
        "env": {"PLAIN": "1"},
        "secrets": {"TOKEN": "hush"},
        "secret_key": "secret-key",
        "database": None,
        "media": {"mode": "disk"},
        "max_upload": "25MB",
        **named(manifest),
        "lead": True,
        "limits": {"gate": 5, "commit": 5, "drain": 5},
        **changes,
    }


def parsed(**changes: Any) -> Document:
    """A document read by the agent, with made-up layers."""
    layers = {name: letter * 64 for name, letter in (("dependencies", "a"), ("code", "b"), ("static", "c"))}
    return Document.parse(document_for(layers, **changes))


DATABASE = {
    "host": "private-db.example",
    "port": 25060,
    "name": "gallery",
    "user": "app",
    "password": "p/w",
    "admin_user": "doadmin",
    "admin_password": "admin-pw",
    "ca": "-----BEGIN CERTIFICATE-----\n",
    "extensions": ["pg_trgm"],
}
