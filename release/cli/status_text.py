"""What `slipway status` shows a person: two tables, and below them what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from release.cli.clouds import Row
from release.cli.status import Look

__all__ = ["text"]

FINE, WRONG = "", "✗"
WIDEST = 44


def text(look: Look) -> str:
    """The whole page."""
    parts = [
        [f"{look.stack.name}  {look.stack.url}"],
        _table([("", "artifact", "release", "", ""), *_words(look)]),
        _table([("", "stack", "found", "", ""), *map(_row, (*look.cloud.rows, *look.names))]),
        [f"cloud: not asked, {look.cloud.reason}"] if look.cloud.reason else [],
        [f"note: {note}" for note in look.notes],
        _verdict(look),
    ]
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part)


def _words(look: Look) -> Iterator[tuple[str, ...]]:
    for word, same in look.words():
        mark = FINE if same else WRONG
        # sha256- and twelve digits, as release ids show it
        yield word.who, word.artifact[:19] or "-", word.release or "-", mark, word.note


def _row(row: Row) -> tuple[str, ...]:
    if row.agrees:
        return row.name, row.stack, "same" if len(row.found) > WIDEST // 2 else row.found, FINE, row.note
    return row.name, row.stack, row.found, WRONG, row.note


def _verdict(look: Look) -> list[str]:
    wrong = look.disagreements
    if not wrong:
        return ["all agree, but the cloud was not asked" if look.cloud.reason else "all agree"]
    count = "1 disagreement:" if len(wrong) == 1 else f"{len(wrong)} disagreements:"
    return [count, *(f"  {line}" for line in wrong)]


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as their longest cell, and not wider than a person can follow; the last one is free."""
    short = [tuple(_short(cell) for cell in row[:-1]) + row[-1:] for row in rows]
    widths = [max(len(row[n]) for row in short) for n in range(4)]
    if len(short) > 1:
        for row in short:
            yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()


def _short(cell: str) -> str:
    return cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 1]}…"
