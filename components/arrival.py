"""The address moves to the servers that answer, and the web finds them there over HTTPS."""

from __future__ import annotations

from typing import Any

from pulumi import ComponentResource, Output, ResourceOptions

from components.address import Address
from components.clouds.cloud import Cloud
from components.dns import Dns
from components.release import Release, answer_of, run
from components.web_servers import WebServers
from settings import Settings

SECONDS = 120


class Arrival(ComponentResource):
    """The address assigned, certificates allowed, and a report of both that never takes the release back."""

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
        opts: ResourceOptions,
    ) -> None:
        super().__init__("slipway:components:Arrival", name, None, opts)
        inside = ResourceOptions(parent=self)
        after = ResourceOptions.merge(inside, ResourceOptions(depends_on=[release.command]))
        server = web.servers[0].server
        assigned = cloud.assign("address", address=address.reserved, server=server, opts=after)
        document: dict[str, Any] = {
            "site": settings.site.name,
            "environment": settings.environment,
            "hosts": dns.hosts,
            "servers": web.document,
            "login_key": web.login_key,
            "release": release.id_,
            "dns": dns.mode,
            "limit": SECONDS,
        }
        last = ResourceOptions.merge(inside, ResourceOptions(depends_on=[assigned]))
        answer = answer_of(run("arrive", address.ip, document, opts=last), resource=self)
        self.report: Output[dict[str, str]] = answer.apply(
            lambda said: {"dns": said["dns"], "certificate": said["certificate"]}
        )
        self.register_outputs({"report": self.report})
