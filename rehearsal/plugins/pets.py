"""Pet names: adverbs, an adjective, an animal."""

from __future__ import annotations

import secrets

_ADVERBS = ("boldly", "calmly", "deeply", "freely", "gladly", "kindly", "neatly", "openly", "rarely", "simply")
_ADJECTIVES = ("able", "brave", "calm", "clear", "eager", "fair", "fond", "free", "glad", "keen", "kind", "loyal")
_ANIMALS = ("badger", "bison", "crane", "dove", "eagle", "finch", "fox", "heron", "lark", "lynx", "otter", "wren")


def pet(length: int) -> list[str]:
    """`length` words of which the last is an animal."""
    kinds = [_ANIMALS, _ADJECTIVES, *[_ADVERBS] * max(length - 2, 0)]
    return [secrets.choice(words) for words in reversed(kinds[:length])]
