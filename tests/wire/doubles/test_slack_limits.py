"""What the double of Slack refuses: sizes and rates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.doubles.slack import GENERAL, Rate, Slack
from tests.doubles.slack.limits import Windows
from tests.doubles.slack.testing import Json, button, markdown, refused

pytestmark = pytest.mark.real_time


HEADINGS = "# A\n\nb\n\n"
TABLE = "|" + "a|" * 20 + "\n|" + "-|" * 20


def table(*rows: list[str]) -> Json:
    """A block with a table."""
    return {"type": "table", "rows": [[raw(cell) for cell in row] for row in rows]}


def raw(text: str) -> Json:
    """A cell."""
    return {"type": "raw_text", "text": text}


def section(text: str) -> Json:
    """A section of plain text."""
    return {"type": "section", "text": {"type": "plain_text", "text": text}}


async def post(client: AsyncWebClient, **content: Any) -> Any:
    """Posts; not by the client's own method, which warns of texts and blocks by itself."""
    return await client.api_call("chat.postMessage", json={"channel": GENERAL, **content})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"blocks": [markdown("x" * 12_001)]}, "msg_too_long"),
        ({"blocks": [markdown("x" * 7_000)] * 2}, "msg_blocks_too_long"),
        ({"blocks": [markdown("x" * 12_000), section("x" * 1_201)]}, "msg_blocks_too_long"),
        ({"blocks": [markdown(HEADINGS * 26)]}, "invalid_blocks"),
        ({"blocks": [markdown("# A\n\n" * 30)] * 2}, "invalid_blocks"),
        ({"blocks": [markdown("a\n\n---\n\n" * 26)]}, "invalid_blocks"),
        ({"blocks": [markdown("# A\n\n" * 50), button("a")]}, "invalid_blocks"),
        ({"blocks": [table(["a"]), table(["b"])]}, "invalid_blocks"),
        ({"blocks": [table(["a", "b"], ["c"])]}, "invalid_blocks"),
        ({"blocks": [table(["a", ""])]}, "invalid_blocks"),
        (
            {"blocks": [markdown(TABLE.replace("a|", "a|a|", 1).replace("-|", "-|-|", 1))]},
            "invalid_blocks",
        ),
        ({"blocks": [markdown(TABLE + "\n|b|" * 100)]}, "invalid_blocks"),
        ({"blocks": [markdown(f"{TABLE}\n|{'x' * 9_981}|")]}, "invalid_blocks"),
        ({"blocks": [button("a", "v" * 2_001)]}, "invalid_blocks"),
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
    assert (await refused(post(client, **content)))["error"] == error
    assert slack.messages() == []


@pytest.mark.parametrize(
    "blocks",
    [
        [markdown("x" * 12_000), section("x" * 1_200)],
        [markdown(HEADINGS * 25)],
        [markdown("# A\n\n" * 49), button("a")],
        [markdown("a\n\n- b\n\n> c\n\n```\nd\n```\n\n" * 100)],
        [table(["a"]), markdown("|a|\n|-|\n\nb\n\n|a|\n|-|")],
        [markdown(TABLE + "\n|b|" * 99)],
        [markdown(f"{TABLE}\n|{'x' * 9_961}|")],
    ],
)
async def test_the_most_is_taken(slack: Slack, client: AsyncWebClient, blocks: list[Json]) -> None:
    await post(client, blocks=blocks)
    assert len(slack.messages()) == 1


async def test_sizes_are_counted_in_bytes_too(slack: Slack, client: AsyncWebClient) -> None:
    await post(client, blocks=[markdown("世" * 4_000)])
    answer = await refused(post(client, blocks=[markdown("世" * 4_001)]))
    assert answer["error"] == "msg_too_long"
    slack.platform.limits = replace(slack.platform.limits, in_bytes=False)
    await post(client, blocks=[markdown("世" * 12_000)])


async def test_the_text_of_a_post_is_cut_and_that_of_an_edit_refused_above_4000_bytes(
    slack: Slack, client: AsyncWebClient
) -> None:
    ts = (await client.chat_postMessage(channel=GENERAL, text="x" * 40_001))["ts"]
    assert len(slack.message(ts).now.visible) == 40_000
    await client.chat_update(channel=GENERAL, ts=ts, text="世" * 1_333)
    answer = await refused(
        client.chat_update(channel=GENERAL, ts=ts, text="世" * 1_334, blocks=[markdown("y")])
    )
    assert answer["error"] == "msg_too_long"
    assert len(slack.message(ts).now.visible) == 1_333


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
