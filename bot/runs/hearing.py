"""Hears what is said in a question's recordings: it becomes a part of the question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bot.attachments import (
    FileKind,
    FileLimits,
    NotHeard,
    Transcriber,
    kind_of,
    line,
    sizes,
    too_many,
)
from bot.runs.attached import FETCH_DEADLINE_S
from bot.runs.usage import NotAnswerable
from bot.words import Sentence, listed
from connectors.base import (
    Asked,
    Connector,
    ConnectorError,
    File,
    HasTranscripts,
    TakesTranscripts,
    TooLarge,
)

log = structlog.get_logger(__name__)

TRANSCRIPT_DEADLINE_S = 20.0
"""Seconds that a platform gets for a transcript of its own, if nobody here can listen."""
_SHOWN = 400
"""Most characters of what was heard that stand in front of the answer."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A question with what was heard in its text, and without the recordings.

    `words` are what was heard; `left_out` has a line for the reader on each recording that is not
    in it.
    """

    asked: Asked
    words: str = ""
    left_out: tuple[Sentence, ...] = ()

    @property
    def note(self) -> Sentence:
        """What stands in front of the answer."""
        short = self.words if len(self.words) <= _SHOWN else f"{self.words[:_SHOWN]}…"
        return Sentence("answer.heard", {"words": short})


def is_spoken(files: Sequence[File]) -> bool:
    """Whether there are recordings among the files of a message."""
    return any(kind_of(file) is FileKind.AUDIO for file in files)


async def hear(
    asked: Asked, connector: Connector, transcriber: Transcriber | None, limits: FileLimits
) -> Heard:
    """Hears a question's recordings, in their order, within the limits for files.

    Raises `NotAnswerable` where nothing is left of the question.
    """
    words, left_out = list[str](), list[Sentence]()
    recordings = [file for file in asked.files if kind_of(file) is FileKind.AUDIO]
    most = limits.bytes_of(FileKind.AUDIO)
    for file in recordings[: limits.files]:
        try:
            words.append(await _words(file, connector, transcriber, most))
        except NotHeard as error:
            left_out.append(line(file.name, error.why))
    if surplus := recordings[limits.files :]:
        left_out.append(too_many(surplus, limits.files))
    others = tuple(file for file in asked.files if kind_of(file) is not FileKind.AUDIO)
    text = "\n\n".join(part for part in (asked.text, *words) if part.strip())
    if not text and not others:
        raise NotAnswerable(listed(left_out, "list.semicolon") or Sentence("refused.no_text"))
    heard = replace(asked, text=text, files=others)
    return Heard(heard, "\n\n".join(words), tuple(left_out))


async def _words(
    file: File, connector: Connector, transcriber: Transcriber | None, most: int
) -> str:
    """What is said in a recording; the platform's own transcript, if that is whole."""
    own = await _transcript(file, connector, patient=transcriber is None)
    if own:
        return own
    if transcriber is None:
        raise NotHeard(Sentence("file.no_voice"))
    return await transcriber.transcribe(await _fetched(file, connector, most))


async def _transcript(file: File, connector: Connector, *, patient: bool) -> str:
    if not isinstance(connector, HasTranscripts):
        return ""
    try:
        async with asyncio.timeout(TRANSCRIPT_DEADLINE_S):
            return (await connector.transcript(file, patient=patient)).strip()
    except (ConnectorError, TimeoutError) as error:
        log.warning("voice.no_transcript", file=file.id, error=str(error) or "time-out")
        return ""


async def _fetched(file: File, connector: Connector, most: int) -> bytes:
    if file.size > most:
        raise NotHeard(Sentence("file.too_large", sizes(file.size, most)))
    try:
        async with asyncio.timeout(FETCH_DEADLINE_S):
            data = await connector.fetch(file, most)
    except TooLarge as error:
        raise NotHeard(Sentence("file.too_large_to_fetch")) from error
    except (ConnectorError, TimeoutError) as error:
        log.warning("file.not_fetched", file=file.id, error=str(error) or "time-out")
        raise NotHeard(Sentence("file.not_fetched")) from error
    if not data:
        raise NotHeard(Sentence("file.empty"))
    return data


async def tell_heard(asked: Asked, connector: Connector) -> None:
    """Has the question show what was heard, where the platform can; a courtesy."""
    if not isinstance(connector, TakesTranscripts):
        return
    try:
        await connector.heard(asked.message, asked.text, asked.files)
    except ConnectorError as error:
        log.warning("voice.not_shown", error=str(error))
