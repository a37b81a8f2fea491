"""Where Markdown that still grows can be cut: what was sent to a stream can't be taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

_GRAPHEME = regex.compile(r"\X")
_NEARBY = 200
"""So many characters may wait for a word that can be cut; then a cut at a space will do."""
_HALF = re.compile(r"(?:\\|&[a-z]{0,3})\Z")
"""The beginning of an escaped character."""


def cut(written: str, sent: int) -> int:
    """How many characters of what was written of a growing text can be sent, if `sent` are.

    Slack may drop white space where two appends meet, so a cut is inside a word where that is
    possible, and never before a space. A grapheme that may still grow is kept back.
    """
    for at in _places(written, sent):
        if _HALF.search(written, max(0, at - 4), at) is None:
            return at
    # A first letter alone: better sent than not streamed at all.
    return sent or len(written)


def _places(written: str, sent: int) -> Iterator[int]:
    """The cuts between graphemes that lose no white space, the best first."""
    starts = [found.start() for found in _GRAPHEME.finditer(written, sent)]
    able = [at for at in reversed(starts) if at > sent and not written[at].isspace()]
    inside = [at for at in able if not written[at - 1].isspace()]
    far = able and able[0] - max(inside[:1], default=sent) > _NEARBY
    yield from able if far else inside
