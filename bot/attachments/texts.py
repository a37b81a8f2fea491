"""Bytes as text, or the finding that they are none."""

from __future__ import annotations

import codecs
import re

# UTF-32's mark begins with UTF-16's, so it is looked for first.
_MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Every control character but tab, line ends, form feed, backspace (man pages) and escape (colours).
_CONTROLS = re.compile("[\x01-\x07\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
_MOST_CONTROLS = 50
"""One in so many characters may be a control character; binary content has far more."""


class NotText(Exception):
    """The bytes are something else than text."""


def decoded(data: bytes) -> str:
    """The text in UTF-8, in UTF-16 or UTF-32 with a byte order mark, or in Windows' Latin.

    Raises `NotText`. Single bytes that don't fit into UTF-8 become U+FFFD.
    """
    text = _decoded(data)
    if "\x00" in text or len(_CONTROLS.findall(text)) * _MOST_CONTROLS > len(text):
        raise NotText
    return text


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKED:
        if data.startswith(mark):
            return _in(encoding, data)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _not_quite_utf8(data) or _latin(data)


def _in(encoding: str, data: bytes) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotText from error


def _not_quite_utf8(data: bytes) -> str | None:
    """UTF-8 with damage, such as a log that was cut within a character; None if it hardly is."""
    text = data.decode(errors="replace")
    damaged = text.count("\ufffd")
    whole = sum(character > "\x7f" for character in text) - damaged
    return text if whole > damaged else None


def _latin(data: bytes) -> str:
    """Windows-1252, and ISO 8859-1 where that has holes."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")
