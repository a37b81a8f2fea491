"""One form for a text that was sent and for what Slack made of it, so that equal is equal.

White space is dropped outside of code blocks: Slack's blocks have no place for most of it. An
emoji is one U+FFFC, whatever its skin tone: Slack turns Unicode emoji into named ones and names
(`:smile:`) into emoji, so nobody can tell afterwards which of them was sent. So is a name that is
none of an emoji: only Slack knows them all. (And in `:a:b:`, which of the two is one: there the
first is taken.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

from connectors.slack.markup.mentions import HIDING

EMOJI = "\ufffc"
"""What stands for an emoji."""

_ONE = (
    r"(?:\p{RI}\p{RI}|[0-9\#*]\uFE0F?\u20E3"
    r"|(?!\p{RI}|\p{EMod})[\p{ExtPict}\p{Emoji_Presentation}](?:\p{EMod}|\uFE0F)?|\uFFFC)"
)
_CHARACTER = regex.compile(rf"{_ONE}(?:\u200D{_ONE})*")
_JOINED = regex.compile(rf"\u200D*{EMOJI}(?:\u200D+{EMOJI})*\u200D*")
# A time such as 10:30:00 names no emoji; only two names are numbers.
_NAME = regex.compile(r":(?!(?!100:|1234:)\d+:)(?:[^\W\u200C\u200D]|[+'-])+:")
_TONE = regex.compile(r":skin-tone-[2-6]:")
_TONES = {f"{point:x}" for point in range(0x1F3FB, 0x1F400)}
_UNSEEN = regex.compile(
    rf"{HIDING}|%E2%80%8B|[\p{{EMod}}\uFE00-\uFE0F\U000E0020-\U000E007F]", regex.I
)
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, or a code block."""

    text: str
    code: bool = False


def normalised(pieces: Iterable[Piece]) -> str:
    """The pieces as one text to compare: each code block on lines of its own, all else joined."""
    runs: list[str] = []
    words = ""
    for piece in pieces:
        if not piece.code:
            words += f"\n{piece.text}"
        elif piece.text.strip():
            runs += ["".join(_shown(words).split()), _shown(piece.text).strip("\n")]
            words = ""
    runs.append("".join(_shown(words).split()))
    return "\n".join(run for run in runs if run)


def emoji(name: str, unicode: str) -> str:
    """What stands for an emoji of Slack's; a skin tone by itself is none."""
    tone = name.startswith("skin-tone-") or set(unicode.casefold().split("-")) <= _TONES
    return chr(0x1F3FB) if tone else EMOJI


def _shown(text: str) -> str:
    named = _NAME.sub(EMOJI, _CHARACTER.sub(EMOJI, _TONE.sub("", _unescaped(text))))
    return str(_JOINED.sub(EMOJI, _UNSEEN.sub("", named)))


def _unescaped(text: str) -> str:
    """Without the three entities that Slack writes in some places, however often it did."""
    before = ""
    while before != text:
        before = text
        for entity, character in _ENTITIES:
            text = text.replace(entity, character)
    return text
