"""The wait until a machine has come through its first boot, and what is said when it does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pulumi
import pulumi_command as command
from pulumi import ComponentResource, Output, ResourceOptions

from components.clouds.cloud import Server

READY = (Path(__file__).parent / "ready.sh").read_text()
LOGIN = "deploy"
DIALS = 120  # with the plugin's pauses about ten minutes, a machine's first boot included
DIAL_SECONDS = 10


def ready(
    server: Server,
    *,
    host_key: Output[str],
    login_key: Output[str],
    birth: str,
    renew: tuple[str, int],
    reasons: Sequence[str],
    resource: ComponentResource,
) -> command.remote.Command:
    """Succeeds once the machine has proven itself; `renew` is the setting, and its value, that makes another one."""
    setting, generation = renew
    made = command.remote.Command(
        server.name,
        connection=command.remote.ConnectionArgs(
            host=server.host,
            user=LOGIN,
            private_key=login_key,
            host_key=host_key,
            dial_error_limit=DIALS,
            per_dial_timeout=DIAL_SECONDS,
        ),
        create=f"bash -s {birth}",
        stdin=READY,
        triggers=[server.machine.id, *reasons],
        add_previous_output_in_env=False,
        logging=command.remote.Logging.NONE,  # a failure carries its output in its own text
        # what a machine was born from stays what it was born from
        opts=ResourceOptions(
            parent=resource,
            ignore_changes=["create", "stdin"],
            hooks=_hint(server.name, f"{setting} {generation + 1}", resource),
        ),
    )
    made.stdout.apply(lambda found: _compare(server.name, found.strip(), birth, setting, resource))
    return made


def _hint(name: str, renewed: str, resource: ComponentResource) -> pulumi.ResourceHookBinding:
    """`up` again would only wait for the same machine."""

    def say(_: pulumi.ErrorHookArgs) -> bool:
        renew = f"pulumi config set {renewed} -s {pulumi.get_stack()}"
        pulumi.warn(
            f"{name} is not ready: where `pulumi up` again does not help, a new one is made by {renew}", resource
        )
        return False

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{name} is not ready", say)])


def _compare(name: str, found: str, birth: str, setting: str, resource: ComponentResource) -> None:
    if found != birth:
        text = f"{name} was made from an older cloud-init/ and stays as it is, raise {setting} to renew it"
        pulumi.info(text, resource=resource)
