"""What goes wrong on demand in the double of Slack, and what the caller sees of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.doubles.slack import (
    GENERAL,
    Broken,
    Call,
    Held,
    Reset,
    Says,
    Slack,
    Slow,
    TooMany,
)
from tests.doubles.slack.faults import Fault
from tests.doubles.slack.testing import PATIENCE, refused

pytestmark = pytest.mark.real_time


async def test_a_429_asks_for_its_time_and_is_recorded(
    slack: Slack, client: AsyncWebClient
) -> None:
    slack.fault("chat.postMessage", TooMany(retry_after=7))
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=GENERAL, text="x")
    assert caught.value.response.headers["Retry-After"] == "7"
    assert [refusal.injected for refusal in slack.rate_limited] == [True]
    await client.chat_postMessage(channel=GENERAL, text="x")


async def test_ok_false_has_no_effect(slack: Slack, client: AsyncWebClient) -> None:
    slack.fault("chat.postMessage", Says("internal_error"))
    answer = await refused(client.chat_postMessage(channel=GENERAL, text="x"))
    assert answer == {"ok": False, "error": "internal_error"}
    assert slack.messages() == []


@pytest.mark.parametrize(
    ("fault", "posted"),
    [
        (Broken(500), 0),
        (Broken(503, after=True), 1),
        (Held(0.02), 0),
        (Held(0.02, after=True), 1),
        (Reset(), 0),
        (Reset(after=True), 1),
    ],
    ids=repr,
)
async def test_an_answer_is_lost_before_or_after_the_effect(
    slack: Slack, client: AsyncWebClient, fault: Fault, posted: int
) -> None:
    slack.fault("chat.postMessage", fault)
    with pytest.raises((aiohttp.ClientError, SlackApiError)):
        await client.chat_postMessage(channel=GENERAL, text="x")
    assert len(slack.messages()) == posted
    await client.chat_postMessage(channel=GENERAL, text="x")
    assert len(slack.messages()) == posted + 1


async def test_a_slow_answer_is_a_good_one(slack: Slack, client: AsyncWebClient) -> None:
    slack.fault("chat.postMessage", None, Slow(0.05))
    for _ in range(2):
        assert (await client.chat_postMessage(channel=GENERAL, text="x"))["ok"]
    quick, slow = slack.calls
    assert slow.answered_at - slow.at >= 0.05
    assert slow.at >= quick.answered_at


async def test_a_rule_is_asked_for_each_call(slack: Slack, client: AsyncWebClient) -> None:
    def second(call: Call) -> Fault | None:
        return Says("fatal_error") if call.number == 2 else None

    slack.fault_by(second)
    await client.chat_postMessage(channel=GENERAL, text="1")
    assert (await refused(client.chat_postMessage(channel=GENERAL, text="2")))["ok"] is False
    await client.chat_postMessage(channel=GENERAL, text="3")
    assert [message.now.text for message in slack.messages()] == ["1", "3"]


async def test_the_double_closes_while_calls_are_held(slack: Slack, client: AsyncWebClient) -> None:
    held = asyncio.Event()

    def hold(_call: Call) -> Fault:
        held.set()
        return Held(3600)

    slack.fault_by(hold)
    call = asyncio.ensure_future(client.auth_test())
    async with asyncio.timeout(PATIENCE):
        await held.wait()
        await slack.aclose()
        with suppress(aiohttp.ClientError):
            await call
