"""What is in a document: its text, or its images if it has none; read by a process of its own."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from bot.attachments.bounded import Problem, ProcessOutput, run_bounded
from bot.attachments.files import FileKind, FileLimits
from bot.attachments.images import AttachedImage, as_image
from bot.words import Sentence

_FOLDER = Path(__file__).parent
PDF_SCRIPT = _FOLDER / "pdf_process.py"
OFFICE_SCRIPT = _FOLDER / "office_process.py"
_FORMATS = {FileKind.DOCX: "docx", FileKind.XLSX: "xlsx", FileKind.HTML: "html"}


@dataclass(frozen=True, slots=True)
class Extract:
    """A document as far as it was read.

    A PDF has `pages` (None: the page can't be read), the first out of `count`. Any other has a
    `body`; `characters` is the length of the whole of it, where that is known. Of a workbook's
    `count` sheets the last that was read is `sheet`, up to its `row`.
    """

    count: int = 0
    pages: tuple[str | None, ...] = ()
    problem: Problem | None = None
    body: str = ""
    characters: int | None = None
    sheet: int = 0
    row: int = 0
    images: tuple[AttachedImage, ...] = ()
    pictures: int = 0
    """How many images it has, if it has no text."""

    @property
    def text(self) -> str:
        """The text; pages have a blank line between them."""
        return self.body or "\n\n".join(page for page in self.pages if page)

    @classmethod
    def of(cls, told: ProcessOutput) -> Extract:
        """What a process told."""
        images = (as_image(b64decode(each)) for each in told.all("image"))
        return cls(
            count=told.last("count", 0),
            pages=told.all("page"),
            problem=told.problem,
            body="".join(told.all("chunk")).strip("\n"),
            characters=told.last("characters"),
            sheet=told.last("sheet", 0),
            row=told.last("row", 0),
            images=tuple(image for image in images if image is not None),
            pictures=told.last("pictures", 0),
        )


async def read_pdf(data: bytes, limits: FileLimits) -> Extract:
    """Reads a PDF within the limits' pages and seconds.

    It reads one character more than the limit if there is one, which tells that text is missing.
    """
    bounds = (limits.pdf_pages, limits.characters, _cpu(limits), limits.pictures)
    return Extract.of(await run_bounded(PDF_SCRIPT, bounds, data, limits.pdf_seconds))


async def read_office(kind: FileKind, data: bytes, limits: FileLimits) -> Extract:
    """Reads a Word document, a workbook or a page of HTML (in UTF-8), as `read_pdf` does."""
    bounds = (_FORMATS[kind], limits.characters, _cpu(limits), limits.pictures)
    return Extract.of(await run_bounded(OFFICE_SCRIPT, bounds, data, limits.pdf_seconds))


def _cpu(limits: FileLimits) -> int:
    """Seconds of CPU time: above the deadline, so that the deadline is what usually ends it."""
    return ceil(limits.pdf_seconds) + 1


_REFUSALS = {
    Problem.ENCRYPTED: "file.encrypted",
    Problem.BROKEN: "file.broken",
    Problem.TOO_MUCH: "file.too_much",
    Problem.TOO_SLOW: "file.too_slow",
}


def refusal_of(problem: Problem) -> Sentence:
    """What a reader is told of a file that was not read to its end."""
    return Sentence(_REFUSALS[problem])
