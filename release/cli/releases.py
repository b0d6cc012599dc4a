"""`slipway releases`: what an environment keeps, where it came from, and what it could go back to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from release.bucket import Bucket, BucketError
from release.cli.project import Project
from release.cli.refusal import Refusal
from release.cli.remote import ask
from release.cli.stack import Stack

__all__ = ["Kept", "kept", "releases"]

WORDS = {"yes": "yes", "no": "no, because", "cannot tell": "cannot tell, because"}


@dataclass(frozen=True)
class Kept:
    """A release on an environment's server; `back` says whether the database lets it serve again."""

    release: str
    artifact: str
    at: str
    state: str  # serving, previous, kept, failed; or it waits behind a maintenance window
    back: str
    because: str
    commit: str = ""

    @property
    def verdict(self) -> str:
        """Whether the site can go back to it, in words."""
        if not self.back:
            return self.because
        return f"{WORDS[self.back]} {self.because}".strip() if self.back != "yes" else _yes(self.because)


def releases(project: Project, name: str, *, as_json: bool) -> int:
    """Print what is kept, newest first."""
    stack = Stack.read(project, name)
    found = kept(stack)
    print(json.dumps({"stack": name, "releases": [asdict(each) for each in found]}) if as_json else _table(found))
    return 0


def kept(stack: Stack) -> list[Kept]:
    """What the environment's first server keeps; each with its commit, where the artifact's record tells it."""
    said = ask(stack, stack.servers[0], verb="releases")["releases"]
    with ThreadPoolExecutor(max_workers=8) as threads:
        commits = threads.map(lambda each: _commit(stack, str(each["artifact"])), said)
        return [Kept(**each, commit=commit) for each, commit in zip(said, commits, strict=True)]


def _commit(stack: Stack, artifact: str) -> str:
    """From the record that lies beside the artifact in the release bucket; nothing when there is none."""
    given = stack.outputs.get("release_source")
    if not given:
        return ""
    try:
        record: dict[str, Any] = json.loads(Bucket.parse(given).get(f"artifacts/{artifact}.json") or b"{}")
    except (BucketError, ValueError):
        return ""
    changed = "+" if record.get("dirty") else ""
    return f"{str(record['commit'])[:12]}{changed}" if record.get("commit") else ""


def _yes(doubt: str) -> str:
    return f"yes, though {doubt}" if doubt else "yes"


def _table(found: Sequence[Kept]) -> str:
    if not found:
        raise Refusal("nothing is kept there yet, run pulumi up first")
    rows = [("release", "artifact", "commit", "since", "state", "can roll back"), *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(_aligned(rows, widths))


def _row(each: Kept) -> tuple[str, ...]:
    artifact = each.artifact.removeprefix("sha256-")[:12]
    since = each.at[:19].replace("T", " ")
    return (each.release, artifact, each.commit or "-", since or "-", each.state, each.verdict)


def _aligned(rows: Sequence[tuple[str, ...]], widths: Sequence[int]) -> Iterator[str]:
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[5]]).rstrip()
