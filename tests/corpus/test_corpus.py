"""What the corpus claims it would notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus import table
from tests.corpus.__main__ import Told, digests, touched
from tests.corpus.shapes import SHAPES


def test_a_file_that_is_changed_new_or_gone_is_counted(tmp_path: Path) -> None:
    for name in ("same", "changed", "gone"):
        (tmp_path / name).write_text(name)
    before = digests(tmp_path)
    assert not touched(before, digests(tmp_path))
    (tmp_path / "changed").write_text("x")
    (tmp_path / "gone").unlink()
    (tmp_path / "new").write_text("x")
    assert {Path(file).name for file in touched(before, digests(tmp_path))} == {"changed", "gone", "new"}


def test_a_row_takes_the_place_of_the_one_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n\n{table.BEGIN}\n{table.END}\n\nbelow\n")
    monkeypatch.setattr(table, "PAGE", page)
    facts = ("uv.lock", "5.2, 3.13", "WSGI: Django's own", "Manifest", "1 settings")
    for told in (
        Told("b", "B", "", facts),
        Told("a", "A", "", trouble="it fell"),
        Told("b", "B", "", facts, changed=2),
    ):
        table.written(told, order=("A", "B"))
    rows = [line.split(" | ") for line in page.read_text().splitlines() if line.startswith(("| A", "| B"))]
    assert [(row[0], row[-2], row[-1]) for row in rows] == [("| A", "no", "0 |"), ("| B", "yes", "2 |")]
    assert page.read_text().startswith("above\n")
    assert page.read_text().endswith("\nbelow\n")


def test_no_two_shapes_share_a_row() -> None:
    assert len({shape.words for shape in SHAPES.values()}) == len(SHAPES)
