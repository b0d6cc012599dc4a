"""`python3 -m slipway_data dump|load|media|shell`, as the site's own user."""

from __future__ import annotations

import os
import sys
from io import BufferedReader, FileIO
from typing import Any, BinaryIO

from . import media, migrations, postgres, sqlite
from .failure import Failure
from .frames import hear, send_end, tell, whole
from .place import Postgres, of_the_site


def main(words: list[str]) -> int:
    """One verb; a failure is told on the line, or to the terminal of a shell."""
    verb, *rest = words
    if verb == "shell":
        return _shell(rest)
    out = _line()
    try:
        {"dump": _dump, "load": _load, "media": _media}[verb](out)
        return 0
    except BrokenPipeError:
        return 141
    except Exception as error:
        tell(out, error=_words(error))
        return 1


def _line() -> BinaryIO:
    """stdout for us alone: what the site's own settings print goes to stderr."""
    line = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return line


def _dump(out: BinaryIO) -> None:
    try:
        place = of_the_site()
        kind = "postgres" if isinstance(place, Postgres) else "sqlite"
        facts = postgres.dump(place, out) if isinstance(place, Postgres) else sqlite.dump(place, out)
    finally:
        send_end(out)
    tell(out, dumped=kind, **facts)


def _load(out: BinaryIO) -> None:
    incoming = _incoming()
    asked = hear(incoming.readline())
    place = of_the_site()
    tables = postgres.held(place) if isinstance(place, Postgres) else sqlite.held(place)
    if tables and not asked.get("overwrite"):
        tell(out, held=tables)
        return
    tell(out, loading=True)
    content = whole(incoming, int(asked["size"]))
    facts = postgres.load(place, content) if isinstance(place, Postgres) else sqlite.load(place, content)
    tell(out, loaded=True, **facts, **_migrations())


def _media(out: BinaryIO) -> None:
    media.answer(_incoming(), out, root=media.root_of_the_site())


def _incoming() -> BinaryIO:
    return BufferedReader(FileIO(0, closefd=False), 1 << 16)


def _migrations() -> dict[str, Any]:
    """The load stands, whatever can be told of it."""
    try:
        return migrations.state()
    except Exception as error:
        return {"untold": f"{type(error).__name__}: {error}"}


def _shell(words: list[str]) -> int:
    try:
        place = of_the_site()
        if isinstance(place, Postgres):
            postgres.shell(place, words)
        sqlite.shell(place, words)
    except Exception as error:
        sys.stderr.write(f"{_words(error)}\n")
        return 1


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, Failure) else f"unexpected {type(error).__name__}: {error}"


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # a thread that waits for the rest of a dump must not hold up the end
