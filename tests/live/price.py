"""What a smoke test costs: the API's own prices where it has them, list prices where it has none."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.live.account import Account, Refused

DROPLET, DATABASE = "s-1vcpu-1gb", "db-s-1vcpu-1gb"
HOURS = 672  # of a month: what is on for longer costs the monthly price
# Not in the API: from DigitalOcean's pricing page, in dollars a month.
DATABASE_MONTHLY, SPACES_MONTHLY = 15.15, 5.0


@dataclass(frozen=True)
class Price:
    """Dollars an hour for what is counted by the hour."""

    droplet: float
    database: float

    @property
    def hourly(self) -> float:
        return self.droplet + self.database

    def text(self, *, name: str, region: str) -> str:
        """What is said before anything is made."""
        listed = f"the database, list price ({DATABASE_MONTHLY} $ a month)"
        rows = (
            (
                DROPLET,
                f"{self.droplet:.5f} $ an hour",
                "a droplet, as the API says; two for a while with GENERATION=yes",
            ),
            (DATABASE, f"{self.database:.5f} $ an hour", listed),
            ("reserved address", "0 $", "while a droplet has it"),
            (
                "Spaces",
                f"{SPACES_MONTHLY:.0f} $ a month",
                "from an account's first bucket on; nothing where it has one",
            ),
            ("together", f"{self.after(1.0):.2f} $", "for each started hour, without Spaces"),
        )
        head = f"live-smoke: {name} in {region} for about half an hour, then all of it is taken away. It costs:"
        return "\n".join([head, *(f"  {what:<16}  {price:<18}  {note}" for what, price, note in rows)])

    def after(self, seconds: float) -> float:
        """What so long has cost, each started hour counted whole."""
        return math.ceil(max(seconds, 1.0) / 3600) * self.hourly


def prices(account: Account, *, region: str) -> Price:
    """Asked of the API; a size the region does not have is refused here, before it is ordered."""
    for row in account.rows("sizes", "sizes"):
        if row["slug"] == DROPLET and row["available"] and region in row["regions"]:
            return Price(droplet=float(row["price_hourly"]), database=round(DATABASE_MONTHLY / HOURS, 5))
    raise Refused(f"LIVE_REGION: should have {DROPLET} (got {region!r}), name another region")
