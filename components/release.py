"""One artifact together with its configuration, running and answering on every server of an environment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_random as random
from pulumi import ComponentResource, Output, ResourceOptions

from components.address import Address
from components.artifact import Chosen
from components.before import full_name
from components.clouds.cloud import Cloud
from components.driver import Command, run
from components.media_store import bucket_document
from components.rotations import drawn
from components.web_servers import WebServers
from settings import Settings, Site

LIMITS = {"gate": 60, "commit": 60, "drain": 30}


class Release(ComponentResource):
    """One Command: the artifact into the environment's bucket, then all servers released or none."""

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        settings: Settings,
        chosen: Chosen,
        web: WebServers,
        address: Address,
        hosts: Sequence[pulumi.Input[str]],
        database: Mapping[str, Any] | None,
        former_login: Mapping[str, Any] | None,
        media: Mapping[str, Any],
        opts: ResourceOptions,
    ) -> None:
        super().__init__("slipway:components:Release", name, None, opts)
        self._inside = ResourceOptions(parent=self)
        tell([f"release: {chosen.id} ({chosen.origin})", *chosen.notes], resource=self)
        made = cloud.bucket("releases", opts=self._inside)
        self.bucket: Output[str] = made.name
        self.source = bucket_document(made)  # where the next environment takes the layers from
        keys = drawn(
            "secret-key", settings.rotations.secret_key, length=64, protect=settings.protect, opts=self._inside
        )
        sealing = random.RandomPassword("certificate-key", length=64, special=False, opts=self._inside)
        # a machine's certificates outlive it: where they are kept, and what seals them there
        self.certificates = {"bucket": self.source, "certificate_key": sealing.result}
        document = {
            **site_document(settings.site),
            "environment": settings.environment,
            "hosts": list(hosts),
            "secret_key": keys[-1],
            "secret_key_fallbacks": keys[:-1],
            "database": database,
            "former_login": former_login,
            "media": media,
            **self.certificates,
            "address": address.ip,
            "source": self._origin(settings),
            "servers": web.document,
            "login_key": web.login_key,
            "limits": LIMITS,
            "notify": settings.notify,
            "protect": settings.protect,
            "accept_migration": list(settings.accept_migration),
        }
        after = ResourceOptions(depends_on=web.ready)
        self.command = run("release", chosen.id, document, opts=ResourceOptions.merge(self._inside, after))
        answer = answer_of(self.command, resource=self)
        self.artifact: Output[str] = answer["artifact"]
        self.id_: Output[str] = answer["release"]
        self.phases: Output[dict[str, float]] = answer["phases"]
        self.register_outputs({"artifact": self.artifact, "release": self.id_})

    def _origin(self, settings: Settings) -> Output[Any] | None:
        stack = settings.source.promoted_from
        if stack is None:
            return None
        reference = pulumi.StackReference(full_name(stack), opts=self._inside)
        return reference.get_output("release_source").apply(lambda found: _released(settings, stack, found))


def answer_of(made: Command, *, resource: ComponentResource) -> Output[dict[str, Any]]:
    """What the driver answered; its notes are told under the component's name."""
    answer: Output[dict[str, Any]] = Output.unsecret(made.stdout).apply(json.loads)
    answer.apply(lambda said: tell(said.get("notes", []), resource=resource))
    return answer


def tell(lines: Iterable[str], *, resource: ComponentResource) -> None:
    """Say each line under the component's name."""
    for line in lines:
        pulumi.info(line, resource=resource)


def site_document(site: Site) -> dict[str, Any]:
    """How the site is run, as the document of a release names it."""
    return {
        "site": site.name,
        "settings": site.settings,
        "env": dict(site.env),
        "secrets": dict(site.secrets),
        "workers": dict(site.workers),
        "schedule": {name: dict(job) for name, job in site.schedule.items()},
        "before_release": list(site.before_release),
        "drain": site.drain,
        "interface": site.interface,
        "overlay": site.overlay,
        "cache": site.cache,
        "staging_password": site.staging_password,
        "health": site.health,
        "max_upload": site.max_upload,
        "packages": list(site.packages),
        "keep": list(site.keep),
        "writable": list(site.writable),
        "web": {"processes": site.processes, "threads": site.threads},
    }


def _released(settings: Settings, stack: str, found: Any) -> Any:
    if found is None:
        settings.fail("promoted-from", f"{stack} has released nothing yet, run pulumi up --stack {stack} first")
    return found
