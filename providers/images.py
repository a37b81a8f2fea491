"""Images that a model makes, by a service with OpenAI's `/images/generations`."""

from __future__ import annotations

import base64
from typing import Any

import httpx2

from providers.base import MadeFile, ProviderError, Usage
from providers.clients import http_client
from providers.errors import failure, translate
from providers.service import answered

_SECONDS = 180.0
"""Seconds that one image may take."""
_OLD = "dall-e"
"""Models of this family answer with an address unless they are asked for the image itself."""
_TYPES = {"png", "jpeg", "webp"}


class ImageService:
    """A model of a service at `url`, the API's root."""

    def __init__(self, url: str, secret: str, model: str) -> None:
        """Raises `Unusable` for a proxy that can't be used, and `httpx2.InvalidURL`."""
        self._url = httpx2.URL(f"{url.rstrip('/')}/images/generations")
        self._secret = secret
        self._model = model

    async def make(self, prompt: str) -> tuple[MadeFile, Usage | None]:
        """An image as the prompt describes it, and what it took: None where the service does not
        say. Raises `ProviderError`."""
        asked: dict[str, Any] = {"model": self._model, "prompt": prompt, "n": 1}
        if self._model.startswith(_OLD):
            asked["response_format"] = "b64_json"
        async with http_client(str(self._url)) as http:
            request = http.build_request(
                "POST",
                self._url,
                headers={"Authorization": f"Bearer {self._secret}", "User-Agent": "everytoken"},
                json=asked,
                timeout=_SECONDS,
            )
            try:
                return _image_of(await answered(http, request))
            except ProviderError:
                raise
            except Exception as error:
                raise translate(error, model=self._model) from error


def _image_of(response: httpx2.Response) -> tuple[MadeFile, Usage | None]:
    """The first image; raises `ProviderError` where the answer has none.

    One that is only named by an address is not fetched: the service could name any.
    """
    try:
        told = response.json()
        data = told["data"][0]["b64_json"]
        base64.b64decode(data, validate=True)
    except (ValueError, LookupError, TypeError) as error:
        raise failure("unreadable", error=error) from error
    kind = told.get("output_format")
    image = MadeFile(f"image/{kind if kind in _TYPES else 'png'}", data)
    return image, _usage(told.get("usage"))


def _usage(told: Any) -> Usage | None:
    given = told if isinstance(told, dict) else {}
    asked, made = given.get("input_tokens"), given.get("output_tokens")
    if type(asked) is int and type(made) is int and min(asked, made) >= 0:
        return Usage(asked, made)
    return None
