"""Which generations of a generated secret are valid: the newest is used, the one before may still open."""

from __future__ import annotations

from dataclasses import dataclass

from settings.stack_file import Asked

__all__ = ["NAMES", "Rotations", "rotations"]

NAMES = ("secret-key", "database-password", "storage-keys")
Generations = tuple[int, ...]


@dataclass(frozen=True)
class Rotations:
    """The valid generations of each, oldest first; one, or two while the one before is still needed."""

    secret_key: Generations = (1,)
    database_password: Generations = (1,)
    storage_keys: Generations = (1,)

    def recorded(self) -> dict[str, list[int]]:
        """As the stack file names them."""
        return {name: list(getattr(self, name.replace("-", "_"))) for name in NAMES}


def rotations(asked: Asked) -> Rotations:
    """Read `rotations`; what it does not name has never been rotated."""
    given = asked.typed("rotations", dict, "names with lists of numbers") or {}
    for name in given:
        if name not in NAMES:
            asked.fail(f"rotations.{name}", f"is nothing that is rotated, choose of {', '.join(NAMES)}")
    valid = Rotations(**{name.replace("-", "_"): _generations(asked, name, value) for name, value in given.items()})
    _refuse_own_key(asked, valid)
    return valid


def _generations(asked: Asked, name: str, value: object) -> Generations:
    numbers = value if isinstance(value, list) else []
    whole = all(isinstance(each, int) and not isinstance(each, bool) and each >= 1 for each in numbers)
    if not whole or len(numbers) not in (1, 2) or sorted(set(numbers)) != numbers:
        rule = "should be the number of the one in use, after the number of the one before while that still opens"
        asked.fail(f"rotations.{name}", f"{rule} (got {value!r}), write [2] or [1, 2]")
    return tuple(numbers)


def _refuse_own_key(asked: Asked, valid: Rotations) -> None:
    own = any("SECRET_KEY" in (asked.given.get(key) or ()) for key in ("env", "secrets"))
    if valid.secret_key != (1,) and own:
        rule = "has no meaning beside a SECRET_KEY of your own"
        asked.fail("rotations.secret-key", f"{rule}, set another there and the one before as SECRET_KEY_FALLBACKS")
