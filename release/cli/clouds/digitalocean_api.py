"""DigitalOcean's public API, read only, with the token `pulumi up` uses."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from typing import Any

from release.cli.clouds.cloud import NotAsked
from release.live import trusted_certificates

__all__ = ["Api", "verified"]

SECONDS = 20
PAGE = 200


class Api:
    """GET, with paging; what is not there is None."""

    def __init__(self) -> None:
        self._url = os.environ.get("DIGITALOCEAN_API_URL", "https://api.digitalocean.com").rstrip("/")
        self._token = os.environ.get("DIGITALOCEAN_TOKEN") or os.environ.get("DIGITALOCEAN_ACCESS_TOKEN")
        if not self._token:
            raise NotAsked("no token: set DIGITALOCEAN_TOKEN, as for pulumi up")
        self._tls = verified()

    def get(self, path: str) -> dict[str, Any] | None:
        """One answer; None for a 404."""
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": "slipway", "Accept": "application/json"}
        request = urllib.request.Request(f"{self._url}/v2/{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS, context=self._tls) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise NotAsked(_refused(error.code, self._url)) from None
        except (OSError, ValueError) as error:
            raise NotAsked(f"{self._url} does not answer ({getattr(error, 'reason', error)}), try again") from None

    def all(self, path: str, kind: str) -> list[dict[str, Any]]:
        """Every row of a list, page by page."""
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            mark = "&" if "?" in path else "?"
            found = self.get(f"{path}{mark}per_page={PAGE}&page={page}") or {}
            rows += found.get(kind) or []
            if not ((found.get("links") or {}).get("pages") or {}).get("next"):
                return rows
            page += 1


def verified() -> ssl.SSLContext:
    """Ordinary verification, with the certificates this computer trusts."""
    return ssl.create_default_context(cafile=trusted_certificates())


def _refused(code: int, url: str) -> str:
    if code in (401, 403):
        return f"{url} refuses the token ({code}), set DIGITALOCEAN_TOKEN to one that may read everything"
    return f"{url} answered {code}, try again"
