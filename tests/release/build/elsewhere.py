"""A build as another person has it: `python -m tests.release.build.elsewhere WHAT PROJECT LOCK PYTHON [PLANT]`.

It prints the id of WHAT: `artifact`, or `code` for that layer alone, which needs no Django. PLANT names one of the
flaws below.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from release.build import build, layers, tree
from release.build.cache import default_cache
from release.build.making import pack_code
from release.host import archive

plain, read = archive.header, tree.read_entry


def with_the_time(**asked: Any) -> Any:
    entry = plain(**asked)
    entry.mtime = int(time.time() * 1000)
    return entry


def with_the_owner(**asked: Any) -> Any:
    entry = plain(**asked)
    entry.uid, entry.uname = os.getuid(), os.environ.get("USER", "")
    return entry


def with_the_mode(*, project: Path, path: str) -> tree.Entry | None:
    entry = read(project=project, path=path)
    return replace(entry, executable=bool((project / path).stat().st_mode & 0o010)) if entry else None


def without_order(found: Any, **_: Any) -> list[Any]:
    return list({str(each): each for each in set(found)}.values())


PLANTS: dict[str, Callable[[], None]] = {
    "time": lambda: setattr(archive, "header", with_the_time),
    "owner": lambda: setattr(archive, "header", with_the_owner),
    "mode": lambda: setattr(tree, "read_entry", with_the_mode),
    "order": lambda: setattr(archive, "sorted", without_order),
}


def main() -> None:
    what, project, lock, python, *plant = sys.argv[1:]
    layers.LEVEL = 1  # layers are named by what is in them, not by how hard it was pressed
    for each in plant:
        PLANTS[each]()
    if what == "artifact":
        print(build(Path(project), settings="site1.settings", lock=Path(lock), python=python).id)
        return
    with default_cache().scratch() as scratch:
        staged = tree.stage(tree=tree.read_tree(Path(project)), target=scratch / "src")
        print(pack_code(cache=default_cache(), tree=staged, made={}, beside={}))


if __name__ == "__main__":
    main()
