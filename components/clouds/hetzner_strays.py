"""What carries a stack's labels and is in no state of it: left by a call that was interrupted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_hcloud as hcloud
from pulumi import Output, Resource, ResourceOptions

API = "${HCLOUD_ENDPOINT:-https://api.hetzner.cloud/v1}"
CURL = 'curl -fsS -H "Authorization: Bearer $HCLOUD_TOKEN"'
SERVER = "hcloud:index/server:Server"


def warn_of_servers(
    made: Sequence[Resource], *, before: Sequence[Mapping[str, Any]], selector: Output[str], resource: Resource
) -> None:
    """Look for servers that this stack pays for and does not know, once all those of this run are there.

    The engine may be killed while it creates one, or the answer may be lost: the server is then in no state.
    `before` are the stack's resources as they were before this run.
    """
    held = {str(row.get("id") or row["outputs"].get("id")) for row in before if row["type"] == SERVER}

    def look(known: list[str]) -> None:
        wanted, *ids = known
        for each in _servers(wanted):
            if str(each.id) not in held | set(ids):
                pulumi.warn(_server(each, wanted), resource=resource)

    # a preview makes nothing, and its ids may be unknown
    ids = [] if pulumi.runtime.is_dry_run() else [each.id for each in made if isinstance(each, pulumi.CustomResource)]
    Output.all(selector, *ids).apply(look)


def _servers(selector: str) -> Sequence[hcloud.outputs.GetServersServerResult]:
    """A look that fails is no reason for an `up` to fail, and the next one looks again."""
    try:
        return hcloud.get_servers(with_selector=selector).servers
    except Exception as error:  # the SDK knows no narrower one
        pulumi.log.debug(f"strays: not looked for: {error}")
        return []


def _server(server: hcloud.outputs.GetServersServerResult, selector: str) -> str:
    return (
        f"server {server.id} ({server.name}, {server.ipv4_address}) carries this stack's labels {selector} and is in "
        "no state of it: a call that was interrupted left it, and it costs money. Remove it with "
        f"hcloud server delete {server.id}, or {CURL} -X DELETE {API}/servers/{server.id}"
    )


def there_already(name: str) -> ResourceOptions:
    """What cannot be made twice and may stand from a call that was interrupted: its refusal names the way on."""

    def say(args: pulumi.ErrorHookArgs) -> bool:
        if args.failed_operation == "create" and re.search(r"uniqueness_error|already", args.errors[0]):
            pulumi.warn(
                f"{name}: an interrupted call may have made this key (its secret half is this stack's own): find it "
                f"with hcloud ssh-key list, or {CURL} {API}/ssh_keys, and remove it with hcloud ssh-key delete ID"
            )
        return False

    return ResourceOptions(
        hooks=pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{name} is there already", say)])
    )
