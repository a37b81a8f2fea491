"""What kind of recording something is, and what is made of what was heard."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.attachments import LocalTranscriber, NotHeard, ServiceTranscriber, silence, voice
from bot.attachments.bounded import ProcessOutput
from bot.attachments.voice import AudioRecording, recording_of
from bot.attachments.voice_process import phrases
from bot.words import english
from providers.base import Disconnected


def ogg(seconds: float) -> bytes:
    """The pages of an Ogg/Opus file of this length, without its sound."""
    head = b"OggS\0\x02" + bytes(8) + bytes(14) + b"OpusHead\x01\x01"
    end = b"OggS\0\x04" + struct.pack("<Q", int(seconds * 48_000)) + bytes(14)
    return head + bytes(100) + end


def m4a(seconds: int) -> bytes:
    """The beginning of an MP4 file of this length."""
    head = struct.pack(">I4s4s", 16, b"ftyp", b"M4A ")
    return (
        head + bytes(8) + b"mvhd" + bytes(12) + struct.pack(">II", 1000, seconds * 1000) + bytes(80)
    )


@pytest.mark.parametrize(
    ("data", "recording"),
    [
        (ogg(6.5), AudioRecording("ogg", "audio/ogg", 6.5)),
        (m4a(12), AudioRecording("m4a", "audio/mp4", 12)),
        (b"\x1a\x45\xdf\xa3webm", AudioRecording("webm", "audio/webm", None)),
        (b"ID3\x04", AudioRecording("mp3", "audio/mpeg", None)),
        (b"\xff\xfb\x90\x00", AudioRecording("mp3", "audio/mpeg", None)),
        (b"fLaC\x00", AudioRecording("flac", "audio/flac", None)),
        (b"OggS", AudioRecording("ogg", "audio/ogg", None)),
        (b"<html>", None),
        (b"", None),
        (b"RIFF1234AVI ", None),
    ],
)
def test_a_recording_is_what_its_bytes_say(data: bytes, recording: AudioRecording | None) -> None:
    assert recording_of(data) == recording


def test_silence_is_a_recording_of_its_length() -> None:
    found = recording_of(silence(0.5))
    assert found is not None
    assert found.seconds == pytest.approx(0.5, abs=0.01)


@dataclass
class Phrase:
    """A phrase as the model tells it."""

    text: str
    avg_logprob: float = -0.3
    no_speech_prob: float = 0.1
    compression_ratio: float = 1.2


def test_guesses_at_noise_are_no_words() -> None:
    found = [
        Phrase(" What is it?"),
        Phrase(" Thank you.", avg_logprob=-1.4, no_speech_prob=0.8),
        Phrase(" Mumbled words", avg_logprob=-1.4, no_speech_prob=0.2),
        Phrase(" da da da da da", compression_ratio=5.0),
        Phrase(" ..."),
    ]
    assert list(phrases(found)) == ["What is it?", "Mumbled words"]


async def _heard(
    monkeypatch: pytest.MonkeyPatch, data: bytes, *lines: dict[str, Any], late: bool = False
) -> str:
    async def run(*_: object) -> ProcessOutput:
        return ProcessOutput(lines, late)

    monkeypatch.setattr(voice, "run_bounded", run)
    try:
        return await LocalTranscriber(Path("model"), 120).transcribe(data)
    except NotHeard as error:
        return english(error.why)


_DONE = {"done": True}


@pytest.mark.parametrize(
    ("data", "lines", "heard"),
    [
        (ogg(3), ({"heard": "Why is"}, {"heard": "it so?"}, _DONE), "Why is it so?"),
        (ogg(3), (_DONE,), "I heard no words in it"),
        (ogg(3), ({"heard": "♪ …"}, _DONE), "I heard no words in it"),
        (ogg(3), ({"problem": "broken"},), "it is broken, I can't read it"),
        (ogg(3), (), "it takes more memory than I have for it"),
        (
            b"fLaC",
            ({"problem": "too_long"},),
            "it is longer than 120 seconds, the most that I listen to",
        ),
        (ogg(3 * 3600), (_DONE,), "it is longer than 120 seconds, the most that I listen to"),
        (b"PK\x03\x04", (_DONE,), "it is no recording that I know, whatever its name says"),
    ],
)
async def test_what_the_process_tells_is_words_or_a_sentence(
    data: bytes, lines: tuple[dict[str, Any], ...], heard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _heard(monkeypatch, data, *lines) == heard


async def test_a_recording_that_takes_too_long_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _heard(monkeypatch, ogg(3), late=True) == "it takes too long to read"


async def test_a_service_gets_a_name_of_ours_and_its_failure_is_a_sentence() -> None:
    given = []

    class Service:
        async def transcribe(self, name: str, media_type: str, data: bytes) -> str:
            given.append((name, media_type, len(data)))
            if len(given) > 1:
                raise Disconnected("gone")
            return " Why?\n"

    transcriber = ServiceTranscriber(Service(), 120)
    data = ogg(2)
    assert await transcriber.transcribe(data) == "Why?"
    assert given == [("recording.ogg", "audio/ogg", len(data))]
    with pytest.raises(NotHeard) as failed:
        await transcriber.transcribe(data)
    assert english(failed.value.why) == "the service that listens to recordings failed"
    with pytest.raises(NotHeard):
        await transcriber.transcribe(ogg(3 * 3600))
    assert len(given) == 2
