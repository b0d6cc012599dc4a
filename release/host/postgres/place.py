"""Where everything of the machine's Postgres lies."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..agent.failure import Failure
from ..agent.site import write

__all__ = ["CLUSTER", "PORT", "SOCKETS", "VERSION", "Facts", "Place"]

VERSION = "17"
CLUSTER = "main"
PORT = 5432
SOCKETS = "/var/run/postgresql"


@dataclass(frozen=True)
class Facts:
    """What the tools on the machine have to know; no secrets."""

    site: str  # the stanza too
    database: str
    data: str  # PGDATA
    address: str  # where the environment's servers reach it


@dataclass(frozen=True)
class Place:
    """The paths of the one cluster on the machine whose root directory is `root`."""

    root: Path = Path("/")

    @property
    def disk(self) -> Path:
        """Where the disk that outlives the machine is mounted."""
        return self.root / "srv/postgres"

    @property
    def data(self) -> Path:
        return self.disk / VERSION / CLUSTER

    @property
    def blank(self) -> Path:
        """Stands from the making of a cluster until it is known that no backup belongs in it."""
        return self.data.with_name(f"{CLUSTER}.blank")

    @property
    def workshop(self) -> Path:
        """Root's own. `/var/lib/SITE` is a site's, and a site may be called slipway."""
        return self.root / "var/lib/slipway-backup"

    @property
    def state(self) -> Path:
        """What was seen and told, on the disk that outlives the machine where there is one."""
        return self.disk / "backup" if self.disk.exists() else self.workshop / "state"

    @property
    def configuration(self) -> Path:
        return self.root / "etc/postgresql" / VERSION / CLUSTER

    @property
    def repository(self) -> Path:
        """pgBackRest's configuration, which holds the bucket's key and the repository's cipher."""
        return self.root / "etc/pgbackrest/pgbackrest.conf"

    @property
    def tls(self) -> Path:
        return self.root / "etc/slipway/postgres"

    @property
    def units(self) -> Path:
        return self.root / "etc/systemd/system"

    @property
    def tools(self) -> Path:
        return self.root / "usr/local/lib/slipway"

    @property
    def facts(self) -> Path:
        return self.root / "etc/slipway/postgres.json"

    @property
    def unit(self) -> str:
        return f"postgresql@{VERSION}-{CLUSTER}.service"

    def read_facts(self) -> Facts:
        """What the last good `up` wrote down."""
        try:
            return Facts(**json.loads(self.facts.read_text()))
        except FileNotFoundError:
            raise Failure("no Postgres is kept on this machine yet, run pulumi up") from None
        except (ValueError, TypeError) as error:
            raise Failure(f"{self.facts}: should be what pulumi up wrote (got {error}), run pulumi up again") from None

    def write_facts(self, facts: Facts) -> None:
        """Write down what the tools have to know."""
        write(self.facts, json.dumps(asdict(facts), indent=1) + "\n")
