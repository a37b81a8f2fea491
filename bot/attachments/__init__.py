"""Files attached to a question: which are read, and what the model gets of them."""

from bot.attachments.documents import AttachedImage, DocumentReader, Reading
from bot.attachments.files import (
    Chosen,
    FileKind,
    FileLimits,
    as_prompt,
    choose,
    kind_of,
    line,
    shown_name,
)

__all__ = [
    "AttachedImage",
    "Chosen",
    "DocumentReader",
    "FileKind",
    "FileLimits",
    "Reading",
    "as_prompt",
    "choose",
    "kind_of",
    "line",
    "shown_name",
]
