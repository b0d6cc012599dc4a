"""The rate limit: told with every answer and not enforced, or a long rehearsal would stand still; a fault rule can."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

LIMIT = 3600
PER_SECOND = 1.0


class Rate:
    """A bucket of calls that refills by one a second."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left, self._seen = float(LIMIT), clock()

    def headers(self, status: int) -> Mapping[str, str]:
        """Count a call and give what its answer says of the limit: a 429 says that none is left."""
        with self._lock:
            now = self._clock()
            self._left = max(0.0, min(LIMIT, self._left + (now - self._seen) * PER_SECOND) - 1)
            self._seen = now
            left = 0.0 if status == 429 else self._left
        return {
            "RateLimit-Limit": str(LIMIT),
            "RateLimit-Remaining": str(int(left)),
            "RateLimit-Reset": str(int(now + (LIMIT - left) / PER_SECOND)),
        }
