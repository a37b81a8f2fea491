"""The page that explains the figures has the last ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.__main__ import PAGE

FIGURES = [
    {"name": "a", "value": 1.5, "unit": "x", "aim": 1.25, "met": False},
    {"name": "b", "value": 3.0, "unit": "s", "aim": None, "met": None},
]


def test_figures_replace_the_last_ones_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(PAGE.read_text())
    page.write(file, FIGURES)
    once = file.read_text()
    page.write(file, [FIGURES[0] | {"value": 1.0, "met": True}, FIGURES[1]])
    assert "| `a` | 1.5 | x | 1.25 | missed |" in once
    assert file.read_text() == once.replace("1.5 | x | 1.25 | missed", "1 | x | 1.25 | met")
    assert once.partition("<!--")[0] == PAGE.read_text().partition("<!--")[0]
    assert once.rpartition("-->")[2] == PAGE.read_text().rpartition("-->")[2]


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("nothing")
    with pytest.raises(ValueError, match="no marks"):
        page.write(file, FIGURES)
    assert file.read_text() == "nothing"
