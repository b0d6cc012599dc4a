"""What carries a stack's tag and is in no state of it: left by a call that was interrupted, or was sent twice."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pulumi
import pulumi_digitalocean as do
from pulumi import Output, Resource, ResourceOptions

T = TypeVar("T")
API = "${DIGITALOCEAN_API_URL:-https://api.digitalocean.com}/v2"
CURL = 'curl -fsS -H "Authorization: Bearer $DIGITALOCEAN_TOKEN"'


class Strays:
    """Warns of machines and database clusters that this stack pays for and does not know.

    DigitalOcean's client sends a POST again when its answer was lost or was 429 or 5xx; droplets' names are not unique,
    so the first of two machines is then in no state. The same is left when the engine is killed while it creates one.
    """

    def __init__(self, *, tag: Output[str], before: Sequence[Mapping[str, Any]]) -> None:
        """`before` are the stack's resources as they were before this run."""
        self._tag = tag
        self._before = before

    def warn_of_droplets(self, made: Sequence[Resource], *, resource: Resource) -> None:
        """Look for droplets, once those of this run are there."""
        held = {str(row.get("dropletUrn")).rpartition(":")[2] for row in self._held("Droplet")}

        def look(known: list[str]) -> None:
            tag, *ids = known
            filters = [do.GetDropletsFilterArgs(key="tags", values=[tag])]
            for each in _asked(lambda: do.get_droplets(filters=filters).droplets) or []:
                if str(each.id) not in held | set(ids):
                    pulumi.warn(_droplet(each, tag), resource=resource)

        Output.all(self._tag, *_ids(made)).apply(look)

    def warn_of_clusters(self, made: Sequence[Resource], *, resource: Resource) -> None:
        """Count database clusters, which this provider does not list."""
        held = {str(row.get("clusterUrn")).rpartition(":")[2] for row in self._held("DatabaseCluster")}

        def look(known: list[str]) -> None:
            tag, *ids = known
            ours = held | set(ids)
            count = _asked(lambda: do.get_tag(name=tag).databases_count) or 0
            if count > len(ours):
                pulumi.warn(_clusters(count, tag, sorted(ours)), resource=resource)

        Output.all(self._tag, *_ids(made)).apply(look)

    def _held(self, kind: str) -> list[Mapping[str, Any]]:
        return [row["outputs"] for row in self._before if row["type"].endswith(f":{kind}")]


def _ids(made: Sequence[Resource]) -> list[Output[str]]:
    """A preview makes nothing, and its ids may be unknown."""
    return [] if pulumi.runtime.is_dry_run() else [each.id for each in made if isinstance(each, pulumi.CustomResource)]


def _asked(look: Callable[[], T]) -> T | None:
    """An answer, or None: a look that fails is no reason for an `up` to fail, and the next one looks again."""
    try:
        return look()
    except Exception as error:  # the SDK knows no narrower one
        pulumi.log.debug(f"strays: not looked for: {error}")
        return None


def _droplet(droplet: do.outputs.GetDropletsDropletResult, tag: str) -> str:
    id = droplet.id
    return (
        f"droplet {id} ({droplet.name}, {droplet.ipv4_address}) carries this stack's tag {tag} and is in no "
        "state of it: a call that was interrupted or sent twice left it, and it costs money. Remove it with "
        f"doctl compute droplet delete {id}, or {CURL} -X DELETE {API}/droplets/{id}"
    )


def _clusters(count: int, tag: str, ours: Sequence[str]) -> str:
    return (
        f"{count} database clusters carry this stack's tag {tag} and its state has {len(ours)} ({', '.join(ours)}): a "
        f"restore or a call that was interrupted left the others, and they cost money. List them with {CURL} "
        f"{API}/databases?tag_name={tag} and remove what nobody needs with doctl databases delete ID"
    )


def there_already(name: str) -> ResourceOptions:
    """What cannot be made twice and may stand from a call that was interrupted: its refusal names the way on."""

    def say(args: pulumi.ErrorHookArgs) -> bool:
        if args.failed_operation == "create" and re.search(r": (409|422) |already|in use", args.errors[0]):
            pulumi.warn(_way_on(args.type, name, args.new_inputs or {}))
        return False

    return ResourceOptions(
        hooks=pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{name} is there already", say)])
    )


def _way_on(type: str, name: str, inputs: Mapping[str, Any]) -> str:
    if "publicKey" in inputs:
        mark = hashlib.md5(base64.b64decode(inputs["publicKey"].split()[1]), usedforsecurity=False).hexdigest()
        mark = ":".join(mark[at : at + 2] for at in range(0, 32, 2))
        remove = f"doctl compute ssh-key delete {mark}, or {CURL} -X DELETE {API}/account/keys/{mark}"
        return f"{name}: an interrupted call may have made this key (its secret half is this stack's own): {remove}"
    options = f"--stack {pulumi.get_stack()} --protect=false --generate-code=false"
    take = f"pulumi import {options} {type} {name} {inputs['clusterId']},{inputs['name']}"
    return f"{name}: an interrupted call may have made {inputs['name']!r} in this cluster: take it over with {take}"
