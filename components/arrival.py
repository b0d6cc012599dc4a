"""The address moves to the servers that answer, and the web finds them there over HTTPS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import ComponentResource, Output, ResourceOptions

from components.address import Address
from components.before import Before
from components.clouds.cloud import Cloud
from components.dns import Dns
from components.driver import run
from components.release import Release, answer_of, tell
from components.web_servers import WebServers
from settings import Settings

SECONDS = 120


class Arrival(ComponentResource):
    """The address assigned, certificates allowed, and a report of both that never takes the release back.

    Address, names and servers are what it is about; a further release by the same servers leaves it as it is.
    """

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        settings: Settings,
        address: Address,
        dns: Dns,
        web: WebServers,
        release: Release,
        before: Before,
        opts: ResourceOptions,
    ) -> None:
        super().__init__("slipway:components:Arrival", name, None, opts)
        inside = ResourceOptions(parent=self)
        after = ResourceOptions.merge(inside, ResourceOptions(depends_on=[release.command]))
        server = web.servers[0].server
        assigned = cloud.assign("address", address=address.reserved, server=server, opts=after)
        recorded: Mapping[str, Any] = before.outputs.get("arrival") or {}
        look, waiting = next_round(recorded), state_of(recorded) != ARRIVED
        if waiting:
            tell([f"last time: {state_of(recorded)}: will look again"], resource=self)
        document: dict[str, Any] = {
            "site": settings.site.name,
            "environment": settings.environment,
            "hosts": dns.hosts,
            "servers": web.document,
            "login_key": web.login_key,
            **release.certificates,
            "dns": dns.mode,
            "limit": SECONDS,
            "round": look,
        }
        last = ResourceOptions.merge(inside, ResourceOptions(depends_on=[assigned]))
        answer = answer_of(run("arrive", address.ip, document, opts=last), resource=self)
        self.report: Output[dict[str, Any]] = answer.apply(
            lambda said: {
                "state": state_of(said),
                "dns": said["dns"],
                "certificate": said["certificate"],
                "round": look,
            }
        )
        if waiting:
            self.report.apply(lambda said: tell(_news(said), resource=self))
        self.register_outputs({"report": self.report})


ARRIVED = "arrived"


def state_of(report: Mapping[str, Any]) -> str:
    """How far an environment has come, in a person's words; the release itself runs in any case."""
    if report.get("dns") == "waiting":
        return "running, waiting for DNS"
    return "running, waiting for its certificate" if report.get("certificate") == "waiting" else ARRIVED


def next_round(recorded: Mapping[str, Any]) -> int:
    """Another number makes the engine look again; the same one leaves what has arrived alone, in preview as in `up`."""
    return int(recorded.get("round", 0)) + (state_of(recorded) != ARRIVED)


def _news(report: Mapping[str, Any]) -> list[str]:
    return ["arrived: the names point here and the certificate is issued"] if report["state"] == ARRIVED else []
