"""Slack keeps the contract over real sockets: in threads and direct messages, edited or streamed.

In the thread people speak without naming the bot: a mention would be told twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from bot import http
from connectors.base import MessageRef, Place
from connectors.slack import SlackConnector, SlackOptions
from tests.contract.connector import ConnectorContract, Harness, Question
from tests.doubles.slack import SIGNING_SECRET, Limits, Slack, slack_server
from tests.doubles.slack.workspaces import GENERAL

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]

ACK_S = 1.0
"""So long Slack waits for an acknowledgement: a refusal need not be waited for."""


@asynccontextmanager
async def opened(
    *, direct: bool = False, thread: bool = True, by_http: bool = False, **options: Any
) -> AsyncIterator[Harness]:
    """A connector on a Slack of its own, in direct messages or in a thread of a channel."""
    async with slack_server(limits=Limits().unmetered(), ack_seconds=ACK_S) as slack:
        way_in: dict[str, Any] = (
            {"signing_secret": SIGNING_SECRET} if by_http else {"app_token": slack.app_token}
        )
        settings = SlackOptions(bot_token=slack.bot_token, api_url=slack.url, **way_in, **options)
        connector = SlackConnector(settings)
        channel = slack.dm() if direct else GENERAL
        # A line that is nobody's speech begins the thread: its history is empty.
        began = slack.join(channel=channel).ts if thread else ""
        place = Place("slack", slack.workspace.id, channel, began)

        async def ask(text: str) -> Question:
            acted = slack.say(text, channel=channel, thread_ts=began)
            return Question(MessageRef(place, acted.ts), acted.settled)

        async def delete(ref: MessageRef) -> None:
            slack.delete(ref.id)

        async with AsyncExitStack() as stack:
            if by_http:
                await stack.enter_async_context(listening(slack, connector))
            stack.push_async_callback(connector.aclose)

            def another() -> SlackConnector:
                other = SlackConnector(settings)
                stack.push_async_callback(other.aclose)
                return other

            yield Harness(connector, place, ask, delete, another, direct=direct)


@asynccontextmanager
async def listening(slack: Slack, connector: SlackConnector) -> AsyncIterator[None]:
    """Where Slack sends its events by HTTP."""
    listener = http.listen("127.0.0.1", 0)
    server = http.serve(http.build(list(connector.routes())))
    serving = asyncio.create_task(server.serve([listener]))
    slack.deliver_to(f"http://127.0.0.1:{listener.getsockname()[1]}/slack/events")
    try:
        yield
    finally:
        server.should_exit = True
        await serving
        listener.close()


class TestThread(ConnectorContract):
    """In a thread of a channel."""

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        return opened(streaming="edit")


class TestDirectMessages(ConnectorContract):
    """In direct messages, outside of threads."""

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        return opened(direct=True, thread=False, streaming="edit")


class TestStreams(ConnectorContract):
    """In a thread of direct messages, where what grows is streamed."""

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        return opened(direct=True, streaming="native")


class TestHttp(ConnectorContract):
    """Where events come as signed requests."""

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        return opened(streaming="edit", by_http=True)
