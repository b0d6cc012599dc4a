"""Questions to the local cloud, asked inside: its public API and its own view of itself."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any


def api(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A call of DigitalOcean's API with the rehearsal's token."""
    return _http(
        method, f"{os.environ['DIGITALOCEAN_API_URL']}/v2/{path}", body, token=os.environ["DIGITALOCEAN_TOKEN"]
    )


def hetzner(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A call of Hetzner's API with the rehearsal's token."""
    return _http(method, f"{os.environ['HCLOUD_ENDPOINT']}/{path}", body, token=os.environ["HCLOUD_TOKEN"])


def cloud(path: str) -> dict[str, Any]:
    """One of the pages under /_cloud/."""
    return _http("GET", f"{os.environ['DIGITALOCEAN_API_URL']}/_cloud/{path}", None, token="")


def _http(method: str, url: str, body: dict[str, Any] | None, *, token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
        found: dict[str, Any] = json.loads(answer.read() or b"{}")
    return found
