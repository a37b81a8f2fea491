"""Where a text that still grows can be cut: what was sent to a stream can't be taken back."""

from __future__ import annotations

from collections.abc import Iterator

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

from connectors.slack.markup import escape, escape_growing

_GRAPHEME = regex.compile(r"\X")
_NEARBY = 200
"""So many characters may wait for a word that can be cut; then a cut at a space will do."""


def cut(text: str, sent: int) -> int:
    """How many characters of a growing text can be sent now, if `sent` already are.

    Slack may drop white space where two appends meet, so a cut is inside a word where that is
    possible, and never before a space. A grapheme that may still grow is kept back, and so is what
    may be the beginning of a mention: what `escape` makes of the sent text must never change.
    """
    stable = escape_growing(text)
    for at in _places(text, sent):
        if at <= len(stable) and stable.startswith(escape(text[:at])):
            return at
    if not sent and stable == escape(text):
        return len(text)  # a first letter alone: better sent than not streamed at all
    return sent


def _places(text: str, sent: int) -> Iterator[int]:
    """The cuts between graphemes that lose no white space, the best first."""
    starts = [found.start() for found in _GRAPHEME.finditer(text, sent)]
    able = [at for at in reversed(starts) if at > sent and not text[at].isspace()]
    inside = [at for at in able if not text[at - 1].isspace()]
    far = able and able[0] - max(inside[:1], default=sent) > _NEARBY
    yield from able if far else inside
