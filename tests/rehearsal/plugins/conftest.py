"""A configured DigitalOcean stand-in over a fake API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.plugins.protos import provider_pb2
from tests.rehearsal.plugins.plugin import FakeApi, Plugin, served, started, values

TOKEN = {"DIGITALOCEAN_TOKEN": "local-test", "DIGITALOCEAN_HTTP_RETRY_WAIT_MIN": "0.01"}


@pytest.fixture
def api() -> FakeApi:
    """The answers of the cloud."""
    return FakeApi()


@pytest.fixture
def plugin(api: FakeApi) -> Iterator[Plugin]:
    """The stand-in as a process, not configured yet."""
    with (
        served(api) as url,
        started("resource-digitalocean", environment={**TOKEN, "DIGITALOCEAN_API_URL": url}) as plugin,
    ):
        yield plugin


@pytest.fixture
def provider(plugin: Plugin) -> Any:
    """A client of the configured stand-in."""
    provider = plugin.provider
    answer = provider.Configure(provider_pb2.ConfigureRequest(args=values({}), acceptSecrets=True))
    assert answer.acceptSecrets
    assert answer.supportsPreview
    return provider
