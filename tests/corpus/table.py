"""The table of the corpus: what was detected for each shape, and how many of its files were changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from tests.rehearsal.stage import REPOSITORY

PAGE = REPOSITORY / "docs/projects.md"
BEGIN, END = "<!-- corpus: made by python -m tests.corpus --write -->", "<!-- corpus end -->"
HEAD = ("Project", "Stack file, beside `settings`", "Packages from", "Django, Python", "Served as", "Static files",
        "Laid over", "Admin, upload", "Files changed")  # fmt: skip


class Row(Protocol):
    """How one shape went."""

    @property
    def words(self) -> str: ...
    @property
    def asked(self) -> str: ...
    @property
    def detected(self) -> tuple[str, ...]: ...
    @property
    def changed(self) -> int: ...
    @property
    def trouble(self) -> str: ...


def told_of(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The telling facts of what `slipway explain --json` says."""
    packages, interface = found["dependencies"], found["interface"]
    resolved = ", resolved" if packages["resolved_into"] else ""
    laid_over = len(found["overrides"])
    return (
        f"{packages['from']}{resolved}",
        f"{found['django']}, {found['python']}",
        f"{interface['kind'].upper()}: {interface['application']}",
        str(found["static"]["backend"]).rpartition(".")[2],
        f"{laid_over} settings",
    )


def written(row: Row, *, order: Sequence[str]) -> None:
    """Put a project's row into the table between the marks, in place of the one it had; others stay."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    table, end, tail = rest.partition(END)
    assert end, f"{PAGE.name}: should have the marks {BEGIN} and {END}"
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()}
    lines[row.words] = _line(_cells(row))
    kept = [lines[words] for words in order if words in lines]
    PAGE.write_text("\n".join([head + BEGIN, _line(HEAD), "|---" * len(HEAD) + "|", *kept, END]) + tail)


def _cells(row: Row) -> tuple[str, ...]:
    detected = row.detected or ("",) * (len(HEAD) - 4)
    return (row.words, row.asked, *detected, "no" if row.trouble else "yes", str(row.changed))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
