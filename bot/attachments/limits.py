"""How much of a question's files is taken."""

from __future__ import annotations

from dataclasses import dataclass

from bot.attachments.kinds import Kind

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The most that is taken: files of one question, bytes, characters and pages of one file."""

    files: int = 5
    image_bytes: int = 10 * _MB
    pdf_bytes: int = 10 * _MB
    text_bytes: int = 1 * _MB
    characters: int = 20_000
    """Of a text or a PDF, as Unicode code points."""
    pdf_pages: int = 50
    pdf_seconds: float = 15.0
    """So long may the reading of one PDF take; what was read by then counts."""

    def bytes_of(self, kind: Kind) -> int:
        """The most bytes of one file of this kind."""
        most = {Kind.IMAGE: self.image_bytes, Kind.PDF: self.pdf_bytes, Kind.TEXT: self.text_bytes}
        return most.get(kind, 0)
