"""The files of a question in its request: as many of them, and as much, as there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from bot.attachments import DocumentReader, Reading, as_prompt, choose, kind_of, line
from bot.runs.usage import IMAGE_TOKENS, estimated_tokens
from bot.store import storable
from bot.words import Sentence
from connectors.base import Connector, ConnectorError, File, TooLarge
from providers.base import Image

log = structlog.get_logger(__name__)

FETCH_DEADLINE_S = 30.0
_LEAST_TOKENS = 50
"""A file of which less would fit is left out."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What of some files goes into the request."""

    text: str = ""
    images: tuple[Image, ...] = ()


@dataclass(slots=True)
class AttachedFiles:
    """Takes files for one request, until their number or the model's room is used up.

    `room` is in tokens. `left_out` has a line for the reader on each file, or part of one, that
    the model is not given.
    """

    reader: DocumentReader
    connector: Connector
    sees: bool
    """Whether the model takes images."""
    room: int
    """Tokens that are left."""
    left_out: list[Sentence] = field(default_factory=list)
    _taken: int = 0

    async def take(self, files: Sequence[File], *, tell: bool = True) -> Taken:
        """The files of one message; `tell` is false where nobody is to hear what was left out."""
        limits = self.reader.limits
        chosen = choose(files, replace(limits, files=limits.files - self._taken), self.sees)
        self._taken += len(chosen.taken)
        told = list(chosen.left_out)
        readings = await asyncio.gather(*(self._read(file) for file in chosen.taken))
        texts, images = list[str](), list[Image]()
        for file, reading in zip(chosen.taken, readings, strict=True):
            reading = self._fitted(file, reading)
            told += [said for said in (reading.refusal, reading.note) if said is not None]
            if reading.text is not None:
                texts.append(as_prompt(file.name, storable(reading.text)))
            images += [Image(each.media_type, each.data) for each in reading.images]
        self.left_out += told if tell else []
        return Taken("\n\n".join(texts), tuple(images))

    async def _read(self, file: File) -> Reading:
        try:
            async with asyncio.timeout(FETCH_DEADLINE_S):
                data = await self.connector.fetch(file, self.reader.limits.bytes_of(kind_of(file)))
        except TooLarge:
            return _refused(file, "file.too_large_to_fetch")
        except (ConnectorError, TimeoutError) as error:
            log.warning("file.not_fetched", file=file.id, error=str(error) or "time-out")
            return _refused(file, "file.not_fetched")
        return await self.reader.read(file, data, sees=self.sees)

    def _fitted(self, file: File, reading: Reading) -> Reading:
        """As much of a reading as there is room for."""
        if reading.images:
            return self._fitted_images(file, reading)
        if reading.text is None:
            return reading
        needed = estimated_tokens(reading.text)
        if needed <= self.room or self.room < _LEAST_TOKENS:
            return self._paid(file, reading, needed)
        fits = reading.text[: len(reading.text) * self.room // needed]
        self.room = 0
        cut = Sentence("file.first_that_fit", {"most": len(fits)})
        return replace(reading, text=fits, note=line(file.name, cut))

    def _fitted_images(self, file: File, reading: Reading) -> Reading:
        """The images of a file, or the first of them, as many as there is room for."""
        fits = min(len(reading.images), max(0, self.room) // IMAGE_TOKENS)
        if fits in (0, len(reading.images)):
            return self._paid(file, reading, IMAGE_TOKENS * len(reading.images))
        read = Sentence("file.first_images", {"read": fits, "count": len(reading.images)})
        cut = replace(reading, images=reading.images[:fits], note=line(file.name, read))
        return self._paid(file, cut, IMAGE_TOKENS * fits)

    def _paid(self, file: File, reading: Reading, tokens: int) -> Reading:
        if tokens > self.room:
            return _refused(file, "file.no_room")
        self.room -= tokens
        return reading


def _refused(file: File, id_: str) -> Reading:
    return Reading(refusal=line(file.name, Sentence(id_)))
