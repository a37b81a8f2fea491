"""The documents name files that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_PATH = re.compile(r"`((?:bot|connectors|providers|tests|benchmarks)/[\w/.-]+)`")
_FILE = re.compile(r"`(\w+\.py)`")
_MADE_BY_THE_READER = re.compile(r"folder|echo")


def missing(text: str) -> Iterator[str]:
    """The paths and file names of a text that lead nowhere."""
    for path in _PATH.findall(text):
        if not any((ROOT / found).exists() for found in (path, f"{path}.py")):
            yield path
    names = {path.name for folder in ("bot", "connectors", "providers", "tests", "benchmarks")
             for path in (ROOT / folder).rglob("*.py")}  # fmt: skip
    yield from (name for name in _FILE.findall(text) if name not in names)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    found = [name for name in missing(document.read_text()) if not _MADE_BY_THE_READER.search(name)]
    assert found == []


def test_a_file_that_is_gone_would_be_found() -> None:
    text = "see `bot/handlers/lane.py`, `receipts.py` and `nowhere_at_all.py`"
    assert list(missing(text)) == ["bot/handlers/lane.py", "nowhere_at_all.py"]
