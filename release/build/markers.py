"""Environment markers of lock files, in which extras and groups are words of their own."""

import re
from collections.abc import Collection, Iterable

HOLDS, NEVER = "python_version >= '0'", "python_version < '0'"
EXTRA = re.compile(r"extra\s*==\s*(['\"])([^'\"]+)\1|(['\"])([^'\"]+)\3\s*==\s*extra")
MEMBER = re.compile(r"(['\"])([^'\"]+)\1\s+(not\s+in|in)\s+(extras|dependency_groups)")


def without_extras(marker: str, *, chosen: Collection[str] = ()) -> str:
    """The marker with every `extra == "name"` answered: chosen, or not."""
    return EXTRA.sub(lambda match: HOLDS if (match[2] or match[4]) in chosen else NEVER, marker)


def without_groups(marker: str, *, groups: Collection[str] = ()) -> str:
    """A pylock.toml's marker for the main set: no extras, and only the groups that are installed by default."""

    def answer(match: re.Match[str]) -> str:
        member = match[4] == "dependency_groups" and match[2] in groups
        return HOLDS if member == (match[3] == "in") else NEVER

    return MEMBER.sub(answer, marker)


def all_of(parts: Iterable[str]) -> str:
    """One marker that holds where all of these do."""
    telling = [part for part in parts if part != HOLDS]
    return " and ".join(f"({part})" for part in telling) if telling[1:] else "".join(telling)


def suffix(marker: str) -> str:
    """As it stands behind a requirement; a set that holds everywhere needs none."""
    return f" ; {marker}" if marker and marker != HOLDS else ""
