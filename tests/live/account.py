"""The account that pays, over its API: what is in it under a name, and taking that away."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

REAL = "https://api.digitalocean.com"
PAGE = 200
PATIENCE = 600.0  # seconds in which what is deleted has to be gone
PAUSE = 5.0


class Refused(Exception):
    """The smoke test does not begin, or cannot go on; the text says why and what to do."""


@dataclass(frozen=True)
class Kind:
    """How the API lists one kind of thing, and how it names each."""

    title: str
    path: str
    key: str
    id: str = "id"
    name: str = "name"


# In the order in which they can go: a network only when nothing is in it.
KINDS = (
    Kind("droplet", "droplets", "droplets"),
    Kind("database cluster", "databases", "databases"),
    Kind("firewall", "firewalls", "firewalls"),
    Kind("SSH key", "account/keys", "ssh_keys"),
    Kind("Spaces key", "spaces/keys", "keys", id="access_key"),
    Kind("tag", "tags", "tags", id="name"),
    Kind("VPC", "vpcs", "vpcs"),
)


@dataclass(frozen=True)
class Found:
    """One thing in the account."""

    kind: str
    name: str
    path: str


class Account:
    """The API, with the token of the environment, which is never printed."""

    def __init__(self) -> None:
        self.url = (os.environ.get("DIGITALOCEAN_API_URL") or REAL).rstrip("/")
        self._token = os.environ.get("DIGITALOCEAN_TOKEN", "")

    @property
    def is_local(self) -> bool:
        """Whether this is a cloud that costs nothing: its tokens are no tokens of DigitalOcean's."""
        return self._token.startswith("local-") and self.url != REAL

    def check(self) -> None:
        """Whether the token opens an account."""
        if not self._token:
            raise Refused("DIGITALOCEAN_TOKEN: should be a token with full access (got none), export it first")
        self.ask("account")

    def ask(self, path: str, *, method: str = "GET", body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.url}/v2/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found: dict[str, Any] = json.loads(answer.read() or b"{}")
                return found
        except urllib.error.HTTPError as error:
            raise self._refused(error, path) from None
        except OSError as error:
            raise Refused(f"{self.url}: should answer (got {error}), is this terminal where the cloud is?") from None

    def rows(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        """All pages of a list."""
        number = 1
        while True:
            answer = self.ask(f"{path}?per_page={PAGE}&page={number}")
            yield from answer[key]
            if not (answer.get("links") or {}).get("pages", {}).get("next"):
                return
            number += 1

    def named(self, prefix: str, *, domain: str = "") -> list[Found]:
        """Everything whose name begins so, and the zone's records for a host of that name."""
        found = [
            Found(kind.title, str(row[kind.name]), f"{kind.path}/{row[kind.id]}")
            for kind in KINDS
            for row in self.rows(kind.path, kind.key)
            if str(row[kind.name]) == prefix or str(row[kind.name]).startswith(f"{prefix}-")
        ]
        records = self.rows(f"domains/{domain}/records", "domain_records") if domain else ()
        label = prefix.split("-", 1)[1]
        return [
            *(
                Found("DNS record", f"{row['name']}.{domain}", f"domains/{domain}/records/{row['id']}")
                for row in records
                if label in str(row["name"])
            ),
            *found,
        ]

    def addresses(self) -> set[str]:
        """The reserved addresses that no machine has."""
        return {str(row["ip"]) for row in self.rows("reserved_ips", "reserved_ips") if not row.get("droplet")}

    def release(self, addresses: Iterable[str]) -> list[str]:
        """Give back those of these reserved addresses that are still there; which they were."""
        left = [ip for ip in sorted(addresses) if ip in self.addresses()]
        for ip in left:
            self.ask(f"reserved_ips/{ip}", method="DELETE")
        return left

    def clear(self, prefix: str, *, domain: str = "") -> list[Found]:
        """Delete all of that name, wait until it is gone; what was there."""
        first = left = self.named(prefix, domain=domain)
        end = time.monotonic() + PATIENCE
        while left:
            if time.monotonic() > end:
                names = ", ".join(f"{each.kind} {each.name}" for each in left)
                raise Refused(f"{prefix}: should be gone within {PATIENCE:.0f} s (still there: {names}), delete it")
            for each in left:
                self._delete(each)
            time.sleep(PAUSE if self.named(prefix, domain=domain) else 0)
            left = self.named(prefix, domain=domain)
        return first

    def _delete(self, found: Found) -> None:
        try:
            self.ask(found.path, method="DELETE")
        except Refused:
            return  # it goes already, or something in it has to go first: asked again in a moment

    def _refused(self, error: urllib.error.HTTPError, path: str) -> Refused:
        if error.code in (401, 403):
            return Refused(f"DIGITALOCEAN_TOKEN: should open an account with full access (got {error.code} for {path})")
        return Refused(f"{self.url}/v2/{path}: should answer (got {error.code} {error.reason})")
