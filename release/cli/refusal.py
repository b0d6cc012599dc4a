"""Why a command of slipway stops."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

__all__ = ["Refusal", "meant"]


class Refusal(Exception):
    """`where: rule (got value), the way out`; printed as it is, without a traceback."""


def meant(given: str, known: Sequence[str]) -> str:
    """A hint for a mistyped name: the nearest known one, and all of them."""
    near = difflib.get_close_matches(given, known, n=1)
    listed = f"the known ones are {', '.join(known)}" if known else "there is none yet, make one with pulumi stack init"
    return f"did you mean {near[0]}? {listed}" if near else listed
