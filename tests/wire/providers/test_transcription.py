"""A service with `/audio/transcriptions`: what it is sent, and what its failures are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from providers.base import ProviderError
from providers.transcription import TranscriptionService

AUDIO = b"OggS" + bytes(200)


class TranscribingService:
    """As strict as the strictest: every field that is documented, and no other."""

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body = status, body
        self.asked = 0

    async def answer(self, request: web.Request) -> web.Response:
        """One request."""
        assert request.headers["Authorization"] == "Bearer sk-1"
        assert request.content_type == "multipart/form-data"
        form = await request.post()
        assert set(form) == {"model", "response_format", "file"}
        assert (form["model"], form["response_format"]) == ("whisper-1", "json")
        file = form["file"]
        assert isinstance(file, web.FileField)
        assert (file.filename, file.content_type) == ("recording.ogg", "audio/ogg")
        assert file.file.read() == AUDIO
        self.asked += 1
        return web.Response(text=self.body, status=self.status, content_type="application/json")


@asynccontextmanager
async def a_service(status: int, body: str) -> AsyncIterator[TranscriptionService]:
    """A service that answers so, once."""
    service = TranscribingService(status, body)
    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        yield TranscriptionService(f"http://{host}:{port}/v1", "sk-1", "whisper-1")
    finally:
        await runner.cleanup()
    assert service.asked == 1


async def test_a_recording_is_sent_as_a_form_and_its_words_come_back() -> None:
    async with a_service(200, '{"text": "Why is the sky blue?"}') as service:
        heard = await service.transcribe("recording.ogg", "audio/ogg", AUDIO)
    assert heard == "Why is the sky blue?"


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (401, '{"error": {"message": "no", "code": "invalid_api_key"}}', "key_refused"),
        (502, "<html>", None),
        (200, "no JSON", "unreadable"),
        (200, '{"words": "x"}', "unreadable"),
        (200, '["x"]', "unreadable"),
    ],
)
async def test_a_failure_is_a_provider_error(status: int, body: str, cause: str | None) -> None:
    async with a_service(status, body) as service:
        with pytest.raises(ProviderError) as failed:
            await service.transcribe("recording.ogg", "audio/ogg", AUDIO)
    assert cause is None or failed.value.cause == cause


async def test_a_service_that_is_not_there_is_a_provider_error() -> None:
    service = TranscriptionService("http://127.0.0.1:9/v1", "sk-1", "whisper-1")
    with pytest.raises(ProviderError):
        await service.transcribe("recording.ogg", "audio/ogg", AUDIO)
