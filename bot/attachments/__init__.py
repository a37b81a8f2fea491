"""Files attached to a question: which are read, and what the model gets of them."""

from bot.attachments.documents import DocumentReader, Reading
from bot.attachments.files import (
    Chosen,
    FileKind,
    FileLimits,
    as_prompt,
    choose,
    kind_of,
    line,
    shown_name,
    sizes,
    too_many,
)
from bot.attachments.images import AttachedImage
from bot.attachments.voice import (
    LocalTranscriber,
    NotHeard,
    ServiceTranscriber,
    Transcriber,
    shipped_model,
    silence,
)

__all__ = [
    "AttachedImage",
    "Chosen",
    "DocumentReader",
    "FileKind",
    "FileLimits",
    "LocalTranscriber",
    "NotHeard",
    "Reading",
    "ServiceTranscriber",
    "Transcriber",
    "as_prompt",
    "choose",
    "kind_of",
    "line",
    "shipped_model",
    "shown_name",
    "silence",
    "sizes",
    "too_many",
]
