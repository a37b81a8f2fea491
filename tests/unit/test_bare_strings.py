"""No bare string reaches a reader: what crosses the seam is a sentence or an answer's own text.

The type checker holds it, as long as the seam says so: a string in the place of either is an error.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_type_hints

from connectors.base import Admitted, AnswerText, Incoming, Part, Whispers
from connectors.words import Wording

ROOT = Path(__file__).parents[2]
_MADE = re.compile(r"\bAnswerText\(")
MAKES = {"bot/reply/screen.py", "bot/reply/state.py", "bot/runs/receipts.py"}
"""What shows an answer, and what looks for one that a dead process has shown."""


def test_only_what_shows_an_answer_makes_its_text() -> None:
    sources = {p.relative_to(ROOT).as_posix(): p.read_text() for p in (ROOT / "bot").rglob("*.py")}
    assert {path for path, source in sources.items() if _MADE.search(source)} == MAKES


def test_the_seam_takes_no_bare_string() -> None:
    assert get_type_hints(Part)["text"] is AnswerText
    assert get_type_hints(Part)["footer"] == Wording | None
    assert get_type_hints(Part.saying)["said"] is Wording
    assert get_type_hints(Whispers.whisper)["said"] is Wording
    assert get_type_hints(Admitted)["told"] == Wording | None
    assert get_type_hints(Incoming.decline)["told"] == Wording | None
