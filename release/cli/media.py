"""`slipway media push|pull STACK DIR`: an environment's uploads from a directory and into one."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from release.bucket import BucketError
from release.cli.media_plan import Plan, files_in, planned
from release.cli.media_stores import Store, opened
from release.cli.progress import Progress, amount
from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.stack import Stack

__all__ = ["media"]

USAGE = "slipway media push|pull STACK DIR [--overwrite] [--delete] [--dry-run]"
SHOWN = 10


def media(directory: str | None, words: Sequence[str]) -> int:
    """Copy what the other side lacks; what differs or is there alone is told, and touched only on a flag."""
    given = _parser().parse_args(words)
    folder: Path = given.directory
    if given.verb == "push" and not folder.is_dir():
        raise Refusal(f"{folder}: should be a directory of uploads, as MEDIA_ROOT is")
    stack = Stack.read(Project.find(directory), given.stack)
    try:
        with opened(stack) as store:
            return _moved(store, folder, given)
    except BucketError as error:
        raise Refusal(f"{stack.name}: {error}") from None


def _moved(store: Store, folder: Path, given: argparse.Namespace) -> int:
    there, here = store.listing(), files_in(folder)
    with Progress("comparing") as progress:
        plan = planned(
            source=here if given.verb == "push" else there,
            target=there if given.verb == "push" else here,
            same=lambda key: store.same(key, there[key], folder / key),
            progress=progress,
        )
    print(_told(plan, given), flush=True)
    if given.dry_run:
        return 0
    wanted, unwanted = plan.wanted(overwrite=given.overwrite), sorted(plan.alone) if given.delete else []
    _copy(store, folder, wanted, push=given.verb == "push")
    _each(store.remove if given.verb == "push" else lambda key: (folder / key).unlink(), unwanted)
    print(f"done: {len(wanted)} copied ({amount(sum(wanted.values()))}), {len(unwanted)} removed")
    return 0


def _copy(store: Store, folder: Path, wanted: dict[str, int], *, push: bool) -> None:
    whole, done, lock = sum(wanted.values()), 0, threading.Lock()
    with Progress("push" if push else "pull", whole) as progress:

        def move(key: str) -> None:
            nonlocal done
            if push:
                store.put(key, folder / key)
            else:
                store.get(key, folder / key)
            with lock:
                done += wanted[key]
                progress.at(done)

        _each(move, sorted(wanted), threads=store.threads)


def _each(do: Callable[[str], None], keys: Sequence[str], *, threads: int = 1) -> None:
    """All of them, several at a time; the first failure ends it, and what is done stays done."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        futures = [pool.submit(do, key) for key in keys]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _told(plan: Plan, given: argparse.Namespace) -> str:
    target = given.stack if given.verb == "push" else str(given.directory)
    copied = ("to copy", "")
    replaced = ("to replace", "") if given.overwrite else ("stay as they are there", ", replace them with --overwrite")
    removed = ("to remove", "") if given.delete else ("stay", ", remove them with --delete")
    return "\n".join(
        [
            f"{plan.same} are the same",
            _line(plan.new, "new", copied),
            _line(plan.different, f"differ in {target}", replaced),
            _line(plan.alone, f"in {target} alone", removed),
        ]
    )


def _line(files: dict[str, int], what: str, fate: tuple[str, str]) -> str:
    if not files:
        return f"0 {what}"
    named = ", ".join(sorted(files)[:SHOWN]) + (", ..." if len(files) > SHOWN else "")
    return f"{len(files)} {what} ({amount(sum(files.values()))}), {fate[0]}{fate[1]}: {named}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slipway media", usage=USAGE, allow_abbrev=False)
    parser.add_argument("verb", choices=("push", "pull"), help="from DIR to the environment, or from there into DIR")
    parser.add_argument("stack", metavar="STACK", help="the environment: staging, production, ...")
    parser.add_argument("directory", metavar="DIR", type=Path, help="a directory as MEDIA_ROOT is")
    parser.add_argument("--overwrite", action="store_true", help="also replace what differs")
    parser.add_argument("--delete", action="store_true", help="also remove what is on the other side alone")
    parser.add_argument("--dry-run", action="store_true", help="only say what there is to do")
    return parser
