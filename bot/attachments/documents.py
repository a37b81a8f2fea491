"""Reads a downloaded file: text, a document, or an image."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from bot.attachments.decoding import Decoded, NotText, decoded
from bot.attachments.extraction import Extract, read_office, read_pdf, refusal_of
from bot.attachments.files import FileKind, FileLimits, kind_of, line, too_large, unreadable
from bot.attachments.images import MOST_PIXELS, AttachedImage, as_image, media_type_of, pixels_of
from bot.words import Sentence, listed
from connectors.base import File

DOCUMENTS_AT_ONCE = 2
"""Most documents that are read at the same time: each takes a process, a core and up to 400 MB."""

_PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1_024
"""Bytes at the start in which PDF readers accept the mark anywhere."""
_PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How office documents begin: as a ZIP file, or encrypted."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's `text` or `images`, or a `refusal`: the line that tells the reader why it has none.

    `note` is the line that tells the reader what is missing from the text.
    """

    text: str | None = None
    images: tuple[AttachedImage, ...] = ()
    note: Sentence | None = None
    refusal: Sentence | None = None


class DocumentReader:
    """Reads files within limits. The bot has one, because it limits the processes at one time."""

    def __init__(self, limits: FileLimits) -> None:
        self.limits = limits
        self._processes = asyncio.Semaphore(DOCUMENTS_AT_ONCE)

    async def read(self, file: File, data: bytes, *, sees: bool = False) -> Reading:
        """Reads a file, whose content is `data`. No content makes it raise.

        `sees`: whether there is a model for the images of a document without text.
        """
        kind, name = kind_of(file), file.name
        if kind in (FileKind.OTHER, FileKind.AUDIO):
            return Reading(refusal=unreadable(file.name))
        if not data:
            return _refused(name, "file.empty")
        if len(data) > (most := self.limits.bytes_of(kind)):
            return Reading(refusal=too_large(file.name, len(data), most))
        match kind:
            case FileKind.PDF:
                return await self._read_pdf(name, data, sees=sees)
            case FileKind.DOCX | FileKind.XLSX:
                return await self._read_office(kind, name, data, sees=sees)
            case FileKind.HTML:
                return await self._read_html(name, data)
            case FileKind.IMAGE:
                return _read_image(name, data)
        return _read_text(name, data, self.limits.characters, rows=kind is FileKind.TABLE)

    async def _read_pdf(self, name: str, data: bytes, *, sees: bool) -> Reading:
        if _PDF_MARK not in data[:_PDF_MARK_WITHIN]:
            return _refused(name, "file.no_pdf")
        async with self._processes:
            found = await read_pdf(data, self.limits)
        missing = _missing_pages(found, self.limits.characters)
        return _of_document(name, found, missing, self.limits, sees=sees)

    async def _read_office(self, kind: FileKind, name: str, data: bytes, *, sees: bool) -> Reading:
        if not data.startswith(_PACKED):
            return _refused(name, "file.no_document")
        async with self._processes:
            found = await read_office(kind, data, self.limits)
        missing = _missing_text(found, self.limits.characters)
        return _of_document(name, found, missing, self.limits, sees=sees)

    async def _read_html(self, name: str, data: bytes) -> Reading:
        """Short source as it is, since somebody may ask about it; of a long one what it says."""
        try:
            source = _html_of(data)
        except NotText:
            return _refused(name, "file.not_text")
        most = self.limits.characters
        if len(source.text) <= most:
            return _of_text(name, source, most)
        async with self._processes:
            found = await read_office(FileKind.HTML, source.text.encode(), self.limits)
        guess = _guessed(source)
        missing = [Sentence("file.as_page"), *_missing_text(found, most), *guess]
        return _of_document(name, found, missing, self.limits, sees=False)


