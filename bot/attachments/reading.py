"""What is in a file that was fetched."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import dataclass

from bot.attachments.images import media_type_of
from bot.attachments.kinds import Kind, kind_of
from bot.attachments.limits import FileLimits
from bot.attachments.names import line, too_large, unreadable
from bot.attachments.pdf import PdfText, Problem, read_pdf
from bot.attachments.texts import Decoded, NotText, decoded
from bot.words import Sentence, listed
from connectors.base import File

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
class Image:
    """An image as a model is given it; `data` is base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's `text` or its `image`; or one line for the reader on why there is neither.

    `note` is a line for the reader on what is missing from the text.
    """

    text: str | None = None
    image: Image | None = None
    note: Sentence | None = None
    refusal: Sentence | None = None


class Reader:
    """Reads files within limits; one for the whole bot, since it bounds the PDFs at once."""

    def __init__(self, limits: FileLimits) -> None:
        self.limits = limits
        self._pdfs = asyncio.Semaphore(PDFS_AT_ONCE)

    async def read(self, file: File, data: bytes) -> Reading:
        """What is in the file, whose content is `data`. It never raises over a file's content."""
        kind, name = kind_of(file), file.name
        if kind is Kind.OTHER:
            return Reading(refusal=unreadable(file.name))
        if not data:
            return _refused(name, "file.empty")
        if len(data) > (most := self.limits.bytes_of(kind)):
            return Reading(refusal=too_large(file.name, len(data), most))
        if kind is Kind.PDF:
            return await self._read_pdf(name, data)
        if kind is Kind.IMAGE:
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
    return Reading(image=Image(media_type, b64encode(data).decode("ascii")))


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
