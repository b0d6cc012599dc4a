"""Package archives and lists that one machine downloaded, offered to the next: its apt runs, and downloads little."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from rehearsal import paths
from rehearsal.system import roots

_MOST = 2 * 1024**3
_ARCHIVES, _LISTS = Path("var/cache/apt/archives"), Path("var/lib/apt/lists")


def _store(part: Path) -> Path:
    place = paths.CACHE / "apt" / roots.machine_root().name / part
    place.mkdir(parents=True, exist_ok=True)
    return place


def offer(layer: Path) -> None:
    """Fill a directory that goes below a machine's disk; links, because what lies below is never written to."""
    _limit(_store(_ARCHIVES))
    for part in (_ARCHIVES, _LISTS):
        (layer / part).mkdir(parents=True, exist_ok=True)
        for file in _files(_store(part)):
            _link(file, layer / part / file.name)


def _limit(store: Path) -> None:
    """Start anew before versions of years pile up."""
    if sum(file.stat().st_size for file in _files(store)) > _MOST:
        for file in _files(store):
            file.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def harvest(upper: Path) -> None:
    """Keep what a machine has downloaded so far."""
    for part in (_ARCHIVES, _LISTS):
        if (upper / part).is_dir():
            store = _store(part)
            for file in _files(upper / part):
                _keep(file, store / file.name)


def _files(directory: Path) -> list[Path]:
    found = [file for file in directory.iterdir() if not file.name.startswith(".") and file.name != "lock"]
    return [file for file in found if file.is_file() and not file.is_symlink()]


def _keep(file: Path, target: Path) -> None:
    """Copy, never link: the machine could still write to its own. The time counts: apt asks for news since then."""
    with suppress(FileNotFoundError):
        found = file.stat()
        if target.exists() and (target.stat().st_size, target.stat().st_mtime) == (found.st_size, found.st_mtime):
            return
        unfinished = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copy2(file, unfinished)
        unfinished.rename(target)
