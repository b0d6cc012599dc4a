"""A release as a picture: its steps on every server against one clock, and what visitors saw of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

__all__ = ["svg"]

Record = Mapping[str, Any]
WIDTH, LEFT, RIGHT, ROW, HEAD = 960, 170, 40, 22, 96
SPAN = WIDTH - LEFT - RIGHT
FLIP = ("flip", "confirm", "commit")
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #222; paint-order: stroke; stroke: #fff; stroke-width: 3px }
.title { font-size: 18px; font-weight: 600 } .quiet { fill: #666 } .lane { font-weight: 600 }
.before { fill: #4c78a8 } .flip { fill: #f58518 } .after { fill: #9aa5b1 } .mark { stroke: #b22222; stroke-width: 1.5 }
.grid { stroke: #e3e6ea } .bad { fill: #b22222; font-weight: 600 }
"""


def svg(record: Record) -> str:
    """The whole picture; `record` is an environment's."""
    seconds = max(0.1, *(end for _, steps in _lanes(record) for _, _, end in steps), 0.1)
    body: list[str] = []
    y = HEAD
    for lane, steps in _lanes(record):
        body.append(_text(16, y + 14, lane, "lane"))
        y += ROW
        for name, start, end in steps:
            body.extend(_bar(name, start, end, y=y, seconds=seconds, after=_flipped(record, lane)))
            y += ROW
        y += ROW // 2
    marks = list(_marks(record, seconds=seconds, bottom=y))
    notes = list(_notes(record))
    told = [_text(x, y + 18 + ROW * at, line, kind) for at, (x, line, kind) in enumerate(notes)]
    height = y + 30 + ROW * len(notes)
    parts = [*_head(record), *_grid(seconds, bottom=y), *marks, *body, *told]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(str(record["release"]))}">\n<style>{STYLE}</style>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _lanes(record: Record) -> list[tuple[str, list[tuple[str, float, float]]]]:
    """The driver's steps, then each server's, on the driver's clock."""
    lanes = [("driver", _spans(record.get("steps", []), 0.0))]
    for name, each in sorted(record.get("servers", {}).items()):
        lanes.append((name, _spans(each.get("steps", []), float(each.get("offset", 0.0)))))
    return lanes


def _spans(steps: Iterable[Record], offset: float) -> list[tuple[str, float, float]]:
    return [(str(s["name"]), offset + s["start"], offset + s["start"] + s["seconds"]) for s in steps]


def _flipped(record: Record, lane: str) -> float:
    """From when on a lane's steps are done behind visitors' backs."""
    server = record.get("servers", {}).get(lane, {})
    committed = server.get("marks", {}).get("committed")
    return float("inf") if committed is None else float(server.get("offset", 0.0)) + committed


def _head(record: Record) -> Iterator[str]:
    released = record["decided"] == "released"
    yield _text(16, 28, f"{record['site']} {record['environment']}: {record['release']}", "title")
    yield _text(16, 48, f"{record['begun']}, {record['seconds']:.1f} s, {record['artifact']}", "quiet")
    yield _text(16, 66, str(record["decided"])[:150], "" if released else "bad")


def _grid(seconds: float, *, bottom: float) -> Iterator[str]:
    step = next(each for each in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1e9) if seconds / each <= 12)
    at = 0.0
    while at <= seconds:
        x = _x(at, seconds)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD - 4}" y2="{bottom}"/>'
        yield _text(x + 2, HEAD - 8, f"{at:g} s", "quiet")
        at = round(at + step, 3)


def _bar(name: str, start: float, end: float, *, y: float, seconds: float, after: float) -> Iterator[str]:
    kind = "flip" if name in FLIP else "after" if start >= after else "before"
    x, wide = _x(start, seconds), max(1.5, (end - start) / seconds * SPAN)
    label = f"{end - start:.2f} s"
    inside = x + wide + 60 > WIDTH  # no room to its right
    yield _text(32, y + 14, name)
    yield f'<rect class="{kind}" x="{x:.1f}" y="{y + 3}" width="{wide:.1f}" height="{ROW - 7}" rx="2"/>'
    if inside:
        yield f'<text class="quiet" text-anchor="end" x="{x - 4:.1f}" y="{y + 14}">{label}</text>'
    else:
        yield _text(x + wide + 4, y + 14, label, "quiet")


def _marks(record: Record, *, seconds: float, bottom: float) -> Iterator[str]:
    """Where visitors came to the new release, or did not."""
    for each in record.get("servers", {}).values():
        for name in ("flipped", "failed"):
            if name in each.get("marks", {}):
                x = _x(float(each.get("offset", 0.0)) + each["marks"][name], seconds)
                place = f'x1="{x:.1f}" x2="{x:.1f}" y1="{HEAD - 4}" y2="{bottom}"'
                yield f'<line class="mark" {place}><title>{name}</title></line>'


def _notes(record: Record) -> Iterator[tuple[float, str, str]]:
    for name, each in sorted(record.get("servers", {}).items()):
        moved = f"{each.get('bytes', 0):,} bytes fetched"
        migrated = ", ".join(each.get("migrated", [])) or "no migration"
        yield 16, f"{name}: slot {each.get('slot')}, before it {each.get('before')}; {moved}; {migrated}", ""
        seen = each.get("requests") or {}
        for where, words in (("inside", "during it"), ("outside", "before it")):
            if where in seen:
                yield 32, _visits(seen[where], words), "bad" if seen[where]["failed"] else "quiet"
    yield 16, "red line: visitors come to the new release; orange: on the way there; grey: behind their backs", "quiet"


def _visits(seen: Record, words: str) -> str:
    times = "" if seen["p99"] is None else f", p50 {seen['p50']} ms, p99 {seen['p99']} ms"
    return f"visitors {words} ({seen['seconds']:.0f} s): {seen['seen']} requests, {seen['failed']} failed{times}"


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _x(at: float, seconds: float) -> float:
    return LEFT + at / seconds * SPAN
