"""bcrypt by the host's own libcrypt: Python's standard library has none."""

from __future__ import annotations

import ctypes
import secrets
import string
import threading

_ALPHABET = f"./{string.ascii_letters}{string.digits}"
_COST = 10
_one_at_a_time = threading.Lock()  # crypt(3) answers from a static buffer


def bcrypt(text: str) -> str:
    """The hash of the first 72 bytes of `text`; empty where the host has no libcrypt that can."""
    salt = f"$2a${_COST}${''.join(secrets.choice(_ALPHABET) for _ in range(21))}."
    with _one_at_a_time:
        for library in ("libcrypt.so.1", "libcrypt.so.2"):
            if (found := _hash(library, text.encode()[:72], salt.encode())) and found.startswith("$2a$"):
                return found
    return ""


def _hash(library: str, text: bytes, salt: bytes) -> str | None:
    try:
        crypt = ctypes.CDLL(library).crypt
    except (OSError, AttributeError):
        return None
    crypt.restype, crypt.argtypes = ctypes.c_char_p, [ctypes.c_char_p, ctypes.c_char_p]
    found: bytes | None = crypt(text, salt)
    return found.decode() if found else None
