"""A cloud account made of mocks: what a program asked the engine for, and what it said."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import grpc  # type: ignore[import-untyped]
import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

from rehearsal.cloud.digitalocean import catalog

HOOKS = (resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS, resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS)
SECRET = "4dabf18193072939515e22adb298388d"
RUNNING = f"sha256-{'a' * 64}"
ANSWERS = {
    "release": {
        "artifact": RUNNING,
        "release": "aaaaaaaaaaaa-12345678",
        "phases": {"upload": 0.5},
        "notes": ["settings: DEBUG is False"],
    },
    "database": {"server": "database", "changed": ["made"], "seconds": {"all": 9.5}, "notes": ["database: made"]},
    "dumps": {"server": "web-1", "changed": ["dumps"], "notes": []},
    "arrive": {"dns": "ok", "certificate": "waiting", "notes": ["certificate: not yet"]},
}
MADE: dict[str, dict[str, Any]] = {
    "digitalocean:index/databaseCluster:DatabaseCluster": {
        "privateHost": "private-db.example",
        "port": 25060,
        "user": "doadmin",
        "password": "admin-password",
    },
    "digitalocean:index/databaseUser:DatabaseUser": {"password": "user-password"},
    "digitalocean:index/droplet:Droplet": {"ipv4Address": "198.51.100.17"},
    "digitalocean:index/reservedIp:ReservedIp": {"ipAddress": "198.51.100.130"},
    "digitalocean:index/spacesKey:SpacesKey": {"accessKey": "DO00", "secretKey": "spaces-secret"},
    "digitalocean:index/sshKey:SshKey": {"fingerprint": "00:11"},
    "hcloud:index/floatingIp:FloatingIp": {"ipAddress": "198.51.100.130"},
    "hcloud:index/server:Server": {"ipv4Address": "198.51.100.17"},
    "hcloud:index/volume:Volume": {"linuxDevice": "/dev/disk/by-id/scsi-0HC_Volume_101"},
    "random:index/randomId:RandomId": {"hex": "ab12cd"},
    "random:index/randomPassword:RandomPassword": {"result": "generated-password"},
    "tls:index/privateKey:PrivateKey": {
        "privateKeyOpenssh": "-----BEGIN OPENSSH PRIVATE KEY-----\nkey\n-----END OPENSSH PRIVATE KEY-----\n",
        "publicKeyOpenssh": "ssh-ed25519 AAAA\n",
        "privateKeyPem": "-----BEGIN EC PRIVATE KEY-----\nkey\n-----END EC PRIVATE KEY-----\n",
    },
    "tls:index/selfSignedCert:SelfSignedCert": {"certPem": "authority"},
    "tls:index/certRequest:CertRequest": {"certRequestPem": "request"},
    "tls:index/locallySignedCert:LocallySignedCert": {"certPem": "certificate"},
}


LOCATIONS = {
    **dict.fromkeys(("fsn1", "nbg1", "hel1"), "eu-central"),
    **{"ash": "us-east", "hil": "us-west", "sin": "ap-southeast"},
}
TYPES = {
    **dict.fromkeys(("cx23", "cx33", "cx43", "cpx22", "cax11"), ("fsn1", "nbg1", "hel1")),
    **dict.fromkeys(("cpx11", "cpx21", "cpx31"), ("ash", "hil", "sin")),
    "ccx13": tuple(LOCATIONS),
}


def _location(name: str) -> dict[str, Any]:
    rest = {"id": 1, "city": "", "country": "", "description": "", "latitude": 0.0, "longitude": 0.0}
    return {**rest, "name": name, "networkZone": LOCATIONS[name]}


@dataclass
class Asked:
    """One resource as the program registered it."""

    urn: str
    chain: str  # as in a real URN, where the mocks' own name the parent only
    type: str
    name: str
    inputs: dict[str, Any]
    options: resource_pb2.RegisterResourceRequest


class _Monitor(mocks.MockMonitor):
    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._account = account

    def RegisterResource(self, request: Any) -> Any:
        made = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            inputs = rpc.deserialize_properties(request.object)
            parents = [each.chain.split(" :: ")[0] for each in self._account.asked if each.urn == request.parent]
            chain = f"{'$'.join([*parents, request.type])} :: {request.name}"
            self._account.asked.append(Asked(made.urn, chain, request.type, request.name, inputs, request))
            if request.name not in self._account.ids:
                self._account.run_hooks(request.hooks.before_create, of=made)
        return made


class _Engine(mocks.MockEngine):
    def __init__(self, said: list[str]) -> None:
        super().__init__(None)
        self._said = said

    def Log(self, request: Any) -> None:
        if request.severity > 0:
            self._said.append(request.message)


@dataclass
class Account(mocks.Mocks):
    """Answers what a first `up` would; an invoke it does not know is an error."""

    stack: str = "staging"
    preview: bool = False
    zones: tuple[str, ...] = ("example.org",)
    closed: tuple[str, ...] = ()  # regions that take no new servers
    sold_out: tuple[str, ...] = ()  # sizes that cannot be had
    images: tuple[str, ...] = ("debian-13-x64", "debian-13")
    answers: str = ""  # what the cloud says instead of answering
    records: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)  # of another stack
    before: dict[str, Any] = field(default_factory=dict)  # of this one, as its last good `up` recorded them
    secret_before: list[str] = field(default_factory=list)
    held: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # the state: types and outputs
    droplets: list[dict[str, Any]] = field(default_factory=list)  # what carries the stack's tag
    clusters: int = 1  # the same
    ids: dict[str, str] = field(default_factory=dict)
    births: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    hooks: dict[str, Any] = field(default_factory=dict)

    def up(self, program: Callable[[], Any]) -> Any:
        """Run a program, await everything it started, and give back what it returned."""
        del self.asked[:], self.said[:]
        pulumi.runtime.set_mocks(
            self, project="slipway", stack=self.stack, preview=self.preview, monitor=_Monitor(self)
        )
        pulumi.runtime.settings.SETTINGS.engine = _Engine(self.said)
        pulumi.runtime.settings.SETTINGS.root_directory = str(Path(__file__).parents[2])
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a program that fails leaves futures behind
        pulumi.runtime.settings.SETTINGS.monitor_features.update(HOOKS)
        kept: list[Any] = []
        try:
            with (
                patch("pulumi.resource_hooks.register_resource_hook", self._register),
                patch("pulumi.resource_hooks.register_error_hook", self._register),
            ):
                pulumi.runtime.test(lambda: kept.append(program()))()  # type: ignore[no-untyped-call]
        except BaseException:
            pulumi.runtime.settings.SETTINGS.rpc_manager.clear()
            pulumi.runtime.settings.SETTINGS.outputs.clear()
            raise
        return kept[0]

    def _register(self, hook: pulumi.ResourceHook | pulumi.ErrorHook) -> asyncio.Future[None]:
        self.hooks[hook.name] = hook
        done: asyncio.Future[None] = asyncio.get_event_loop().create_future()
        done.set_result(None)
        return done

    def run_hooks(self, names: Sequence[str], *, of: Any) -> None:
        """What the engine does before it makes a resource; one with an id in `ids` is in its state."""
        for name in names:
            self.hooks[name](pulumi.ResourceHookArgs(urn=of.urn, id="", name="", type=""))

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        made = {**args.inputs, **MADE.get(args.typ, {})}
        if args.typ == "command:local:Command":
            made["stdout"] = json.dumps(ANSWERS.get(args.name, {}))
        if args.typ == "command:remote:Command":
            made["stdout"] = self.births.get(args.name, args.inputs["create"].removeprefix("bash -s ")) + "\n"
        if args.typ == "pulumi:pulumi:StackReference":
            made["outputs"] = self.outputs
            self.read.append(args.name)
        return self.ids.get(args.name, "101"), made

    def call(self, args: mocks.MockCallArgs) -> Any:
        if self.answers and args.token.startswith(("digitalocean:", "hcloud:")):
            raise _Refused(args.token, self.answers)
        if args.token.startswith("hcloud:"):
            return self._hetzner(args.token.rpartition(":")[2], args.args)
        match args.token:
            case "pulumi:pulumi:readStackOutputs":
                assert args.args["name"] == f"organization/slipway/{self.stack}", args.args
                return {"name": args.args["name"], "outputs": self.before, "secretOutputNames": self.secret_before}
            case "pulumi:pulumi:readStackResourceOutputs":
                held = {f"urn:{n}": {"type": kind, "outputs": row} for n, (kind, row) in enumerate(self.held)}
                return {"name": args.args["stackName"], "outputs": held}
            case "digitalocean:index/getDroplets:getDroplets":
                (wanted,) = args.args["filters"]
                assert wanted["key"] == "tags", wanted
                return {"id": "d", "droplets": self.droplets}
            case "digitalocean:index/getTag:getTag":
                rest = ("dropletsCount", "imagesCount", "totalResourceCount", "volumeSnapshotsCount", "volumesCount")
                counts = {**dict.fromkeys(rest, 0), "databasesCount": self.clusters}
                return {"id": args.args["name"], "name": args.args["name"], **counts}
            case "digitalocean:index/getRecords:getRecords":
                if args.args["domain"] not in self.zones:
                    raise _Refused(args.token, "Error retrieving records: GET x: 404 (request 1) gone")
                return {"id": "r", "domain": args.args["domain"], "records": self.records}
            case "digitalocean:index/getRegions:getRegions":
                return {"id": "r", "regions": [self._region(slug) for slug in catalog.REGIONS]}
            case "digitalocean:index/getImage:getImage":
                if args.args["slug"] not in self.images:
                    raise _Refused(args.token, f"image not found: {args.args['slug']}")
                return {"id": 1, "slug": args.args["slug"]}
            case "digitalocean:index/getDatabaseCa:getDatabaseCa":
                return {"id": "c", "clusterId": args.args["clusterId"], "certificate": "-----BEGIN CERTIFICATE-----"}
        raise NotImplementedError(args.token)

    def _hetzner(self, function: str, asked: dict[str, Any]) -> Any:
        match function:
            case "getLocations":
                return {"id": "l", "locations": [_location(name) for name in LOCATIONS]}
            case "getLocation":
                return {**_location(asked["name"]), "id": 1}
            case "getServerTypes":
                return {"id": "t", "serverTypes": [self._type(*each) for each in TYPES.items()]}
            case "getImage" if asked["name"] in self.images:
                return {"id": 1, "name": asked["name"], "architecture": asked["withArchitecture"]}
            case "getZoneRrsets" if asked["zone"] in self.zones:
                return {"id": "r", "zone": asked["zone"], "rrsets": self.records}
            case "getServers":
                return {"id": "s", "withSelector": asked["withSelector"], "servers": self.droplets}
            case "getImage" | "getZoneRrsets":
                raise _Refused(function, f"{function} not found (not_found, 4711)")
        raise NotImplementedError(function)

    def _type(self, name: str, sold: tuple[str, ...]) -> dict[str, Any]:
        rest = {"id": 1, "cores": 2, "memory": 4, "disk": 40, "includedTraffic": 0, "isDeprecated": False}
        words = dict.fromkeys(("category", "cpuType", "deprecationAnnounced", "description", "storageType"), "")
        places = [self._place(name, each) for each in sold if each not in self.closed]
        arch = "arm" if name.startswith("cax") else "x86"
        return {**rest, **words, "unavailableAfter": "", "name": name, "architecture": arch, "locations": places}

    def _place(self, type: str, name: str) -> dict[str, Any]:
        old = {"deprecationAnnounced": "", "isDeprecated": False, "unavailableAfter": ""}
        return {**old, "id": 1, "name": name, "available": type not in self.sold_out, "recommended": True}

    def _region(self, slug: str) -> dict[str, Any]:
        sizes = [size for size in catalog.SIZES if size not in self.sold_out]
        return {**catalog.render_region(slug), "available": slug not in self.closed, "sizes": sizes}

    def one(self, kind: str, name: str | None = None) -> Asked:
        """The one resource of this type (its last part), or of this type and name."""
        found = [each for each in self.asked if each.type.endswith(f":{kind}") and name in (None, each.name)]
        assert len(found) == 1, [each.chain for each in self.asked]
        return found[0]


class _Refused(grpc.RpcError):  # type: ignore[misc]
    """A plugin's error, as the engine passes it on."""

    def __init__(self, token: str, words: str) -> None:
        self._words = f"invocation of {token} returned an error: {words}"

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return self._words


def plain(value: Any) -> Any:
    """What is inside a secret; fails on what is none."""
    assert is_secret(value), value
    return value["value"]


def is_secret(value: Any) -> bool:
    """Whether the engine was told to encrypt this."""
    return isinstance(value, dict) and SECRET in value
