"""How much of an answer is known when its process has died: the longer of log and screen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product, takewhile

from bot.render import Piece, close_unfinished, layout, undecorated
from bot.store import TokenRow
from bot.words import is_one_of
from connectors.base import Limits
from connectors.markdown import form
from providers.base import ANSWER_KINDS

_MOST_CLOSING = 100
"""A text on the screen ends in at most so many characters that only close it for the moment."""
_CLOSED = re.compile(r"\n[ >]*(?:`{3,}|~{3,})$")
_OPENED = re.compile(r"[ >]*(?:`{3,}|~{3,}).*\n")
_MARK = re.compile(r"[\\`*_~#|<>$]")
_NOTES = ("ended.", "failed.", "answer.", "shown.")
_GAPS = ("", "\n\n", "\n", " ")
"""What may have stood between two messages of which the log knows nothing."""


def in_order(tokens: Sequence[TokenRow]) -> list[TokenRow]:
    """The tokens up to the first that lacks."""
    return [token for n, token in takewhile(lambda each: each[0] == each[1].seq, enumerate(tokens))]


def recorded(tokens: Sequence[TokenRow]) -> str:
    """The answer in these tokens."""
    return "".join(token.text for token in tokens if token.kind in ANSWER_KINDS)


def longer(log: str, shown: Sequence[str], pieces: Sequence[Piece], limits: Limits) -> str:
    """The log's text, or the screen's where that goes on from it.

    `shown` is the Markdown that the messages were made of, `pieces` how they were laid out last.
    The screen counts only if it is exactly what showing that text gives: of the texts that could be
    behind it the shortest, for what the others have more may be marks that only close it for the
    moment.
    """
    if not shown:
        return log
    bare = [*pieces[:-1], *(replace(piece, tail="", trail="") for piece in pieces[-1:])]
    for laid_out, gap in product((_with_fences(bare, shown), bare), _GAPS):
        seen = _joined(log, shown, laid_out, gap)
        least = max(len(log), len(seen) - _MOST_CLOSING)
        for end in range(least, len(seen) + 1) if seen.startswith(log) else ():
            if _shows(seen[:end], shown, limits):
                return seen[:end]
    text = _overlapping(shown)
    return text if text.startswith(log) and _shows(text, shown, limits, overlap=True) else log


def beyond(log: str, seen: Sequence[str], pieces: Sequence[Piece]) -> str:
    """The log's text, and literally what else can be seen where the screen goes on from it.

    `seen` is what the messages' clients draw, in the normal form. What was shown is never taken
    away: of what nobody recorded only the marks are lost.
    """
    bodies = [_without_head(text, piece) for text, piece in zip(seen, pieces, strict=True)]
    bodies[-1:] = [_without_notes(text) for text in bodies[-1:]]
    shown = "\n".join(filter(None, bodies))
    for begun in (log, close_unfinished(log)):
        if (at := _after(shown, "".join(form(begun).split()))) is not None:
            return _with_rest(log, begun, shown[at:].rstrip())
    return log


def _with_rest(log: str, begun: str, rest: str) -> str:
    words = rest.lstrip()
    if not words.strip("…"):  # that stands for what was hidden while the answer grew
        return log
    gap, had = rest[: len(rest) - len(words)], begun[len(begun.rstrip()) :]
    if not begun:
        gap = ""
    elif had:  # code is drawn with each of its spaces
        gap = gap[len(had) :] if gap.startswith(had) else ""
    else:
        gap = gap.replace("\n", "\n\n")
    return begun + gap + _MARK.sub(_escaped, words)


def _after(shown: str, known: str) -> int | None:
    """Where a text goes on behind what is known of it, white space apart; None where it differs."""
    at = 0
    for character in known:
        while at < len(shown) and shown[at].isspace():
            at += 1
        if at == len(shown) or shown[at] != character:
            return None
        at += 1
    return at


def _without_head(text: str, piece: Piece) -> str:
    """A message without what its part repeats of the one before."""
    return text.removeprefix(form(piece.head)) if piece.head else text


def _without_notes(text: str) -> str:
    """A message without the sentences of ours that say how its answer ended."""
    lines = text.split("\n")
    while lines and (not lines[-1].strip() or is_one_of(lines[-1], *_NOTES)):
        lines.pop()
    return "\n".join(lines)


def _escaped(mark: re.Match[str]) -> str:
    return f"\\{mark[0]}"


def _with_fences(pieces: Sequence[Piece], shown: Sequence[str]) -> list[Piece]:
    """The same, if wherever a fence seems to be carried into the next message it was."""
    found = list(pieces)
    for n, (each, following) in enumerate(pairwise(shown)):
        closed, opened = _CLOSED.search(each), _OPENED.match(following)
        if closed and opened and not (found[n].tail or found[n + 1].head):
            found[n] = replace(found[n], tail=closed[0])
            found[n + 1] = replace(found[n + 1], head=opened[0])
    return found


def _overlapping(shown: Sequence[str]) -> str:
    """What two messages show where the second begins with what the first has not yet given up."""
    if len(shown) != 2:
        return ""
    first, last = (each.strip() for each in shown)
    for length in range(min(len(first), len(last)), 0, -1):
        if first.endswith(last[:length]):
            return first + last[length:]
    return ""


def _joined(log: str, shown: Sequence[str], pieces: Sequence[Piece], gap: str) -> str:
    """What the messages show as one text.

    No message shows the white space between two of them: where it is not known how they were laid
    out, the log has it, or it was `gap`.
    """
    text = ""
    for n, (piece, each) in enumerate(zip(pieces, shown, strict=True)):
        text += undecorated([piece], [each])
        if piece.trail or n + 1 == len(shown):
            continue
        rest = log.removeprefix(text) if log.startswith(text) else ""
        text += rest[: len(rest) - len(rest.lstrip())] if rest else gap
    return text


def _shows(text: str, shown: Sequence[str], limits: Limits, *, overlap: bool = False) -> bool:
    """Whether a growing answer of this text is shown so; with `overlap`, before its last part but
    one gave up its tail.
    """
    parts = [piece.text for piece in layout(text, limits)]
    parts[-1:] = [close_unfinished(part) for part in parts[-1:]]
    stripped = [part.strip() for part in parts]
    seen = [each.strip() for each in shown]
    if overlap and len(stripped) == len(seen) and seen[-2].startswith(stripped[-2]):
        seen[-2] = stripped[-2]
    return stripped == seen
