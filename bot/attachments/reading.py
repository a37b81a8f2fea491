"""What is in a file that was fetched."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import dataclass

from bot.attachments.images import media_type_of
from bot.attachments.kinds import Kind, kind_of
from bot.attachments.limits import FileLimits
from bot.attachments.names import shown_name, too_large, unreadable
from bot.attachments.pdf import PdfText, Problem, read_pdf
from bot.attachments.texts import Decoded, NotText, decoded
from connectors.base import File

PDFS_AT_ONCE = 2
"""Each is read by a process that may take a core and 400 MB."""

_PDF_MARK = b"%PDF-"
_PDF_MARK_WITHIN = 1_024  # bytes; readers of PDF take it anywhere in these

_REFUSALS = {
    Problem.ENCRYPTED: "it is encrypted, I can't read it without its password",
    Problem.BROKEN: "it is broken, I can't read it",
    Problem.TOO_MUCH: "it takes more memory than I have for it",
    Problem.TOO_SLOW: "it takes too long to read",
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
    note: str | None = None
    refusal: str | None = None


class Reader:
    """Reads files within limits; one for the whole bot, since it bounds the PDFs at once."""

    def __init__(self, limits: FileLimits) -> None:
        self.limits = limits
        self._pdfs = asyncio.Semaphore(PDFS_AT_ONCE)

    async def read(self, file: File, data: bytes) -> Reading:
        """What is in the file, whose content is `data`. It never raises over a file's content."""
        kind, name = kind_of(file), shown_name(file.name)
        if kind is Kind.OTHER:
            return Reading(refusal=unreadable(file.name))
        if not data:
            return Reading(refusal=f"{name}: it is empty")
        if len(data) > (most := self.limits.bytes_of(kind)):
            return Reading(refusal=too_large(file.name, len(data), most))
        if kind is Kind.PDF:
            return await self._read_pdf(name, data)
        if kind is Kind.IMAGE:
            return _read_image(name, data)
        return _read_text(name, data, self.limits.characters)

    async def _read_pdf(self, name: str, data: bytes) -> Reading:
        if _PDF_MARK not in data[:_PDF_MARK_WITHIN]:
            return Reading(refusal=f"{name}: it is not a PDF, whatever its name says")
        async with self._pdfs:
            return _of_pdf(name, await read_pdf(data, self.limits), self.limits.characters)


def _read_image(name: str, data: bytes) -> Reading:
    media_type = media_type_of(data)
    if media_type is None:
        return Reading(refusal=f"{name}: it is not a PNG, JPEG, GIF or WebP image")
    return Reading(image=Image(media_type, b64encode(data).decode("ascii")))


def _read_text(name: str, data: bytes, most: int) -> Reading:
    try:
        found = _text_of(data)
    except NotText:
        return Reading(refusal=f"{name}: it is not text, whatever its name says")
    text = found.text
    if not text.strip():
        return Reading(refusal=f"{name}: it is empty")
    told = [f"the first {most:,} of {len(text):,} characters"] if len(text) > most else []
    told += [f"read as {found.guess}, which is a guess"] if found.guess else []
    return Reading(text=text[:most], note=f"{name}: {', '.join(told)}" if told else None)


def _text_of(data: bytes) -> Decoded:
    if data.startswith(_PDF_MARK):
        raise NotText
    return decoded(data)


def _of_pdf(name: str, pdf: PdfText, most: int) -> Reading:
    text = pdf.text
    if not text:
        return Reading(refusal=f"{name}: {_no_text(pdf)}")
    missing = _missing(pdf, len(text) > most, most)
    return Reading(text=text[:most], note=f"{name}: {missing}" if missing else None)


def _no_text(pdf: PdfText) -> str:
    if pdf.problem is not None:
        return _REFUSALS[pdf.problem]
    if pdf.pages and None not in pdf.pages and len(pdf.pages) < pdf.count:
        return f"no text in the first {len(pdf.pages)} of its {pdf.count} pages"
    if pdf.pages and all(page is None for page in pdf.pages):
        return "none of its pages can be read"
    return "there is no text in it, only images perhaps"


def _missing(pdf: PdfText, cut: bool, most: int) -> str:
    """What of the PDF is not in its text; empty where nothing is."""
    read = len(pdf.pages)
    parts = []
    if cut:
        parts.append(f"the first {most:,} characters, up to page {read} of {pdf.count}")
    elif read < pdf.count:
        parts.append(f"the first {read} of {pdf.count} pages")
    if broken := pdf.pages.count(None):
        parts.append(f"{broken} {'page' if broken == 1 else 'pages'} can't be read")
    return "; ".join(parts)
