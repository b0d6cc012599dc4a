"""The rate limit: told with every answer and not enforced, or a long rehearsal would stand still; a fault rule can."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

LIMIT = 5000
HOUR = 3600


class Rate:
    """Counts the calls of the last hour."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: deque[float] = deque(maxlen=LIMIT)

    def headers(self, status: int) -> Mapping[str, str]:
        """Count a call and give what its answer says of the limit: a 429 says that none is left."""
        with self._lock:
            now = self._clock()
            while self._calls and self._calls[0] <= now - HOUR:
                self._calls.popleft()
            self._calls.append(now)
            left, first = LIMIT - len(self._calls), self._calls[0]
        return {
            "ratelimit-limit": str(LIMIT),
            "ratelimit-remaining": str(0 if status == 429 else left),
            "ratelimit-reset": str(int(first + HOUR)),
        }
