"""What is said in recordings, by a service with OpenAI's `/audio/transcriptions`."""

from __future__ import annotations

import httpx2

from providers.base import ProviderError
from providers.clients import http_client
from providers.errors import failure, translate
from providers.service import answered

_SECONDS = 120.0
"""Seconds that one recording may take."""


class TranscriptionService:
    """A model of a service at `url`, the API's root."""

    def __init__(self, url: str, secret: str, model: str) -> None:
        """Raises `Unusable` for a proxy that can't be used, and `httpx2.InvalidURL`."""
        self._url = httpx2.URL(f"{url.rstrip('/')}/audio/transcriptions")
        self._secret = secret
        self._model = model

    async def transcribe(self, name: str, media_type: str, data: bytes) -> str:
        """What is said in a recording. Raises `ProviderError`."""
        async with http_client(str(self._url)) as http:
            request = http.build_request(
                "POST",
                self._url,
                headers={"Authorization": f"Bearer {self._secret}", "User-Agent": "everytoken"},
                data={"model": self._model, "response_format": "json"},
                files={"file": (name, data, media_type)},
                timeout=_SECONDS,
            )
            try:
                return _text_of(await answered(http, request))
            except ProviderError:
                raise
            except Exception as error:
                raise translate(error, model=self._model) from error


def _text_of(response: httpx2.Response) -> str:
    """The field `text`; raises `ProviderError` where the answer has none."""
    try:
        told = response.json()
    except ValueError as error:
        raise failure("unreadable", error=error) from error
    text = told.get("text") if isinstance(told, dict) else None
    if not isinstance(text, str):
        raise failure("unreadable")
    return text
