"""What the double of Slack refuses: sizes and rates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.slack import GENERAL, Rate, Slack
from tests.servers.slack.limits import Windows
from tests.servers.slack.testing import Json, button, markdown, refused

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": [markdown("x" * 12_001)]}, "invalid_blocks"),
        ({"text": "x", "blocks": [markdown("x" * 7_000)] * 2}, "msg_blocks_too_long"),
        (
            {"text": "x", "blocks": [markdown("x" * 11_990), button("a", "v" * 1_900)]},
            "msg_blocks_too_long",
        ),
        ({"text": "x", "blocks": [button("a", "v" * 2_001)]}, "invalid_blocks"),
        ({"text": "x", "markdown_text": "x"}, "markdown_text_conflict"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_schema"),
        (
            {"text": "x", "metadata": {"event_type": "a", "event_payload": {"b": "c" * 8_000}}},
            "metadata_too_large",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_too_much_is_refused_whole(
    slack: Slack, client: AsyncWebClient, content: Json, error: str
) -> None:
    # Not the client's own method: it warns of texts and blocks by itself.
    call = client.api_call("chat.postMessage", json={"channel": GENERAL, **content})
    assert (await refused(call))["error"] == error
    assert slack.messages() == []


async def test_an_edit_takes_a_shorter_text_than_a_post(
    slack: Slack, client: AsyncWebClient
) -> None:
    ts = (await client.chat_postMessage(channel=GENERAL, text="x" * 40_000))["ts"]
    await client.chat_update(channel=GENERAL, ts=ts, text="x" * 4_000)
    answer = await refused(
        client.chat_update(channel=GENERAL, ts=ts, text="x" * 4_001, blocks=[markdown("y")])
    )
    assert answer["error"] == "msg_too_long"
    assert len(slack.message(ts).now.visible) == 4_000


async def test_the_51st_edit_in_a_minute_draws_a_429_with_the_time_to_wait(
    slack: Slack, client: AsyncWebClient
) -> None:
    ts = (await client.chat_postMessage(channel=GENERAL, text="x"))["ts"]
    for number in range(50):
        await client.chat_update(channel=GENERAL, ts=ts, text=str(number))
    with pytest.raises(SlackApiError) as caught:
        await client.chat_update(channel=GENERAL, ts=ts, text="50")
    assert caught.value.response.status_code == 429
    assert caught.value.response["error"] == "ratelimited"
    assert 30 <= int(caught.value.response.headers["Retry-After"]) <= 60
    (refusal,) = slack.rate_limited
    assert (refusal.method, refusal.injected) == ("chat.update", False)
    assert slack.message(ts).now.text == "49"


def test_a_window_slides_and_refused_calls_do_not_count() -> None:
    windows, rate = Windows(), Rate(2, 10.0)
    waits = [windows.spend("key", rate, now) for now in (0.0, 4.0, 5.0, 9.5, 10.0, 11.0, 14.0)]
    assert waits == [0, 0, 5, 1, 0, 3, 0]
    assert windows.spend("other key", rate, 14.0) == 0


async def test_posts_are_counted_by_channel_and_only_while_there_is_a_limit(
    slack: Slack, client: AsyncWebClient
) -> None:
    slack.platform.limits = replace(slack.platform.limits, post=Rate(1, 60.0))
    await client.chat_postMessage(channel=GENERAL, text="1")
    await client.chat_postMessage(channel=slack.dm(), text="1")
    answer = await refused(client.chat_postMessage(channel=GENERAL, text="2"))
    assert answer["error"] == "ratelimited"
    slack.platform.limits = slack.platform.limits.unmetered()
    for _ in range(10):
        await client.chat_postMessage(channel=GENERAL, text="3")
    assert len(slack.rate_limited) == 1
