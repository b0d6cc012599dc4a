"""`python -m tests.live [destroy]`: what `make live-smoke` and `make live-smoke-destroy` do.

DIGITALOCEAN_TOKEN pays. LIVE_DOMAIN: a zone in the account (without it the site answers under its address's name).
LIVE_REGION: default fra1. CONFIRM=yes: no question. GENERATION=yes: the server is replaced once, too.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from rehearsal.paths import REPOSITORY
from rehearsal.steps import Steps
from rehearsal.story import StoryFailed
from release.ssh import stop_on_signals
from tests.live import engine, story
from tests.live.account import Account, Refused
from tests.live.buckets import clear_buckets
from tests.live.place import STATE, Place, new
from tests.live.price import prices

WAYS = ((), ("destroy",))


def main() -> int:
    """Take away what an earlier one left; then, unless that was all, bring up, look, take away."""
    words = tuple(sys.argv[1:])
    if words not in WAYS:
        print("usage: python -m tests.live [destroy]", file=sys.stderr)
        return 2
    stop_on_signals()
    try:
        with Place.alone():
            account = fit()
            for left in Place.all():
                print(f"live-smoke: {left.record.stack} is left from before", flush=True)
                take_away(left, account)
            return 0 if words else smoke(account)
    except Refused as refused:
        print(f"live-smoke: {refused}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print(f"live-smoke: stopped by {interrupt or 'a signal'}", file=sys.stderr)
        return 130


def fit() -> Account:
    """An account that answers, and what this computer needs; nothing is made before all of that is known."""
    account = Account()
    account.check()
    if not account.is_local and not engine.official():
        raise Refused(
            "pulumi: should have its official plugins (got the rehearsal's stand-ins), they refuse real clouds"
        )
    if lacking := story.seen_by():
        raise Refused(lacking)
    return account


def smoke(account: Account) -> int:
    """One stack, up and away; 1 when something about it was wrong."""
    region, domain = os.environ.get("LIVE_REGION") or "fra1", os.environ.get("LIVE_DOMAIN", "")
    if domain and domain not in {row["name"] for row in account.rows("domains", "domains")}:
        raise Refused(f"LIVE_DOMAIN: should be a zone in the account (got {domain!r}), add it or leave it out")
    price = prices(account, region=region)
    record = new(cloud=account.url, region=region, domain=domain, hourly=price.hourly, addresses=account.addresses())
    print(price.text(name=record.prefix, region=region), flush=True)
    if not agreed():
        raise Refused("nothing was made (say yes, or CONFIRM=yes)")
    place = Place.make(record)
    os.environ.update(place.environment)
    os.chdir(REPOSITORY)
    try:
        story.tell(
            place, Steps(ledger=place.directory / "steps.json"), generation=os.environ.get("GENERATION") == "yes"
        )
    except (engine.Failed, story.Wrong, StoryFailed, RuntimeError, OSError) as wrong:
        print(f"\nlive-smoke: {wrong}", file=sys.stderr, flush=True)
        return 1
    finally:
        take_away(place, account)
    print("live-smoke: all as it should be")
    return 0


def agreed() -> bool:
    """The one question."""
    if os.environ.get("CONFIRM") == "yes":
        return True
    return sys.stdin.isatty() and input("Go on? (yes/no) ").strip().lower() == "yes"


def take_away(place: Place, account: Account) -> None:
    """All of one smoke test, whatever it did when it ended; it cannot be stopped but by a kill."""
    record = place.record
    if record.cloud != account.url:
        raise Refused(f"{record.stack}: is at {record.cloud}, take it away from a terminal that means that cloud")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, told)
    os.environ.update(place.environment)
    print(f"▸ taking {record.stack} away", flush=True)
    engine.settle(place)
    addresses: set[str] = set()
    if engine.exists(place):
        addresses = engine.addresses(place)
        destroy(place)
    for ip in account.release(addresses):
        print(f"    reserved address {ip}: given back")
    for bucket in clear_buckets(account, record.prefix, region=record.region):
        print(f"    the engine did not know of bucket {bucket}: deleted")
    for found in account.clear(record.prefix, domain=record.domain):
        print(f"    the engine did not know of {found.kind} {found.name}: deleted")
    for ip in sorted(account.addresses() - set(record.addresses)):
        print(f"    reserved address {ip} has no machine and was not there before: it may be of this run, look at it")
    seconds = time.time() - record.started
    place.forget()
    print(
        f"  ✓ nothing of {record.prefix} is left; {seconds / 60:.0f} minutes, about "
        f"{(int(seconds // 3600) + 1) * record.hourly:.2f} $ by the prices above, without Spaces",
        flush=True,
    )
    stop_on_signals()


def destroy(place: Place) -> None:
    """`pulumi destroy`, after what heals a stack whose `up` was killed."""
    stack = ("--stack", place.record.stack)
    try:
        engine.run(place, "destroy", "--yes", "--skip-preview", *stack)
    except engine.Failed:
        for words in (("cancel", "--yes"), ("refresh", "--yes", "--skip-preview", "--clear-pending-creates")):
            try:
                engine.run(place, *words, *stack)
            except engine.Failed as failure:
                print(f"    {str(failure).splitlines()[0]}", flush=True)
        try:
            engine.run(place, "destroy", "--yes", "--skip-preview", *stack)
        except engine.Failed as failure:
            print(f"    {failure}\n    what is left is deleted over the API", flush=True)


def told(number: int, frame: object) -> None:
    """A signal while things are taken away: that goes on, it is what the signal asks for."""
    print(f"    {signal.Signals(number).name}: taking away goes on, see {STATE}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
