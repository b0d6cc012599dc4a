"""What stands before a first `pulumi up`: the stack, values for what is encrypted elsewhere, the zone, the project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rehearsal import paths, shadow
from rehearsal.accounts import ACCOUNTS
from rehearsal.pulumi import ensure_stack, pulumi

WAGTAIL = "wagtail"


def prepare_wagtail() -> None:
    """The output of Wagtail's own `wagtail start` and a stack for it that exists only here."""
    from rehearsal.wagtail import make_wagtail_site

    site = make_wagtail_site(paths.STATE / "wagtail", python="python3.13")
    staging = settings_of("staging")
    domain = staging.get("domain", "example.org")  # left out where all hosts are somebody else's
    shadow.add_stack(
        shadow=paths.SHADOW,
        stack=WAGTAIL,
        config={
            "cloud": staging.get("cloud", "digitalocean"),
            "region": staging["region"],
            "domain": domain,
            "hosts": [f"wagtail.{domain}", f"www.wagtail.{domain}"],
            "project": os.path.relpath(site, Path.cwd()),
            "settings": f"{site.name}.settings.production",
        },
    )


def prepare_stack(stack: str, *, project: str | None = None) -> None:
    """What stands before a first `up`: the stack, values for what is encrypted elsewhere, the owner's zone."""
    ensure_stack(stack)
    if project:
        pulumi("config", "set", "--stack", stack, "project", project)
    settings = settings_of(stack)
    original = Path("stacks") / shadow.stack_file(shadow=paths.SHADOW, stack=stack).name
    for path in shadow.secret_paths(original) if original.exists() else []:
        if _absent(settings, path):
            dotted = ".".join(path)
            pulumi("config", "set", "--secret", "--path", "--stack", stack, dotted, shadow.generated())
    account = ACCOUNTS[settings.get("cloud", "digitalocean")]
    for key, value in account.secrets(stack).items():
        if key not in settings:
            pulumi("config", "set", "--secret", "--stack", stack, key, input=value)
    if domain := settings.get("domain"):
        account.ensure_zone(str(domain))


def settings_of(stack: str) -> dict[str, Any]:
    """What the rehearsal's copy of this stack's file says."""
    return shadow.config(shadow.stack_file(shadow=paths.SHADOW, stack=stack))


def _absent(settings: dict[str, Any], path: tuple[str, ...]) -> bool:
    node: Any = settings
    for key in path:
        if not isinstance(node, dict) or key not in node:
            return True
        node = node[key]
    return False
