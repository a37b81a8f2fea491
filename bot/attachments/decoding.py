"""Decodes text in any common encoding, or finds that the bytes are none."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

# UTF-32's byte order mark begins with UTF-16's, so it has to be tried first.
_MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# All control characters that text files don't have. Tab, line ends, form feed, backspace (in man
# pages) and escape (in coloured logs) are allowed.
_CONTROLS = re.compile("[\x01-\x07\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
_MOST_CONTROLS = 50
"""One of this many characters may be a control character; binary files have far more."""
_SWITCH = re.compile(r"\x1b\$[@B]")
"""ISO 2022-JP's escape to a Japanese character set."""
_LOOKED_AT = 65_536
"""Most bytes that are used to guess an encoding."""
_ALIKE = 0.05
"""Encodings whose ranks differ by less than this are equally likely."""
_SURE = 0.8
"""Rank from which on a guess counts as certain."""
_NO_TEXT = 0.5
"""Disorder (charset-normalizer's `mess_ratio`) at which measuring stops: it is no text."""
# Names by codec. Of encodings that are equally likely, the first one here is taken.
_NAMES = {
    "gb18030": "GB18030",
    "cp932": "Shift_JIS",
    "euc_jp": "EUC-JP",
    "big5": "Big5",
    "euc_kr": "EUC-KR",
    "cp1252": "Windows-1252",
    "cp1251": "Windows-1251",
    "koi8_r": "KOI8-R",
    "cp1250": "Windows-1250",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp437": "DOS (437)",
}
# The codec and first bytes of a national character set's common characters: the first level of
# GB 2312, JIS X 0208 and Big5, and the syllables of KS X 1001.
_COMMON_ROWS = {
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "cp932": ("euc_jp", 0xB0, 0xCF),
    "euc_jp": ("euc_jp", 0xB0, 0xCF),
    "big5": ("big5", 0xA4, 0xC6),
    "euc_kr": ("euc_kr", 0xB0, 0xC8),
}
_NOT_LATIN = frozenset({"cp1251", "koi8_r", "cp1253", "cp1255", "cp1256"})
_MIXED = re.compile(r"[A-Za-z](?![\x00-\x7f])[^\W\d_]|(?![\x00-\x7f])[^\W\d_][A-Za-z]")
"""ASCII letters directly beside other letters: a word in two scripts."""
_EAST_ASIAN_MARKS = re.compile("[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]")
_KANA = re.compile("[\u3040-\u30ff]")
_WESTERN_MARKS = frozenset("“”‘’„«»–—…€£§°·©®¡¿\xa0")


class NotText(Exception):
    """The bytes are not text."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded text; `guess` names the encoding if it is not certain."""

    text: str
    guess: str | None = None


def decoded(data: bytes) -> Decoded:
    """Decodes UTF-8, UTF-16 or UTF-32 with a byte order mark, or else the most likely encoding.

    Raises `NotText`. In a text that is nearly UTF-8, invalid bytes become U+FFFD.
    """
    found = _decoded(data)
    text = found.text
    if "\x00" in text or len(_CONTROLS.findall(text)) * _MOST_CONTROLS > len(text):
        raise NotText
    return found


def _decoded(data: bytes) -> Decoded:
    for mark, encoding in _MARKED:
        if data.startswith(mark):
            return Decoded(_in(encoding, data))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        damaged = _not_quite_utf8(data)
        return Decoded(damaged) if damaged else _guessed(data)
    # ISO 2022-JP is 7-bit, so it is valid UTF-8 too; only its escapes tell it apart.
    return Decoded(_in("iso2022_jp", data)) if _SWITCH.search(text) else Decoded(text)


def _in(encoding: str, data: bytes) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotText from error


def _not_quite_utf8(data: bytes) -> str | None:
    """Damaged UTF-8, such as a log that was cut within a character; None if most is invalid."""
    text = data.decode(errors="replace")
    damaged = text.count("\ufffd")
    whole = sum(character > "\x7f" for character in text) - damaged
    return text if whole > damaged else None


def _guessed(data: bytes) -> Decoded:
    """Decodes by the encoding whose result looks most like text; Windows-1252 if none fits.

    Bytes don't say which older encoding they are in, and short texts may look right in several.
    """
    beginning = _beginning(data)
    ranked = {name: rank for name in _NAMES if (rank := _rank(beginning, name)) is not None}
    if not ranked:
        return Decoded(_latin(data), _NAMES["cp1252"])
    most = max(ranked.values())
    best = [name for name in _NAMES if ranked.get(name, -1.0) > most - _ALIKE]
    texts = {name: data.decode(name, errors="replace") for name in best}
    text = texts[best[0]]
    sure = most > _SURE and len(set(texts.values())) == 1 and "\ufffd" not in text
    return Decoded(text, None if sure else _NAMES[best[0]])


def _rank(data: bytes, encoding: str) -> float | None:
    """How likely an encoding is: the share of common letters less the text's disorder.

    None if the bytes are not valid in it.
    """
    from charset_normalizer.md import mess_ratio

    try:
        # Incremental, because the last character may be cut off.
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return None
    return _common(text, encoding) - mess_ratio(text, _NO_TEXT)


def _beginning(data: bytes) -> bytes:
    """As many whole lines from the start as are used to guess an encoding."""
    if len(data) <= _LOOKED_AT:
        return data
    return data[: data.rfind(b"\n", 0, _LOOKED_AT) + 1] or data[:_LOOKED_AT]


def _common(text: str, encoding: str) -> float:
    """The share of non-ASCII characters that are common in languages that use the encoding."""
    foreign = [character for character in text if character > "\x7f"]
    if not foreign or (encoding in _NOT_LATIN and _MIXED.search(text)):
        return 0.0
    return sum(_commonness(character, encoding) for character in foreign) / len(foreign)


def _commonness(character: str, encoding: str) -> float:
    if _EAST_ASIAN_MARKS.fullmatch(character):
        return 1.0 if encoding in _COMMON_ROWS else 0.0
    if (rows := _COMMON_ROWS.get(encoding)) is None:
        return float(character.isalpha() or character in _WESTERN_MARKS)
    # Half-width katakana: single bytes in Shift_JIS, where other encodings have their letters.
    if "\uff61" <= character <= "\uff9f":
        return 0.5 if encoding == "cp932" else 0.0
    codec, first, last = rows
    try:
        code = character.encode(codec)
    except UnicodeEncodeError:
        return 0.0
    kana = codec == "euc_jp" and _KANA.fullmatch(character) is not None
    return float(kana or first <= code[0] <= last)


def _latin(data: bytes) -> str:
    """Windows-1252, or ISO 8859-1 if there are bytes that Windows-1252 leaves undefined."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")
