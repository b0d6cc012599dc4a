"""What the owner of an account sees and does at the cloud itself, in the cloud's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tests.rehearsal.stage import Stage

Record = tuple[str, str, str]
# What a zone holds that no site made.
OWNERS = ("TXT", "MX", "NS", "SOA")


class Account(Protocol):
    """An account at one cloud."""

    def machines(self, stage: Stage) -> dict[int, list[str]]:
        """Every machine with its public addresses."""

    def reboot(self, stage: Stage, machine: int) -> None:
        """As the button in the console does."""

    def delete(self, stage: Stage, machine: int) -> None:
        """By hand, behind the engine's back."""

    def owners_records(self, stage: Stage, zone: str) -> list[Record]:
        """The zone's records of kinds that no site makes."""


class DigitalOcean:
    def machines(self, stage: Stage) -> dict[int, list[str]]:
        rows = stage.api("droplets?per_page=200")["droplets"]
        return {row["id"]: [address["ip_address"] for address in row["networks"]["v4"]] for row in rows}

    def reboot(self, stage: Stage, machine: int) -> None:
        stage.api(f"droplets/{machine}/actions", method="POST", body={"type": "reboot"})

    def delete(self, stage: Stage, machine: int) -> None:
        stage.api(f"droplets/{machine}", method="DELETE")

    def owners_records(self, stage: Stage, zone: str) -> list[Record]:
        rows = stage.api(f"domains/{zone}/records")["domain_records"]
        return sorted((row["type"], row["name"], row["data"]) for row in rows if row["type"] in OWNERS)


class Hetzner:
    def machines(self, stage: Stage) -> dict[int, list[str]]:
        rows = stage.api("servers?per_page=50")["servers"]
        return {row["id"]: [row["public_net"]["ipv4"]["ip"]] for row in rows}

    def reboot(self, stage: Stage, machine: int) -> None:
        stage.api(f"servers/{machine}/actions/reboot", method="POST", body={})

    def delete(self, stage: Stage, machine: int) -> None:
        stage.api(f"servers/{machine}", method="DELETE")

    def owners_records(self, stage: Stage, zone: str) -> list[Record]:
        rows = stage.api(f"zones/{zone}/rrsets?per_page=50")["rrsets"]
        return sorted(
            (row["type"], row["name"], record["value"])
            for row in rows
            if row["type"] in OWNERS
            for record in row["records"]
        )


ACCOUNTS: Mapping[str, Account] = {"digitalocean": DigitalOcean(), "hetzner": Hetzner()}
