"""Attached files on their way into a request: chosen, fetched, read, and cut to the room left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bot.attachments import Reader, Reading, as_prompt, choose, kind_of, line
from bot.runs.tokens import IMAGE_TOKENS, estimated_tokens
from bot.store import storable
from bot.words import Sentence
from connectors.base import Connector, ConnectorError, File, TooLong
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


class Files:
    """Takes files for one request, until their number or the model's room is used up.

    `room` is in tokens. `left_out` has a line for the reader on each file, or part of one, that
    the model is not given.
    """

    def __init__(self, reader: Reader, connector: Connector, sees: bool, room: int) -> None:
        self.left_out: list[Sentence] = []
        self._reader = reader
        self._connector = connector
        self._sees = sees
        self._room = room
        self._left = reader.limits.files

    @property
    def room(self) -> int:
        """Tokens that are left."""
        return self._room

    async def take(self, files: Sequence[File], *, tell: bool = True) -> Taken:
        """The files of one message; `tell` is false where nobody is to hear what was left out."""
        chosen = choose(files, replace(self._reader.limits, files=self._left), self._sees)
        self._left -= len(chosen.taken)
        told = list(chosen.left_out)
        readings = await asyncio.gather(*(self._read(file) for file in chosen.taken))
        texts, images = [], []
        for file, reading in zip(chosen.taken, readings, strict=True):
            reading = self._fitted(file, reading)
            told += [said for said in (reading.refusal, reading.note) if said is not None]
            if reading.text is not None:
                texts.append(as_prompt(file.name, storable(reading.text)))
            if reading.image is not None:
                images.append(Image(reading.image.media_type, reading.image.data))
        self.left_out += told if tell else []
        return Taken("\n\n".join(texts), tuple(images))

    async def _read(self, file: File) -> Reading:
        try:
            async with asyncio.timeout(FETCH_DEADLINE_S):
                data = await self._connector.fetch(
                    file, self._reader.limits.bytes_of(kind_of(file))
                )
        except TooLong:
            return _refused(file, "file.too_large_to_fetch")
        except (ConnectorError, TimeoutError) as error:
            log.warning("file.not_fetched", file=file.id, error=str(error) or "time-out")
            return _refused(file, "file.not_fetched")
        return await self._reader.read(file, data)

    def _fitted(self, file: File, reading: Reading) -> Reading:
        """As much of a reading as there is room for."""
        if reading.image is not None:
            return self._paid(file, reading, IMAGE_TOKENS)
        if reading.text is None:
            return reading
        needed = estimated_tokens(reading.text)
        if needed <= self._room or self._room < _LEAST_TOKENS:
            return self._paid(file, reading, needed)
        fits = reading.text[: len(reading.text) * self._room // needed]
        self._room = 0
        cut = Sentence("file.first_that_fit", {"most": len(fits)})
        return replace(reading, text=fits, note=line(file.name, cut))

    def _paid(self, file: File, reading: Reading, tokens: int) -> Reading:
        if tokens > self._room:
            return _refused(file, "file.no_room")
        self._room -= tokens
        return reading


def _refused(file: File, id_: str) -> Reading:
    return Reading(refusal=line(file.name, Sentence(id_)))
