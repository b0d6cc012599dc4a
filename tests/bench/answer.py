"""Ask for a page until it is there: run inside the rehearsal by `tests.bench.first`; prints the seconds it took."""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request

LIMIT = 600.0


def main(url: str) -> None:
    """From now to the first 200, over its public name with its certificate verified."""
    started = time.monotonic()
    while time.monotonic() - started < LIMIT:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    print(round(time.monotonic() - started, 2))
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"answer: {url} gave no 200 within {LIMIT:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
