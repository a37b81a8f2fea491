"""A model that makes images, in this process, and the tool that it is."""

from __future__ import annotations

import base64
from collections.abc import Callable

from bot.store import Store
from bot.tools import Caller, Servers, Toolbox, ToolOptions
from bot.tools.images import ImageConnection, images_server
from providers.base import MadeFile, ProviderError, Usage
from tests.doubles.painter import PNG

MODEL = "openai:gpt-image-1"
IMAGE = MadeFile("image/png", base64.b64encode(PNG).decode())


class Illustrator:
    """Makes one image, or fails."""

    def __init__(self, makes: Usage | ProviderError | None = None) -> None:
        """`makes`: what the image took, or how it fails."""
        self.makes = makes
        self.prompts: list[str] = []

    async def make(self, prompt: str) -> tuple[MadeFile, Usage | None]:
        """See `ImageMaker`."""
        self.prompts.append(prompt)
        if isinstance(self.makes, ProviderError):
            raise self.makes
        return IMAGE, self.makes


def image_servers(illustrator: Illustrator) -> Servers:
    """It alone."""
    return Servers({"images": images_server()}, own={"images": ImageConnection(MODEL, illustrator)})


def an_image_toolbox(illustrator: Illustrator) -> Callable[[Store], Toolbox]:
    """What makes a process's tools of it."""

    def made(store: Store) -> Toolbox:
        servers = image_servers(illustrator)
        caller = Caller(store.calls, servers)
        return Toolbox(caller, servers, store.calls, store.rules, ToolOptions())

    return made
