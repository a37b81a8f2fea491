"""Names and sizes of files as a line of text shows them. A name may be hostile."""

from __future__ import annotations

import re
import unicodedata
from math import ceil

from bot.words import Sentence

_LONGEST = 60
_KEPT_END = 15
_FOLDERS = re.compile(r"[/\\]")
# Marks that would make code, links, mentions or quoted names of their own.
_MARKS = str.maketrans('`"<>[]|*', "''‹›()¦∗")
# Format characters turn text round or hide it; private ones and surrogates show nothing.
_HIDDEN = ("Cf", "Co", "Cs")
_BREAKS = ("Cc", "Zl", "Zp")


def shown_name(name: str) -> str:
    """One line without markup, control and invisible characters, of 60 characters at most."""
    bare = _FOLDERS.split(name.rstrip("/\\"))[-1]
    seen = "".join(map(_shown, bare)).translate(_MARKS)
    return _shortened(" ".join(seen.split())) or "unnamed file"


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in _HIDDEN:
        return ""
    return " " if category in _BREAKS else character


def _shortened(name: str) -> str:
    """The end stays, for it says what kind of file it is."""
    if len(name) <= _LONGEST:
        return name
    return name[: _LONGEST - _KEPT_END - 1] + "…" + name[-_KEPT_END:]


def shown_size(size: int) -> str:
    """Bytes as a reader says them, rounded up: too large never looks as if it were within."""
    if size < 1_000:
        return f"{size} bytes"
    if size < 1_000_000:
        return f"{ceil(size / 1_000)} kB"
    return f"{ceil(size / 100_000) / 10:g} MB"


def line(name: str, what: Sentence) -> Sentence:
    """What a reader is told of one file."""
    return Sentence("file.line", {"name": shown_name(name), "what": what})


def too_large(name: str, size: int, most: int) -> Sentence:
    """Why a file of so many bytes is not taken."""
    sizes = {"size": shown_size(size), "most": shown_size(most)}
    return line(name, Sentence("file.too_large", sizes))


def unreadable(name: str) -> Sentence:
    """Why a file of an unknown kind is not taken."""
    return line(name, Sentence("file.kind"))
