"""What is known of the answer of a process that died: the longer of its log and its messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product, takewhile

from bot.render import (
    Piece,
    close_unfinished,
    layout,
    undecorated,
)
from bot.reply import Message
from bot.store import TokenRow
from bot.words import is_one_of
from connectors.base import Limits, Shown
from connectors.markdown import form
from providers.base import ANSWER_KINDS

_MOST_CLOSING = 100
"""A text on the screen ends in at most so many characters that only close it for the moment."""
_CLOSED = re.compile(r"\n[ >]*(?:`{3,}|~{3,})$")
_OPENED = re.compile(r"[ >]*(?:`{3,}|~{3,}).*\n")
_MARK = re.compile(r"[\\`*_~#|<>$]")
_NOTES = ("ended.", "failed.", "answer.", "shown.", "tool.made", "tool.not_made", "tool.perhaps")
_GAPS = ("", "\n\n", "\n", " ")
"""What may have stood between two messages of which the log knows nothing."""


def in_order(tokens: Sequence[TokenRow]) -> list[TokenRow]:
    """The tokens up to the first gap."""
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
    bodies[-1:] = [without_notes(text) for text in bodies[-1:]]
    shown = "\n".join(filter(None, bodies))
    if not _squeezed(shown).strip("…"):
        return log
    found = list(dict.fromkeys(text for text in _candidates(log, shown) if text.startswith(log)))
    for alike in (str.split, _words, _letters):
        wanted = alike(shown)
        for text in found:  # mostly the first is it, and no other has to be drawn
            if alike(form(text)) == wanted:
                return text
    return found[0] if found else log


def _candidates(log: str, shown: str) -> Iterator[str]:
    """Texts that may show so, the likeliest first.

    Where the log ends within a construct of which nothing is drawn yet (the language of code, the
    mark of a heading), what is seen can't go on there: it stands below. Where it ends within one
    whose marks are drawn until it is whole (half a link, bold without its end), they are passed.
    """
    for begun in (log, close_unfinished(log)):
        if (at := _after(shown, _squeezed(form(begun)))) is not None:
            rest = shown[at:].rstrip()
            yield _with_rest(log, begun, rest)
            for gap, words in product(("\n", "\n\n"), (rest.strip(), _literal(rest.strip()))):
                yield begun + gap + words
    if (at := _after(shown, _squeezed(log))) is not None:  # as code: mark by mark
        yield log + shown[at:].rstrip()
    if (at := _after(shown, _squeezed(log), marks=True)) is not None:
        rest = shown[at:].rstrip()
        for gap, words in product(("", "\n", "\n\n"), (rest, _literal(rest))):
            yield log + gap + words


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
    return begun + gap + _literal(words)


def _squeezed(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())


def _literal(text: str) -> str:
    """Markdown that shows each of the marks in a text."""
    return _MARK.sub(_escaped, text)


def _after(shown: str, known: str, *, marks: bool = False) -> int | None:
    """Where a text goes on behind what is known of it, white space apart; None where it differs.

    With `marks`, what is known may have marks that are not seen.
    """
    at = 0
    for character in known:
        start = at
        while at < len(shown) and shown[at].isspace():
            at += 1
        if at < len(shown) and shown[at] == character:
            at += 1
        elif marks and not character.isalnum():
            at = start
        else:
            return None
    return at


def _words(text: str) -> list[str]:
    """The words of a text, without marks."""
    return _MARK.sub("", text).split()


def _letters(text: str) -> str:
    """A text without its marks and white space."""
    return "".join(filter(str.isalnum, text))


def _without_head(text: str, piece: Piece) -> str:
    """A message without what its part repeats of the one before."""
    return text.removeprefix(form(piece.head)) if piece.head else text


def without_notes(text: str) -> str:
    """A message without the sentences of ours that say how its answer ended."""
    lines = text.split("\n")
    notes = 0
    while notes < len(lines) and _is_note(lines[-1 - notes]):
        notes += 1
    return "\n".join(lines[: len(lines) - notes]).rstrip() if notes else text


def _is_note(line: str) -> bool:
    """Whether a line says how an answer ended, or is blank; in Markdown it is in italics."""
    return not line.strip() or is_one_of(line.strip("_"), *_NOTES)


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


def firm(messages: Sequence[Message], shown: Sequence[Shown] | None, text: str) -> int:
    """So many messages show just what was noted of them, one after the other, up to the last.

    Laid out again they might be others: the platform may have refused what was longer.
    """
    if shown is None:
        return 0
    firm, at = 0, 0
    for message, now in zip(messages[:-1], shown, strict=False):
        piece = message.piece
        own = piece.lead + piece.body + piece.trail
        if now.unknown or now.text != form(piece.text) or not text.startswith(own, at):
            break
        firm, at = firm + 1, at + len(own)
    return firm


def as_read(messages: Sequence[Message], shown: Sequence[Shown]) -> tuple[Message, ...]:
    """The messages with what they show now, which may be newer than the record of them.

    A note of ours that says how the answer ended is no part of what the last one shows of it.
    """
    texts = [now.text for now in shown]
    texts[-1:] = [without_notes(text) for text in texts[-1:]]
    return tuple(
        replace(message, shown=text, unknown=now.unknown)
        for message, now, text in zip(messages, shown, texts, strict=True)
    )
