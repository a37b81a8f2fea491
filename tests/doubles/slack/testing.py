"""What tests of the double share: a client of the real SDK, and an app that keeps what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.doubles.slack.server import Slack
from tests.doubles.slack.workspaces import SIGNING_SECRET

PATIENCE = 10.0
"""Seconds after which something that should have come will not come."""

Json = dict[str, Any]


async def refused(call: Awaitable[Any]) -> Json:
    """What the API says when it refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return dict(caught.value.response.data)


def markdown(text: str) -> Json:
    """A block of Markdown."""
    return {"type": "markdown", "text": text}


def button(action_id: str, value: str = "") -> Json:
    """A row with one button."""
    words = {"type": "plain_text", "text": action_id.title(), "emoji": True}
    made = {"type": "button", "action_id": action_id, "text": words, "value": value}
    return {"type": "actions", "elements": [made]}


async def within(waiting: Awaitable[bool]) -> bool:
    """What comes of it, within patience."""
    async with asyncio.timeout(PATIENCE):
        return await waiting


@asynccontextmanager
async def web_client(slack: Slack, token: str = "") -> AsyncIterator[AsyncWebClient]:
    """The SDK's client on one session, which repeats nothing by itself."""
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=token or slack.bot_token, base_url=slack.url, session=session, retry_handlers=[]
        )


@dataclass
class Heard:
    """What an app was told, in order. Where `deaf` says so, it acknowledges nothing."""

    bodies: list[Json] = field(default_factory=list)
    deaf: Callable[[Json], bool] = lambda _body: False
    answer: Any = None
    """What it says with its acknowledgement."""
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, body: Json) -> None:
        """Keeps one more."""
        async with self._news:
            self.bodies.append(body)
            self._news.notify_all()

    async def wait(self, number: int) -> list[Json]:
        """All of them, once there are so many."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.bodies) >= number)
            return list(self.bodies)


def bolt_app(client: AsyncWebClient, heard: Heard) -> AsyncApp:
    """An app that hears everything, the bot's own messages too."""
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET, ignoring_self_events_enabled=False)

    @app.middleware
    async def listen(body: Json, ack: Callable[..., Awaitable[Any]]) -> Any:
        await heard.hear(body)
        if heard.deaf(body):
            return None
        return await (ack(heard.answer) if heard.answer else ack())

    return app


@asynccontextmanager
async def connected_app(slack: Slack) -> AsyncIterator[Heard]:
    """A bolt app in Socket Mode."""
    heard = Heard()
    async with web_client(slack) as client:
        before = len(slack.sockets.connections)
        handler = AsyncSocketModeHandler(bolt_app(client, heard), slack.app_token, ping_interval=1)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            await slack.connected(before + 1)
            yield heard
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]
