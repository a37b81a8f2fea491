"""The files of a question: which of them are taken, and what is in them for the model."""

from bot.attachments.documents import Image, Reader, Reading
from bot.attachments.files import (
    Chosen,
    FileLimits,
    Kind,
    as_prompt,
    choose,
    kind_of,
    line,
    shown_name,
)

__all__ = [
    "Chosen",
    "FileLimits",
    "Image",
    "Kind",
    "Reader",
    "Reading",
    "as_prompt",
    "choose",
    "kind_of",
    "line",
    "shown_name",
]
