"""Reads a downloaded file: text in any common encoding, the pages of a PDF, or an image."""

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

# Decodes text, or finds that the bytes are none.


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


_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def media_type_of(data: bytes) -> str | None:
    """The media type of a PNG, JPEG, GIF or WebP, by its first bytes; None for anything else."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    found = (media_type for beginning, media_type in _BEGINNINGS if data.startswith(beginning))
    return next(found, None)


# Reads a downloaded file by its kind.


PDFS_AT_ONCE = 2
"""Most PDFs that are read at the same time: each takes a process, a core and up to 400 MB."""

_PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1_024
"""Bytes at the start in which PDF readers accept the mark anywhere."""

_REFUSALS = {
    Problem.ENCRYPTED: Sentence("file.encrypted"),
    Problem.BROKEN: Sentence("file.broken"),
    Problem.TOO_MUCH: Sentence("file.too_much"),
    Problem.TOO_SLOW: Sentence("file.too_slow"),
}


@dataclass(frozen=True, slots=True)
class AttachedImage:
    """An image for a model; `data` is base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's `text` or `image`, or a `refusal`: the line that tells the reader why it has none.

    `note` is the line that tells the reader what is missing from the text.
    """

    text: str | None = None
    image: AttachedImage | None = None
    note: Sentence | None = None
    refusal: Sentence | None = None


class DocumentReader:
    """Reads files within limits. The bot has one, because it limits the PDFs at the same time."""

    def __init__(self, limits: FileLimits) -> None:
        self.limits = limits
        self._pdfs = asyncio.Semaphore(PDFS_AT_ONCE)

    async def read(self, file: File, data: bytes) -> Reading:
        """Reads a file, whose content is `data`. No content makes it raise."""
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
        raise NotText  # a PDF with another name; its beginning may well decode as text
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
    """What is missing from a PDF's text."""
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
