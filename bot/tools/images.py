"""A tool of the bot's own: a model makes an image by calling another one that makes them.

To the rest it is a server like those of MCP_CONFIG, whose calls are recorded, made at most once and
counted; it needs no process. What an image takes counts like the answer's own tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from bot.tools.config import IMAGES, ServerConfig
from bot.tools.connection import CallDeclined, CallLost, CallNotSent
from bot.tools.policy import ToolInfo
from bot.tools.results import ToolAnswer
from bot.words import Sentence, english
from providers.base import MadeFile, ProviderError, Usage

log = structlog.get_logger(__name__)

_TOOL = "make_image"
_TIMEOUT_S = 190.0
"""More than the service has: it gives up before the call does."""
_LONGEST = 32_000
"""Characters of a prompt: services take no more."""
_SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string", "description": "What the image shows, and how."}},
    "required": ["prompt"],
    "additionalProperties": False,
}
_DESCRIPTION = (
    "Makes one image from a description. "
    "The reader is shown it below your answer; you don't see it."
)


class ImageMaker(Protocol):
    """A model that makes images."""

    async def make(self, prompt: str) -> tuple[MadeFile, Usage | None]:
        """One image, and what it took. Raises `ProviderError`."""
        ...


def images_server() -> ServerConfig:
    """What stands for the model among the servers: nobody has to allow its calls."""
    return ServerConfig(
        IMAGES,
        tools=(_TOOL,),
        approve="never",
        trust=True,
        timeout=_TIMEOUT_S,
        sha256=IMAGES,
    )


class ImageConnection:
    """The model `name`, as the setting IMAGE_MODEL has it, in the place of a server."""

    changed = False
    ended = False

    def __init__(self, name: str, maker: ImageMaker) -> None:
        self._name = name
        self._maker = maker

    async def tools(self) -> list[ToolInfo]:
        """The one tool."""
        reads: dict[str, Any] = {"readOnlyHint": True}
        return [ToolInfo(IMAGES, _TOOL, _DESCRIPTION, dict(_SCHEMA), reads)]

    async def call(self, token: str, tool: str, arguments: Mapping[str, Any]) -> ToolAnswer:  # noqa: ARG002 - a `ServerConnection`
        """Makes an image. Raises `CallNotSent`, `CallDeclined`, `CallLost`."""
        prompt = arguments.get("prompt")
        if not isinstance(prompt, str) or not 0 < len(prompt.strip()) <= _LONGEST:
            raise CallDeclined(english(Sentence("tool.image_prompt", {"most": _LONGEST})))
        try:
            image, took = await self._maker.make(prompt)
        except ProviderError as error:
            log.warning("image.failed", model=self._name, cause=error.cause, said=error.said)
            raise _failed(error) from error
        block = {"type": "image", "data": image.base64, "mimeType": image.media_type}
        return ToolAnswer([block], spent=None if took is None else (self._name, took))

    async def aclose(self) -> None:
        """There is nothing to end."""


def _failed(error: ProviderError) -> Exception:
    named = {"server": IMAGES}
    if error.row.kind == "Stalled" or error.cause in ("broken_off", "not_finished"):
        return CallLost(Sentence("tool.broke_off", named))
    if error.row.kind == "Disconnected":
        return CallNotSent()
    # What the service says of the prompt is for the model; all else is for the operator.
    of_prompt = error.row.kind in ("Filtered", "BadRequest")
    return CallDeclined((of_prompt and error.said) or str(error))
