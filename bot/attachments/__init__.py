"""The files of a question: which of them are taken, and what is in them for the model."""

from bot.attachments.choice import Chosen, choose
from bot.attachments.kinds import Kind, kind_of
from bot.attachments.limits import FileLimits
from bot.attachments.names import line, shown_name
from bot.attachments.prompt import as_prompt
from bot.attachments.reading import Image, Reader, Reading

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
