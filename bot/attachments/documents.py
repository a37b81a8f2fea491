"""What is in a file that was fetched: text, the pages of a PDF, or an image."""

from __future__ import annotations

import asyncio
import codecs
import re
from base64 import b64encode
from dataclasses import dataclass

from bot.attachments.files import FileKind, FileLimits, kind_of, line, too_large, unreadable
from bot.attachments.pdf import PdfText, Problem, read_pdf
from bot.words import Sentence, listed
from connectors.base import File

# Bytes as text, or the finding that they are none.


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
_SWITCH = re.compile(r"\x1b\$[@B]")
_LOOKED_AT = 65_536
"""Bytes from which an encoding is guessed."""
_ALIKE = 0.05
"""Texts of which nearly as much is common, and as little in disorder, look alike."""
_SURE = 0.8
_NO_TEXT = 0.5
"""With so much disorder it is no text; more need not be measured."""
# By codec; the first of those that look alike is taken.
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
# The rows of a national character set that hold its common letters, by their first byte: the first
# level of characters in GB 2312, JIS X 0208 and Big5, and the syllables of KS X 1001.
_COMMON_ROWS = {
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "cp932": ("euc_jp", 0xB0, 0xCF),
    "euc_jp": ("euc_jp", 0xB0, 0xCF),
    "big5": ("big5", 0xA4, 0xC6),
    "euc_kr": ("euc_kr", 0xB0, 0xC8),
}
_NOT_LATIN = frozenset({"cp1251", "koi8_r", "cp1253", "cp1255", "cp1256"})
_MIXED = re.compile(r"[A-Za-z](?![\x00-\x7f])[^\W\d_]|(?![\x00-\x7f])[^\W\d_][A-Za-z]")
"""A word of two scripts."""
_EAST_ASIAN_MARKS = re.compile("[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]")
_KANA = re.compile("[\u3040-\u30ff]")
_WESTERN_MARKS = frozenset("“”‘’„«»–—…€£§°·©®¡¿\xa0")


class NotText(Exception):
    """The bytes are something else than text."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of some bytes; `guess` names its encoding where several would give a text."""

    text: str
    guess: str | None = None


def decoded(data: bytes) -> Decoded:
    """The text in UTF-8, in UTF-16 or UTF-32 with a byte order mark, or in what fits it best.

    Raises `NotText`. Single bytes that don't fit into UTF-8 become U+FFFD.
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
    # Seven bits, and in UTF-8 by chance: ISO 2022 switches its alphabets by escapes.
    return Decoded(_in("iso2022_jp", data)) if _SWITCH.search(text) else Decoded(text)


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


def _guessed(data: bytes) -> Decoded:
    """By what the bytes would say in each encoding that people use; Windows' Latin where none fits.

    An older encoding is not told by the bytes: in a short text several may look alike.
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
    """How much of the text is common, less its disorder; None where the bytes don't fit."""
    from charset_normalizer.md import mess_ratio

    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)  # its end may be cut
    except UnicodeDecodeError:
        return None
    return _common(text, encoding) - mess_ratio(text, _NO_TEXT)


def _beginning(data: bytes) -> bytes:
    """Whole lines from the start, as many as tell an encoding."""
    if len(data) <= _LOOKED_AT:
        return data
    return data[: data.rfind(b"\n", 0, _LOOKED_AT) + 1] or data[:_LOOKED_AT]


def _common(text: str, encoding: str) -> float:
    """The share of a text's letters beyond ASCII that are common where the encoding is used."""
    foreign = [character for character in text if character > "\x7f"]
    if not foreign or (encoding in _NOT_LATIN and _MIXED.search(text)):
        return 0.0
    return sum(_commonness(character, encoding) for character in foreign) / len(foreign)


def _commonness(character: str, encoding: str) -> float:
    if _EAST_ASIAN_MARKS.fullmatch(character):
        return 1.0 if encoding in _COMMON_ROWS else 0.0
    if (rows := _COMMON_ROWS.get(encoding)) is None:
        return float(character.isalpha() or character in _WESTERN_MARKS)
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
    """Windows-1252, and ISO 8859-1 where that has holes."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def media_type_of(data: bytes) -> str | None:
    """The media type of a PNG, JPEG, GIF or WebP; None of anything else."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    found = (media_type for beginning, media_type in _BEGINNINGS if data.startswith(beginning))
    return next(found, None)


# What is in a file that was fetched.


PDFS_AT_ONCE = 2
"""Each is read by a process that may take a core and 400 MB."""

_PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1_024  # bytes; readers of PDF take it anywhere in these

_REFUSALS = {
    Problem.ENCRYPTED: Sentence("file.encrypted"),
    Problem.BROKEN: Sentence("file.broken"),
    Problem.TOO_MUCH: Sentence("file.too_much"),
    Problem.TOO_SLOW: Sentence("file.too_slow"),
}


@dataclass(frozen=True, slots=True)
class AttachedImage:
    """An image as a model is given it; `data` is base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's `text` or its `image`; or one line for the reader on why there is neither.

    `note` is a line for the reader on what is missing from the text.
    """

    text: str | None = None
    image: AttachedImage | None = None
    note: Sentence | None = None
    refusal: Sentence | None = None


class DocumentReader:
    """Reads files within limits; one for the whole bot, since it bounds the PDFs at once."""

    def __init__(self, limits: FileLimits) -> None:
        self.limits = limits
        self._pdfs = asyncio.Semaphore(PDFS_AT_ONCE)

    async def read(self, file: File, data: bytes) -> Reading:
        """What is in the file, whose content is `data`. It never raises over a file's content."""
        kind, name = kind_of(file), file.name
        if kind is FileKind.OTHER:
            return Reading(refusal=unreadable(file.name))
        if not data:
            return _refused(name, "file.empty")
        if len(data) > (most := self.limits.bytes_of(kind)):
            return Reading(refusal=too_large(file.name, len(data), most))
        if kind is FileKind.PDF:
            return await self._read_pdf(name, data)
        if kind is FileKind.IMAGE:
            return _read_image(name, data)
        return _read_text(name, data, self.limits.characters)

    async def _read_pdf(self, name: str, data: bytes) -> Reading:
        if _PDF_MARK not in data[:_PDF_MARK_WITHIN]:
            return _refused(name, "file.no_pdf")
        async with self._pdfs:
            return _of_pdf(name, await read_pdf(data, self.limits), self.limits.characters)


def _read_image(name: str, data: bytes) -> Reading:
    media_type = media_type_of(data)
    if media_type is None:
        return _refused(name, "file.no_image")
    return Reading(image=AttachedImage(media_type, b64encode(data).decode("ascii")))


def _read_text(name: str, data: bytes, most: int) -> Reading:
    try:
        found = _text_of(data)
    except NotText:
        return _refused(name, "file.not_text")
    text = found.text
    if not text.strip():
        return _refused(name, "file.empty")
    told = []
    if len(text) > most:
        told.append(Sentence("file.first_characters", {"most": most, "count": len(text)}))
    if found.guess:
        told.append(Sentence("file.guessed", {"encoding": found.guess}))
    return Reading(text=text[:most], note=_noted(name, listed(told, "list.comma")))


def _text_of(data: bytes) -> Decoded:
    if data.startswith(_PDF_MARK):
        raise NotText
    return decoded(data)


def _of_pdf(name: str, pdf: PdfText, most: int) -> Reading:
    text = pdf.text
    if not text:
        return Reading(refusal=line(name, _no_text(pdf)))
    missing = _missing(pdf, len(text) > most, most)
    return Reading(text=text[:most], note=_noted(name, listed(missing, "list.semicolon")))


def _refused(name: str, id_: str) -> Reading:
    return Reading(refusal=line(name, Sentence(id_)))


def _noted(name: str, what: Sentence | None) -> Sentence | None:
    return None if what is None else line(name, what)


def _no_text(pdf: PdfText) -> Sentence:
    if pdf.problem is not None:
        return _REFUSALS[pdf.problem]
    if pdf.pages and None not in pdf.pages and len(pdf.pages) < pdf.count:
        read = {"read": len(pdf.pages), "count": pdf.count}
        return Sentence("file.no_text_in_pages", read)
    if pdf.pages and all(page is None for page in pdf.pages):
        return Sentence("file.no_page")
    return Sentence("file.no_text")


def _missing(pdf: PdfText, cut: bool, most: int) -> list[Sentence]:
    """What of the PDF is not in its text."""
    read = {"read": len(pdf.pages), "count": pdf.count}
    parts = []
    if cut:
        parts.append(Sentence("file.first_up_to_page", read | {"most": most}))
    elif len(pdf.pages) < pdf.count:
        parts.append(Sentence("file.first_pages", read))
    if broken := pdf.pages.count(None):
        id_ = "file.page_broken" if broken == 1 else "file.pages_broken"
        parts.append(Sentence(id_, {"count": broken}))
    return parts
