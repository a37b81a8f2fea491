"""Streams that Slack refuses, and the rates that it would refuse them for."""

from __future__ import annotations

import asyncio

import pytest

from connectors.base import AnswerText, Part, Place, RateLimited, Refused, Unavailable
from connectors.markdown import form
from tests.unit.slack.desk import (
    CHANNEL,
    FULL,
    PLACE,
    RUN,
    Desk,
    ended,
    growing,
    methods,
    started,
    whole,
)
from tests.unit.slack.fake_api import FakeApi

# What Slack refuses.


async def test_a_rate_limit_on_the_start_is_passed_on_and_nothing_is_lost() -> None:
    desk = Desk()
    desk.api.faults["chat.startStream"].append(7.0)
    with pytest.raises(RateLimited) as limited:
        await started(desk)
    assert limited.value.retry_after == 7.0
    assert desk.streams.live(await started(desk))
    assert len(desk.api.messages) == 1


async def test_after_a_rate_limit_on_an_append_the_stream_goes_on() -> None:
    desk = Desk()
    ref = await started(desk)
    desk.api.faults["chat.appendStream"].append(7.0)
    with pytest.raises(RateLimited):
        await desk.edit(ref, growing("Once upon a time"))
    await desk.edit(ref, growing("Once upon a time there"))
    await desk.edit(ref, whole(FULL))
    assert methods(desk) == ["startStream", "appendStream", "appendStream", "stopStream"]
    assert desk.message.visible == FULL


async def test_a_rate_limit_on_the_stop_is_waited_out() -> None:
    desk = Desk()
    ref = await started(desk)
    desk.api.faults["chat.stopStream"] += [7.0, 3.0]
    before = asyncio.get_running_loop().time()
    await desk.edit(ref, whole(FULL))
    assert 10.0 <= asyncio.get_running_loop().time() - before < 11.0
    assert desk.message.visible == FULL


@pytest.mark.parametrize(
    ("error", "same_thread", "other_thread", "other_channel"),
    [
        ("user_not_found", False, True, True),
        ("channel_type_not_supported", False, False, True),
        ("missing_scope", False, False, False),
        ("unknown_method", False, False, False),
    ],
)
async def test_where_slack_takes_no_stream_answers_are_edited(
    error: str, same_thread: bool, other_thread: bool, other_channel: bool
) -> None:
    desk = Desk()
    desk.api.faults["chat.startStream"].append(error)
    ref = await started(desk)
    assert methods(desk) == ["startStream", "postMessage"]
    await ended(desk, ref, whole(FULL))
    assert desk.api.shown == [FULL]
    elsewhere = Place("slack", PLACE.workspace, "D2", "1699999999.000009")
    beside = Place("slack", PLACE.workspace, "D1", "1699999999.000009")
    taken = [desk.streams.takes(place) for place in (PLACE, beside, elsewhere)]
    assert taken == [same_thread, other_thread, other_channel]


@pytest.mark.parametrize("error", ["msg_blocks_too_long", "messaging_processing_failed", "no_text"])
async def test_an_append_that_slack_refuses_is_followed_by_edits(error: str) -> None:
    desk = Desk()
    ref = await started(desk)
    desk.api.faults["chat.appendStream"].append(error)
    with pytest.raises(Unavailable):
        await desk.edit(ref, growing("Once upon a time"))
    await desk.edit(ref, growing("Once upon a time there"))
    await ended(desk, ref, whole(FULL))
    assert desk.message.visible == FULL
    assert not desk.message.writing


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_stop_that_slack_refuses_does_not_keep_the_message_from_being_whole(
    times: int,
) -> None:
    desk = Desk()
    ref = await started(desk)
    desk.api.faults["chat.stopStream"] += ["invalid_blocks"] * times
    for _ in range(8):
        try:
            await ended(desk, ref, whole(FULL))
            break
        except (Refused, AssertionError):
            continue
    assert desk.message.visible == FULL
    assert [block["type"] for block in desk.message.blocks] == ["context", "actions"]
    assert not desk.message.writing


# Rates.


async def test_starts_and_appends_have_budgets_of_their_own() -> None:
    desk = Desk()
    post = desk.streams.budget(PLACE, "post")
    assert post is not None
    assert (post.key, post.calls, post.seconds) == ("slack/T1/chat.startStream", 20, 61.0)
    assert desk.streams.budget(PLACE, "edit") is None
    ref = await started(desk)
    edit = desk.streams.budget(PLACE, "edit")
    assert edit is not None
    assert (edit.key, edit.calls, edit.seconds) == ("slack/T1/chat.appendStream", 100, 61.0)
    assert desk.streams.budget(CHANNEL, "post") is None
    await desk.edit(ref, whole(FULL))
    assert desk.streams.budget(PLACE, "edit") is None


async def test_what_goes_on_by_edits_draws_on_the_budget_of_edits_until_it_is_whole() -> None:
    desk = Desk()
    first = await started(desk, FULL)
    second = await desk.post(PLACE, growing("The next part"), "2")
    part = Part(RUN, 0, AnswerText("Once upon a time there was a stream,"))
    await desk.edit(first, part)
    assert desk.streams.budget(PLACE, "edit") is None
    await desk.edit(first, part)
    assert desk.streams.live(second.ref)
    assert desk.streams.budget(PLACE, "edit") is not None


async def test_where_starts_run_short_answers_are_edited_rather_than_late() -> None:
    desk = Desk()
    for number in range(30):
        await desk.post(PLACE, growing("Once upon a time"), f"key {number}")
        await asyncio.sleep(1.0)
    assert len(desk.api.named("chat.startStream")) == 16
    assert len(desk.api.named("chat.postMessage")) == 14
    assert desk.api.refused == []
    await asyncio.sleep(60)
    assert desk.streams.takes(PLACE)


async def test_messages_that_are_no_streams_keep_to_the_rate_of_posts_there() -> None:
    """Their turns are those of starts: nobody knows what a post will be before it is made."""
    desk = Desk()
    posts = [desk.post(PLACE, whole(f"Part {n}"), f"key {n}") for n in range(12)]
    await asyncio.gather(*posts)
    assert desk.api.refused == []
    assert len(desk.api.messages) == 12


async def test_many_ends_at_once_are_on_the_screen_before_they_are_stopped() -> None:
    desk = Desk(FakeApi(latency=0.5))
    refs = []
    for number in range(32):
        refs.append((await desk.post(PLACE, growing("Once upon a"), f"key {number}")).ref)
        await asyncio.sleep(5)
    ends = [asyncio.create_task(desk.edit(ref, whole(FULL))) for ref in refs]
    await asyncio.sleep(3)
    assert desk.api.shown == [FULL] * 32
    assert sum(message.live for message in desk.api.messages.values()) == 12
    assert [shown.text for shown in await asyncio.gather(*ends)] == [form(FULL)] * 32
    assert not any(message.writing for message in desk.api.messages.values())
    assert desk.api.refused == []


async def test_an_end_that_is_cancelled_while_it_waits_is_made_whole_later() -> None:
    desk = Desk()
    ref = await started(desk)
    desk.api.faults["chat.stopStream"].append(30.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10.0):
            await desk.edit(ref, whole(FULL))
    await ended(desk, ref, whole(FULL))
    assert desk.message.visible == FULL
    assert not desk.message.writing
