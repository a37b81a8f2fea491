"""What a route gets and gives: the parts of a call, and its reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import BodyPartReader, web

from tests.doubles.discord import errors
from tests.doubles.discord.drafts import Upload
from tests.doubles.discord.model import JSON, Channel, Message
from tests.doubles.discord.permissions import Permission
from tests.doubles.discord.platform import Platform


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call, as its route sees it."""

    platform: Platform
    params: Mapping[str, str]
    """The named pieces of the path."""
    query: Mapping[str, str]
    body: Any = None
    files: dict[str, Upload] = field(default_factory=dict)

    @property
    def fields(self) -> JSON:
        """The body, where it has to be an object."""
        if not isinstance(self.body, dict):
            code, message = "MODEL_TYPE_CONVERT", "Expected an object/dictionary."
            raise errors.invalid_form("_body", code, message)
        return self.body

    def channel(self, *needed: Permission) -> Channel:
        """The channel of the path, in which the bot may do all that is needed."""
        channel = self.platform.seen_channel(self.params["channel_id"])
        if any(permission not in channel.allowed for permission in needed):
            raise errors.missing_permissions()
        return channel

    def message(self, *needed: Permission) -> Message:
        """The message of the path."""
        channel = self.channel(*needed)
        return self.platform.seen_message(channel, self.params["message_id"])


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered; no body makes it a 204."""

    body: Any = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path with named pieces, what serves them, and what limits them.

    `secret` says that the bot's token is asked for; routes of interactions carry their own.
    """

    method: str
    path: str
    serve: Callable[[Exchange], Reply]
    bucket: Literal["messages", "webhook", "typing", "route"] = "route"
    secret: bool = True

    @property
    def name(self) -> str:
        """What a record calls it."""
        return self.path


async def read_body(request: web.Request) -> tuple[Any, dict[str, Upload]]:
    """The JSON of a call, and its files by number."""
    if request.content_type == "multipart/form-data":
        return await _read_parts(request)
    text = await request.text()
    return (json.loads(text) if text else None), {}


async def _read_parts(request: web.Request) -> tuple[Any, dict[str, Upload]]:
    body: Any = None
    files: dict[str, Upload] = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = await part.read(decode=True)
        name = part.name or ""
        if name == "payload_json":
            body = json.loads(data)
        else:
            number = name.removeprefix("files[").removesuffix("]")
            files[number] = Upload(part.filename or "file", bytes(data))
    return body, files
