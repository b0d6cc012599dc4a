"""What clouds have to say alike: a near miss, a refusal in words of the stack file, a record of somebody else's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping

import pulumi

from components.clouds.cloud import Fail


def near(word: str, known: Iterable[str], usual: Iterable[str]) -> str:
    """The way out of a name that the cloud does not know."""
    found = difflib.get_close_matches(word, sorted(known), n=1)
    return f", did you mean {found[0]}?" if found else f", choose one of {', '.join(usual)} ..."


def explaining(refusals: Mapping[str, str]) -> Callable[[pulumi.ErrorHookArgs], bool]:
    """Say beside the provider's own words what an order was refused for; `refusals` are patterns with ours."""

    def explain(failed: pulumi.ErrorHookArgs) -> bool:
        for refusal, words in refusals.items():
            if any(re.search(refusal, error, re.IGNORECASE) for error in failed.errors):
                pulumi.error(f"{failed.name}: {words}")
                break
        return False  # no retry: the provider has tried as often as makes sense

    return explain


def unclaimed(host: str, foreign: str | None, *, fail: Fail) -> pulumi.ResourceHook:
    """The engine knows what is ours: it asks before it makes a record, in preview too, and never about one it has."""

    def refuse(_: pulumi.ResourceHookArgs) -> None:
        if foreign:
            fail("hosts", foreign)

    return pulumi.ResourceHook(f"existing record at {host}", refuse, pulumi.ResourceHookOptions(on_dry_run=True))


def not_ours(host: str, got: str, *, take: str | None, stack: str) -> str:
    """A record that stands at a wanted name; `take` is what the engine imports it as, where it can."""
    import_it = f"pulumi import --stack {stack} --protect=false --generate-code=false {take}"
    way_out = f"take it over with {import_it} or delete it" if take else "delete it"
    return f"{host} has a record that this stack did not make (got {got}), {way_out}"
