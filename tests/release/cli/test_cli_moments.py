"""A moment as a person writes it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from release.cli.moments import moment
from release.cli.refusal import Refusal


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2025-11-20 10:00", datetime(2025, 11, 20, 10, tzinfo=UTC)),
        ("2025-11-20 10:00 UTC", datetime(2025, 11, 20, 10, tzinfo=UTC)),
        ("2025-11-20T10:00:30+02:00", datetime(2025, 11, 20, 8, 0, 30, tzinfo=UTC)),
        ("2025-11-20", datetime(2025, 11, 20, tzinfo=UTC)),
    ],
)
def test_without_a_zone_it_is_utc(given: str, meant: datetime) -> None:
    assert moment(given) == meant


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("yesterday", "--at: should be a time such as '2026-11-20 10:00' or latest (got 'yesterday')"),
        ("2999-01-01 12:00", "--at: should lie in the past (got 2999-01-01 12:00:00 UTC; times are UTC unless they "
         "say another zone, as in 10:00+02:00)"),
    ],
)  # fmt: skip
def test_what_is_no_moment_of_the_past(given: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        moment(given)
    assert str(refused.value) == said
