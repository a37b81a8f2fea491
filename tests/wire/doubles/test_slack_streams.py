"""The double's streams: messages that are written by appending."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.doubles.slack import ALICE, GENERAL, Slack
from tests.doubles.slack.testing import button, refused

pytestmark = pytest.mark.real_time


async def started(client: AsyncWebClient, slack: Slack, **more: Any) -> str:
    """A stream's ts."""
    answer = await client.chat_startStream(
        channel=GENERAL,
        thread_ts=slack.say("Hello").ts,
        recipient_team_id=slack.workspace.id,
        recipient_user_id=ALICE,
        **more,
    )
    assert set(answer.data) == {"ok", "channel", "ts"}
    return str(answer["ts"])


async def test_a_stream_grows_and_its_end_says_what_is_shown(
    slack: Slack, client: AsyncWebClient
) -> None:
    ts = await started(client, slack, markdown_text="**One")
    assert slack.writing() == [slack.message(ts)]
    appended = await client.chat_appendStream(channel=GENERAL, ts=ts, markdown_text=" two**")
    assert set(appended.data) == {"ok", "channel", "ts"}
    conflict = await refused(client.chat_update(channel=GENERAL, ts=ts, text="x"))
    assert conflict["error"] == "streaming_state_conflict"
    ended = await client.chat_stopStream(channel=GENERAL, ts=ts, blocks=[button("up")])
    rich, actions = ended["message"]["blocks"]
    assert rich["elements"][0]["elements"][0]["style"] == {"bold": True}
    assert actions["type"] == "actions"
    assert slack.message(ts).now.visible == "One two"
    assert slack.writing() == []
    await client.chat_update(channel=GENERAL, ts=ts, text="x")


async def test_a_stream_in_a_channel_needs_a_thread_and_a_recipient(
    slack: Slack, client: AsyncWebClient
) -> None:
    thread = slack.say("Hello").ts
    call = client.chat_startStream(channel=GENERAL, thread_ts=thread)
    assert (await refused(call))["error"] == "missing_recipient_team_id"
    call = client.chat_startStream(channel=GENERAL, thread_ts=thread, recipient_team_id="T1")
    assert (await refused(call))["error"] == "missing_recipient_user_id"
    call = client.chat_startStream(channel=GENERAL, thread_ts="")
    assert (await refused(call))["error"] == "invalid_thread_ts"
    direct = slack.say("Hello", channel=slack.dm())
    await client.chat_startStream(channel=direct.channel, thread_ts=direct.ts)


async def test_a_stream_dies_of_age(slack: Slack, client: AsyncWebClient) -> None:
    slack.platform.stream_life = 0.1
    ts = await started(client, slack)
    await asyncio.sleep(0.15)
    for call in (
        client.chat_appendStream(channel=GENERAL, ts=ts, markdown_text="x"),
        client.chat_stopStream(channel=GENERAL, ts=ts),
    ):
        assert (await refused(call))["error"] == "message_not_in_streaming_state"
    await client.chat_update(channel=GENERAL, ts=ts, text="x")


async def test_a_reader_stops_a_stream(slack: Slack, client: AsyncWebClient) -> None:
    ts = await started(client, slack, markdown_text="One")
    slack.stop_stream(ts)
    call = client.chat_appendStream(channel=GENERAL, ts=ts, markdown_text="x")
    assert (await refused(call))["error"] == "stopped_by_user"
    assert slack.message(ts).now.visible == "One"


async def test_a_stream_takes_only_so_many_bytes_and_so_many_blocks(
    slack: Slack, client: AsyncWebClient
) -> None:
    ts = await started(client, slack, markdown_text="世" * 3_533)
    for method, more in (("append", {}), ("stop", {"blocks": [button("up")]})):
        call = getattr(client, f"chat_{method}Stream")
        answer = await refused(call(channel=GENERAL, ts=ts, markdown_text="世", **more))
        assert answer["error"] == "msg_too_long"
    await client.chat_stopStream(channel=GENERAL, ts=ts, markdown_text=".")
    assert slack.message(ts).now.visible == "世" * 3_533 + "."
    ts = await started(client, slack, markdown_text="# a\n\n" * 50)
    answer = await refused(client.chat_stopStream(channel=GENERAL, ts=ts, blocks=[button("up")]))
    assert answer["error"] == "invalid_blocks"


@pytest.mark.parametrize("returns", ["drawn", "markdown", "newer"])
async def test_answers_and_history_have_the_blocks_that_the_server_returns(
    slack: Slack, client: AsyncWebClient, returns: Literal["drawn", "markdown", "newer"]
) -> None:
    slack.platform.returns = returns
    text = "# a & b\n\n| c |\n|---|\n| 1 |"
    blocks = [{"type": "markdown", "text": text}]
    posted = await client.chat_postMessage(channel=GENERAL, text="x", blocks=blocks)
    history = await client.conversations_history(channel=GENERAL)
    found = posted["message"]["blocks"]
    assert [each["type"] for each in found] == {
        "drawn": ["header", "table"],
        "markdown": ["markdown"],
        "newer": ["header", "data_table"],
    }[returns]
    assert [each["type"] for each in history["messages"][0]["blocks"]] == [
        each["type"] for each in found
    ]
    assert slack.messages()[0].now.visible == "a & b\nc\n1"
    if returns != "markdown":
        assert found[0]["text"]["text"] == "a &amp; b"
