"""How events reach the bot: Socket Mode and signed HTTP, retries, losses, duplicates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_sdk.web.async_client import AsyncWebClient

from tests.doubles.slack import GENERAL, Slack
from tests.doubles.slack.testing import (
    PATIENCE,
    Heard,
    bolt_app,
    button,
    connected_app,
    refused,
    web_client,
    within,
)

pytestmark = pytest.mark.real_time


# Socket Mode.


async def test_an_event_that_is_not_acknowledged_comes_again_and_again(
    slack: Slack, heard: Heard
) -> None:
    heard.deaf = lambda _body: True
    slack.sockets.ack_seconds = 0.05
    said = slack.say("Hello")
    assert not await within(said.settled())
    assert not await within(said.acknowledged())
    assert len(heard.bodies) == 4
    assert len({body["event_id"] for body in heard.bodies}) == 1


async def test_a_late_acknowledgement_is_one_of_the_second_attempt(
    slack: Slack, heard: Heard
) -> None:
    heard.deaf = lambda _body: len(heard.bodies) < 2
    slack.sockets.ack_seconds = 0.5
    said = slack.say("Hello")
    assert await within(said.acknowledged())
    assert not await said.settled()
    first, second = said.deliveries[0].attempts
    assert first.delay is None
    assert second.delay is not None
    assert second.delay < 0.5


async def test_a_command_that_is_not_acknowledged_does_not_come_again(
    slack: Slack, heard: Heard
) -> None:
    heard.deaf = lambda _body: True
    slack.sockets.ack_seconds = 0.05
    assert not await within(slack.command("new").acknowledged())
    assert len(heard.bodies) == 1


async def test_an_event_goes_to_one_connection_or_to_all(slack: Slack, heard: Heard) -> None:
    async with connected_app(slack) as other:
        for _ in range(4):
            assert await within(slack.say("Hello").settled())
        assert len(heard.bodies) == len(other.bodies) == 2
        both = slack.say("Hello", to_all=True)
        assert await within(both.settled())
        assert heard.bodies[-1]["event_id"] == other.bodies[-1]["event_id"]


async def test_what_happens_while_nobody_listens_is_told_later_in_order(slack: Slack) -> None:
    said = [slack.say(str(number)) for number in range(3)]
    async with connected_app(slack) as heard:
        assert all([await within(each.settled()) for each in said])
        assert [body["event"]["text"] for body in heard.bodies] == ["0", "1", "2"]


async def test_a_client_comes_back_after_a_disconnect_and_after_a_cut(
    slack: Slack, heard: Heard
) -> None:
    async with asyncio.timeout(PATIENCE):
        await slack.disconnect()
        await slack.connected()
        assert await slack.say("One").acknowledged()
        slack.drop_sockets()
        said = slack.say("Two")
        assert await said.acknowledged()
    assert slack.sockets.opened == 3
    assert heard.bodies[-1]["event"]["text"] == "Two"


async def test_an_address_for_a_socket_serves_once_and_to_the_app_alone(
    slack: Slack, client: AsyncWebClient
) -> None:
    answer = await refused(client.apps_connections_open(app_token=slack.bot_token))
    assert answer["error"] == "not_allowed_token_type"
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


# HTTP.


@asynccontextmanager
async def serving(slack: Slack) -> AsyncIterator[tuple[Heard, list[web.Request], str]]:
    """A bolt app behind an HTTP server of its own; its requests, and its address."""
    heard, requests = Heard(), []
    async with web_client(slack) as client:
        app = bolt_app(client, heard)

        async def answer(request: web.Request) -> web.Response:
            requests.append(request)
            bolt = await app.async_dispatch(await to_bolt_request(request))
            return await to_aiohttp_response(bolt)

        server = web.Application()
        server.router.add_post("/slack/events", answer)
        runner = web.AppRunner(server, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield heard, requests, f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        await runner.cleanup()


async def test_events_interactions_and_commands_come_signed_over_http(
    slack: Slack, client: AsyncWebClient
) -> None:
    async with serving(slack) as (heard, _, url):
        assert await slack.deliver_to(url).verify()
        assert await within(slack.ask("Hello").settled())
        ts = (await client.chat_postMessage(channel=GENERAL, text="x", blocks=[button("stop")]))[
            "ts"
        ]
        assert await within(slack.press(ts, "stop").settled())
        heard.answer = "Done."
        command = slack.command("new")
        assert await within(command.settled())
        assert command.response == "Done."
        assert [b.get("type") or b["command"] for b in heard.bodies] == [
            "event_callback",
            "event_callback",
            "event_callback",
            "block_actions",
            "/everytoken",
        ]


async def test_a_wrong_secret_is_refused_and_tried_again_with_the_reason(slack: Slack) -> None:
    async with serving(slack) as (heard, requests, url):
        slack.deliver_to(url, "another-secret")
        said = slack.say("Hello")
        assert not await within(said.acknowledged())
        assert [attempt.status for attempt in said.deliveries[0].attempts] == [401] * 4
        retries = [request.headers.get("X-Slack-Retry-Num") for request in requests]
        assert retries == [None, "1", "2", "3"]
        assert requests[1].headers["X-Slack-Retry-Reason"] == "http_error"
        assert heard.bodies == []


async def test_an_address_where_nobody_listens_is_given_up(slack: Slack) -> None:
    slack.deliver_to("http://127.0.0.1:9/slack/events")
    said = slack.say("Hello")
    assert not await within(said.acknowledged())
    assert len(said.deliveries[0].attempts) == 4
