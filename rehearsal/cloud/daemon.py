"""The local cloud as one process: every server it has, started in order and ended together."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal import paths
from rehearsal.cloud.app import application, open_cloud
from rehearsal.cloud.core import Cloud, log
from rehearsal.cloud.dns import server as dns
from rehearsal.cloud.dns.forward import Forwarder
from rehearsal.cloud.metadata import Metadata
from rehearsal.cloud.places import MOTO_PORT
from rehearsal.cloud.ports import Authority, Gate, Hypervisor, Spawn
from rehearsal.cloud.recovery import recover
from rehearsal.cloud.s3.front import Front
from rehearsal.cloud.s3.keep import Keep
from rehearsal.cloud.s3.profiles import PROFILES
from rehearsal.cloud.serving import Server, server_tls
from rehearsal.cloud.web import Traffic

DNS_PORT, HTTP_PORT, TLS_PORT = 53, 80, 443


@dataclass(frozen=True, kw_only=True)
class Computer:
    """What the daemon takes from the computer it runs on."""

    hypervisor: Hypervisor
    authority: Authority
    gate: Gate
    spawn: Spawn
    allowed_names: Callable[[], Sequence[str] | frozenset[str]]
    resolvers: Callable[[], Sequence[str]]


@dataclass
class Daemon:
    """All servers over one cloud."""

    cloud: Cloud
    keep: Keep
    computer: Computer
    stops: list[Callable[[], None]] = field(default_factory=list)

    def start(self) -> None:
        """Start everything; the API comes last, when all it promises is there."""
        traffic = Traffic(self.cloud.directory / paths.REQUESTS.name)
        self._dns()
        self._listen(Server(Metadata(self.cloud), host=paths.METADATA, port=HTTP_PORT))
        with self.cloud.store.read() as state:
            buckets = list(state.buckets)
        if self.keep.ensure(buckets) and buckets:
            self.cloud.event("objects lost", cause="moto had to be started anew", buckets=buckets)
        self._objects(traffic)
        recover(self.cloud)
        app = application(self.cloud, objects=self.keep.objects, traffic=traffic)
        self._listen(Server(app, host=paths.GATEWAY, port=paths.API_PORT))

    def _dns(self) -> None:
        computer = self.computer
        forwarder = Forwarder(names=computer.allowed_names, resolvers=computer.resolvers, gate=computer.gate)
        servers = dns.serve(dns.Resolver(self.cloud, forwarder=forwarder), host=paths.GATEWAY, port=DNS_PORT)
        self.stops += [server.stop for server in servers]

    def _objects(self, traffic: Traffic) -> None:
        front = Front(self.cloud, keep=self.keep, traffic=traffic)
        names = [name for profile in PROFILES for name in profile.names]
        tls = server_tls(*self.computer.authority(names))
        self._listen(Server(front, host=paths.S3, port=HTTP_PORT))
        self._listen(Server(front, host=paths.S3, port=TLS_PORT, tls=tls))

    def _listen(self, server: Server) -> None:
        server.start()
        self.stops.append(server.shutdown)

    def stop(self) -> None:
        """Stop answering; machines, clusters and objects go on."""
        for stop in reversed(self.stops):
            stop()


def run(computer: Computer) -> int:
    """Be the daemon until somebody asks it to end."""
    paths.STATE.mkdir(parents=True, exist_ok=True)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with (paths.STATE / "daemon.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            log.error("%s: should be held by one daemon only (got a second one)", lock.name)
            return 1
        cloud = open_cloud(directory=paths.STATE, hypervisor=computer.hypervisor)
        return _serve(Daemon(cloud, Keep(spawn=computer.spawn, port=MOTO_PORT), computer), ended)


def _serve(daemon: Daemon, ended: threading.Event) -> int:
    try:
        daemon.start()
    except OSError as error:
        log.error("%s: should be this computer's (got: %s), start me in the rehearsal's network", paths.GATEWAY, error)
        return 1
    _announce(paths.DAEMON)
    log.info("ready, %s", paths.API_URL)
    ended.wait()
    paths.DAEMON.unlink(missing_ok=True)
    daemon.stop()
    return 0


def _announce(file: Path) -> None:
    """Say who is the daemon; the start time tells it from a later process with its number."""
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps({"pid": os.getpid(), "start_time": started, "url": paths.API_URL}))
    draft.replace(file)