def _read_image(name: str, data: bytes) -> Reading:
    if media_type_of(data) is None:
        return _refused(name, "file.no_image")
    if (image := as_image(data)) is not None:
        return Reading(images=(image,))
    size = pixels_of(data)
    assert size is not None  # noqa: S101 - nothing else makes it none
    told = {"width": size.width, "height": size.height, "most": MOST_PIXELS // 1_000_000}
    return Reading(refusal=line(name, Sentence("file.too_many_pixels", told)))


def _read_text(name: str, data: bytes, most: int, *, rows: bool) -> Reading:
    try:
        found = _text_of(data)
    except NotText:
        return _refused(name, "file.not_text")
    if rows and len(found.text) > most and (table := _first_rows(found.text, most)):
        told = [table[1], *_guessed(found)]
        return Reading(text=table[0], note=_noted(name, listed(told, "list.comma")))
    return _of_text(name, found, most)


def _of_text(name: str, found: Decoded, most: int) -> Reading:
    text = found.text
    if not text.strip():
        return _refused(name, "file.empty")
    told = _guessed(found)
    if len(text) > most:
        cut = Sentence("file.first_characters", {"most": most, "count": len(text)})
        told.insert(0, cut)
    return Reading(text=text[:most], note=_noted(name, listed(told, "list.comma")))


def _guessed(found: Decoded) -> list[Sentence]:
    return [Sentence("file.guessed", {"encoding": found.guess})] if found.guess else []


_END_OF_ROW = re.compile(r'"[^"]*"|(\n)')
"""A line's end outside of quotes."""


def _first_rows(text: str, most: int) -> tuple[str, Sentence] | None:
    """The whole rows of a table that fit, and what is said of the rest; None if none does."""
    ends = [match.end() for match in _END_OF_ROW.finditer(text) if match[1]]
    if not text.endswith("\n"):
        ends.append(len(text))
    fitting = [end for end in ends if end <= most]
    if not fitting:
        return None
    read = {"read": len(fitting), "count": len(ends)}
    return text[: fitting[-1]], Sentence("file.first_rows", read)


def _text_of(data: bytes) -> Decoded:
    if data.startswith(_PDF_MARK):
        raise NotText  # a PDF with another name; its beginning may well decode as text
    return decoded(data)


_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]{1,40})", re.I)
_CHARSET_WITHIN = 1_024


def _html_of(data: bytes) -> Decoded:
    """A page's source, in the encoding that it names if that can be."""
    named = _CHARSET.search(data[:_CHARSET_WITHIN])
    if named is not None:
        try:
            return decoded(data.decode(named[1].decode("ascii")).encode())
        except (LookupError, UnicodeError):
            return _text_of(data)
    return _text_of(data)


def _of_document(
    name: str, found: Extract, missing: list[Sentence], limits: FileLimits, *, sees: bool
) -> Reading:
    if found.text:
        note = _noted(name, listed(missing, "list.semicolon"))
        return Reading(text=found.text[: limits.characters], note=note)
    if found.images and sees:
        given = {"read": len(found.images), "count": found.pictures}
        id_ = "file.images" if len(found.images) == found.pictures else "file.first_images"
        return Reading(images=found.images, note=line(name, Sentence(id_, given)))
    return Reading(refusal=line(name, _no_text(found, sees=sees)))


def _refused(name: str, id_: str) -> Reading:
    return Reading(refusal=line(name, Sentence(id_)))


def _noted(name: str, what: Sentence | None) -> Sentence | None:
    return None if what is None else line(name, what)


def _no_text(found: Extract, *, sees: bool) -> Sentence:
    if found.problem is not None:
        return refusal_of(found.problem)
    if found.pictures:
        return Sentence("file.images_unreadable" if sees else "file.images_not_seen")
    if found.pages and None not in found.pages and len(found.pages) < found.count:
        read = {"read": len(found.pages), "count": found.count}
        return Sentence("file.no_text_in_pages", read)
    if found.pages and all(page is None for page in found.pages):
        return Sentence("file.no_page")
    return Sentence("file.no_text")


def _missing_pages(pdf: Extract, most: int) -> list[Sentence]:
    """What is missing from a PDF's text."""
    read = {"read": len(pdf.pages), "count": pdf.count}
    parts = []
    if len(pdf.text) > most:
        parts.append(Sentence("file.first_up_to_page", read | {"most": most}))
    elif len(pdf.pages) < pdf.count:
        parts.append(Sentence("file.first_pages", read))
    if broken := pdf.pages.count(None):
        id_ = "file.page_broken" if broken == 1 else "file.pages_broken"
        parts.append(Sentence(id_, {"count": broken}))
    return parts


def _missing_text(found: Extract, most: int) -> list[Sentence]:
    """What is missing from the text of another document."""
    if len(found.text) > most and found.sheet:
        read = {"most": most, "row": found.row, "sheet": found.sheet, "count": found.count}
        return [Sentence("file.first_up_to_row", read)]
    if len(found.text) > most and found.characters is not None:
        count = {"most": most, "count": found.characters}
        return [Sentence("file.first_characters", count)]
    if found.problem is not None:
        length, why = min(most, len(found.text)), refusal_of(found.problem)
        return [Sentence("file.first_until", {"read": length, "why": why})]
    return []
