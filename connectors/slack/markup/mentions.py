"""Model text that can notify nobody and still shows what it says.

Slack takes what looks like a mention for one, in code too. One character without width in the
middle of it hides it from Slack and not from the reader. It is U+200B because no emphasis, link
or word ends at it in Markdown; so nothing else of the text is read differently.
"""

from __future__ import annotations

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

HIDING = "\u200b"
"""What is put into a mention."""

_LONGEST = 96
"""Characters of the longest beginning of a mention, each of its letters written as an entity."""


def _written(character: str, name: str = "") -> str:
    """One character as Markdown can write it: as itself, escaped, or as an entity."""
    codes = {ord(each) for each in (character, character.upper())}
    numbers = "|".join(rf"&\#0{{0,4}}{code};|&\#[xX]0{{0,4}}{code:x};" for code in codes)
    named = f"|&{name};" if name else ""
    return rf"(?:\\?{regex.escape(character)}|{numbers}{named})"


def _word(word: str) -> str:
    return "".join(_written(letter) for letter in word)


_LESS, _AT = _written("<", "lt"), _written("@", "commat")
_BANG, _HASH = _written("!", "excl"), _written("#", "num")
_RANGE = "|".join(map(_word, ("channel", "here", "everyone", "group")))
_SUBTEAM = _word("subteam") + _written("^", "Hat")
_ALIKE = "|".join(map(_word, ("channel", "here", "everyone")))
# ASCII letters and digits alone: to Slack a mark or a joiner may be the end of a word.
_NO_LETTER_BEFORE, _NO_LETTER_AFTER = r"(?<!(?-i:[A-Za-z0-9]))", r"(?!(?-i:[A-Za-z0-9]))"

# What is before the hiding character, and what is after it. Each takes five characters at least.
_MENTION = regex.compile(
    rf"({_LESS}{_BANG})((?:{_RANGE}){_NO_LETTER_AFTER}|{_SUBTEAM})"
    rf"|({_LESS}{_AT})((?-i:[UWB][A-Z0-9][A-Z0-9>|]))"
    rf"|({_LESS}{_HASH})((?-i:[CGD][A-Z0-9][A-Z0-9>|]))"
    rf"|{_NO_LETTER_BEFORE}({_AT})((?:{_ALIKE}){_NO_LETTER_AFTER})",
    regex.IGNORECASE,
)


def escape(text: str) -> str:
    """The text with every mention hidden; one character more for every five, at the most."""
    return str(_MENTION.sub(_hidden, text))


def escape_growing(text: str) -> str:
    """As much of `escape(text)` as stays the same whatever follows the text."""
    for start in range(max(0, len(text) - _LONGEST), len(text)):
        if text[start] in "<@&\\" and _MENTION.fullmatch(text, start, partial=True):
            return escape(text[:start])
    return escape(text)


def _hidden(match: regex.Match[str]) -> str:
    before, after = (group for group in match.groups() if group is not None)
    return f"{before}{HIDING}{after}"
