"""Streams whose answers are lost: nothing is said twice, and nothing is missing."""

from __future__ import annotations

import asyncio

import pytest

from connectors.base import Unavailable
from connectors.markdown import form
from tests.unit.slack.desk import FULL, PLACE, Desk, ended, growing, methods, started, whole


@pytest.mark.parametrize("fault", ["lost", "never"])
async def test_an_append_whose_answer_was_lost_is_not_repeated(fault: str) -> None:
    desk = Desk()
    ref = await started(desk)
    desk.api.faults["chat.appendStream"].append(fault)
    with pytest.raises(Unavailable):
        await desk.edit(ref, growing("Once upon a time"))
    shown = await desk.edit(ref, growing("Once upon a time"))
    assert methods(desk) == ["startStream", "appendStream", "stopStream"]
    assert shown.text == form(desk.message.visible)
    await ended(desk, ref, whole(FULL))
    assert desk.message.visible == FULL
    assert all(FULL.startswith(text) for text in desk.message.seen)


@pytest.mark.parametrize("fault", ["lost", "never"])
async def test_an_end_whose_answer_was_lost_is_whole_and_not_doubled(fault: str) -> None:
    desk = Desk()
    ref = await started(desk)
    desk.api.faults["chat.stopStream"].append(fault)
    await ended(desk, ref, whole(FULL))
    assert desk.message.visible == FULL
    assert [block["type"] for block in desk.message.blocks] == ["context", "actions"]
    assert all(FULL.startswith(text) for text in desk.message.seen)


async def test_a_call_that_is_cancelled_may_have_had_its_effect() -> None:
    desk = Desk()
    ref = await started(desk)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03):
            await desk.edit(ref, growing("Once upon a time"))
    assert desk.message.visible == "Once upon a tim"
    await ended(desk, ref, whole(FULL))
    assert desk.message.visible == FULL


async def test_a_start_whose_answer_was_lost_is_found_and_goes_on_by_edits() -> None:
    desk = Desk()
    desk.api.faults["chat.startStream"].append("lost")
    with pytest.raises(Unavailable):
        await started(desk)
    ref = await started(desk)
    assert desk.message.ts == ref.id
    assert not desk.streams.live(ref)
    await desk.post(PLACE, growing("The next part"), "2")
    assert desk.streams.budget(PLACE, "edit") is None
    await ended(desk, ref, whole(FULL))
    assert desk.api.shown[0] == FULL
    assert "appendStream" not in methods(desk)


async def test_a_start_that_never_came_about_is_posted_as_a_message() -> None:
    desk = Desk()
    desk.api.faults["chat.startStream"].append("never")
    with pytest.raises(Unavailable):
        await started(desk)
    ref = await started(desk)
    assert methods(desk) == ["startStream", "replies", "postMessage"]
    await ended(desk, ref, whole(FULL))
    assert desk.api.shown == [FULL]


async def test_while_nobody_knows_whether_a_start_came_about_nothing_is_posted() -> None:
    desk = Desk()
    desk.api.faults["chat.startStream"].append("lost")
    desk.api.faults["conversations.replies"] += ["never", 3.0, "fatal_error"]
    for _ in range(4):
        with pytest.raises(Unavailable):
            await started(desk)
    await started(desk)
    assert len(desk.api.messages) == 1


async def test_a_lost_start_is_not_taken_for_another_message_of_the_bots() -> None:
    desk = Desk()
    other = await desk.post(PLACE, growing("Another answer"), "other key")
    posted = await desk.post(PLACE, whole("Once upo"), "third key")
    stranger = desk.api.say(PLACE.thread, "Hi! Ask me anything.")
    desk.api.faults["chat.startStream"].append("never")
    with pytest.raises(Unavailable):
        await started(desk)
    ref = await started(desk)
    assert ref.id not in {other.ref.id, posted.ref.id, stranger.ts}
    assert desk.streams.live(other.ref)


async def test_an_old_stream_of_a_process_that_died_is_not_taken_for_a_lost_start() -> None:
    desk = Desk()
    old = desk.api.say(PLACE.thread, "Once upon a")
    await asyncio.sleep(60)
    desk.api.faults["chat.startStream"].append("never")
    with pytest.raises(Unavailable):
        await started(desk)
    assert (await started(desk)).id != old.ts


async def test_where_slack_does_not_say_what_a_stopped_stream_shows_it_is_read_back() -> None:
    desk = Desk()
    desk.api.says_message = False
    ref = await started(desk)
    shown = await desk.edit(ref, whole(FULL))
    assert shown.text == form(FULL)
    assert methods(desk) == ["startStream", "stopStream", "replies"]


async def test_where_it_can_not_be_read_back_either_the_end_is_edited_in() -> None:
    desk = Desk()
    desk.api.says_message = False
    ref = await started(desk)
    desk.api.faults["conversations.replies"] += ["fatal_error"]
    with pytest.raises(Unavailable):
        await desk.edit(ref, whole(FULL))
    await ended(desk, ref, whole(FULL))
    assert methods(desk)[-1] == "update"
    assert desk.message.visible == FULL
