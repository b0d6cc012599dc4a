"""What a slot is told about its interface and its settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from release.host.agent import releases
from release.host.agent.failure import Failure
from release.host.agent.site import Site
from tests.release.host.bench import document_for, named, parsed

LAYERS = {name: letter * 64 for name, letter in (("dependencies", "a"), ("code", "b"), ("static", "c"))}


def environment(site: Site, **changes: Any) -> dict[str, str]:
    return releases.environment(site, parsed(**changes), slot="blue", sslmode="")


def manifest(**changes: Any) -> dict[str, Any]:
    return named({**document_for(LAYERS)["manifest"], **changes})


@pytest.mark.parametrize(
    ("asked", "found", "served"),
    [(None, None, "wsgi"), (None, "asgi", "asgi"), ("wsgi", "asgi", "wsgi"), ("asgi", "wsgi", "asgi")],
)
def test_the_stack_file_says_it_else_the_project(site: Site, asked: str | None, found: str | None, served: str) -> None:
    document = parsed(interface=asked, **manifest(**({"interface": found} if found else {})))
    for layer in document.layers.values():
        (site.layers / layer / "src").mkdir(parents=True)
    releases.assemble(site, document, mib=1024, cpus=1, connections=None)
    web = json.loads((site.release(document.release) / "web.json").read_text())
    assert web["interface"] == served
    assert releases.environment(site, document, slot="blue", sslmode="")["SLIPWAY_INTERFACE"] == served


def test_a_class_of_settings_is_named_apart(site: Site) -> None:
    found = environment(site, settings="shop.settings:Production")
    assert (found["SLIPWAY_SETTINGS"], found["DJANGO_CONFIGURATION"]) == ("shop.settings", "Production")
    assert "DJANGO_CONFIGURATION" not in environment(site)
    assert "DJANGO_SETTINGS_MODULE" not in environment(site), "the unit has it"


def test_without_the_overlay_the_settings_module_is_the_projects(site: Site) -> None:
    found = environment(site, overlay=False, **manifest(overlay=False))
    assert found["DJANGO_SETTINGS_MODULE"] == found["SLIPWAY_SETTINGS"] == "gallery.settings"


@pytest.mark.parametrize(("asked", "built"), [(True, False), (False, True)])
def test_an_artifact_is_good_for_one_of_the_two_ways(asked: bool, built: bool) -> None:
    with pytest.raises(Failure) as refused:
        parsed(overlay=asked, **manifest(overlay=built))
    assert refused.value.cause.startswith(f"overlay: should be what the artifact was built with, {str(built).lower()} ")
