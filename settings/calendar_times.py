"""Times as systemd's timers take them (systemd.time(7)), so that a wrong one is told before a server meets it.

Fractions of a second are refused here; years before 1970 and the names of time zones are left to systemd.
"""

from __future__ import annotations

import re

_WORDS = "minutely|hourly|daily|weekly|monthly|quarterly|semiannually|yearly|annually|anually|bi-annually"
_DAY = "(?:mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
_DAYS = rf"{_DAY}(?:(?:-|\.\.){_DAY})?(?:,{_DAY}(?:(?:-|\.\.){_DAY})?)*,?"
_ZONE = r"(?:UTC|[A-Z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)+)"
_MOMENT = re.compile(
    rf"(?:(?P<days>{_DAYS})(?:\s+|$))?"
    r"(?:(?:(?P<year>[^-:\s~]+)-)?(?P<month>[^-:\s~]+)[-~](?P<day>[^-:\s~]+)(?:\s+|$))?"
    r"(?:(?P<hour>[^-:\s~]+):(?P<minute>[^-:\s~]+)(?::(?P<second>[^-:\s~]+))?)?",
    re.IGNORECASE,
)
_LIMITS = {"year": (0, 2199), "month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59), "second": (0, 60)}
_PART = re.compile(r"(?:\*|(?P<first>\d+)(?:\.\.(?P<last>\d+))?)(?:/(?P<step>\d+))?")
_CRON = re.compile(r"(\d{1,2}|\*|\*/\d+) (\d{1,2}|\*|\*/\d+) (\d{1,2}|\*) (\d{1,2}|\*) \*")


def is_calendar_time(text: str) -> bool:
    """Whether a timer takes it."""
    told = re.sub(rf"\s+{_ZONE}$", "", text.strip())
    if re.fullmatch(_WORDS, told, re.IGNORECASE):
        return True
    found = _MOMENT.fullmatch(told)
    return bool(told) and found is not None and all(_fits(name, found[name]) for name in _LIMITS)


def meant_by_cron(text: str) -> str:
    """What a line of cron would be here, if that is what it is."""
    found = _CRON.fullmatch(" ".join(text.split()))
    if not found:
        return ""
    minute, hour, day, month = (field.zfill(2) if field.isdigit() else field for field in found.groups())
    return f"*-{month}-{day} {hour.replace('*/', '0/')}:{minute.replace('*/', '0/')}"


def _fits(name: str, field: str | None) -> bool:
    return field is None or all(_part(part, *_LIMITS[name]) for part in field.split(","))


def _part(part: str, least: int, most: int) -> bool:
    found = _PART.fullmatch(part)
    if not found:
        return False
    first, last = found["first"], found["last"]
    inside = all(least <= int(number) <= most for number in (first, last) if number)
    return inside and (not last or int(first) <= int(last)) and (found["step"] is None or int(found["step"]) > 0)
