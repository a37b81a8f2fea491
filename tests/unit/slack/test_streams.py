"""Native streaming: what is shown at the end is the part's text, wherever it comes from."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from connectors.base import (
    AnswerText,
    Control,
    Gone,
    MessageRef,
    Part,
    Person,
    Place,
    Pressed,
    Shown,
    Unavailable,
)
from connectors.markdown import form
from connectors.slack.dialect import read, write
from tests.unit.slack.desk import (
    ALICE,
    CHANNEL,
    FULL,
    PLACE,
    RUN,
    Desk,
    ended,
    growing,
    methods,
    sent,
    started,
    whole,
)

BOB = Person("UBOB", "Bob")


def sent_so_far(desk: Desk) -> str:
    """What is drawn of what the stream was sent."""
    return read(desk.message.shown).text


# The way that nothing fails on.


async def test_a_part_is_started_appended_to_and_stopped_as_a_whole() -> None:
    desk = Desk()
    ref = await started(desk)
    assert desk.streams.live(ref)
    await desk.edit(ref, growing("Once upon a time there was"))
    shown = await desk.edit(ref, whole(FULL))
    assert methods(desk) == ["startStream", "appendStream", "stopStream"]
    assert "".join(sent(desk)) == FULL
    assert shown == Shown(ref, form(FULL))
    assert desk.message.visible == FULL
    assert not desk.message.writing
    assert not desk.streams.live(ref)


async def test_the_end_brings_footer_buttons_and_metadata() -> None:
    desk = Desk()
    ref = await started(desk)
    await desk.edit(ref, whole(FULL))
    assert [block["type"] for block in desk.message.blocks] == ["context", "actions"]
    assert desk.message.metadata is not None
    assert desk.message.metadata["event_type"] == "everytoken_part"


async def test_what_only_closes_a_text_for_the_moment_is_never_sent() -> None:
    desk = Desk()
    ref = (await desk.post(PLACE, growing("It is **very imp", "**"), "key")).ref
    await desk.edit(ref, growing("It is **very important** and `so", "`"))
    await desk.edit(ref, whole("It is **very important** and `so on`."))
    assert "".join(sent(desk)) == "It is **very important** and `so on`."


async def test_while_it_streams_it_says_that_it_shows_what_was_sent() -> None:
    desk = Desk()
    shown = await desk.post(PLACE, growing("Once **upon** a time"), "key")
    assert shown.text == sent_so_far(desk)
    grown = await desk.edit(shown.ref, growing("Once **upon** a time there was"))
    assert grown.text == sent_so_far(desk)


async def test_an_edit_with_nothing_new_calls_nobody() -> None:
    desk = Desk()
    ref = await started(desk)
    await desk.edit(ref, growing("Once upon a"))
    await desk.edit(ref, growing("Once up"))
    assert methods(desk) == ["startStream"]


async def test_the_same_key_starts_one_stream() -> None:
    desk = Desk()
    first = await desk.post(PLACE, growing("One two"), "key")
    again = await desk.post(PLACE, growing("One two three"), "key")
    assert again == first
    other = await desk.post(PLACE, growing("One two"), "other key")
    assert other.ref != first.ref


@pytest.mark.parametrize(
    ("place", "streaming", "streamed"),
    [
        (PLACE, "auto", True),
        (PLACE, "native", True),
        (PLACE, "edit", False),
        (CHANNEL, "native", True),
        (CHANNEL, "auto", False),
        (Place("slack", PLACE.workspace, "D1", ""), "native", False),
    ],
)
async def test_messages_are_streamed_where_that_is_wanted_and_there_is_a_thread(
    place: Place, streaming: str, streamed: bool
) -> None:
    desk = Desk(streaming=streaming)
    desk.recipients.put(MessageRef(place, "1.0"), ALICE, "T1")
    assert desk.streams.takes(place) is streamed
    shown = await desk.post(place, growing("One two"), "key")
    assert desk.streams.live(shown.ref) is streamed


async def test_in_a_channel_slack_is_told_whom_the_stream_is_for() -> None:
    desk = Desk(streaming="native")
    assert not desk.streams.takes(CHANNEL)
    desk.recipients.put(MessageRef(CHANNEL, "1.0"), ALICE, "T2")
    await desk.post(CHANNEL, growing("One two"), "key")
    arguments = desk.api.named("chat.startStream")[0].arguments
    assert arguments["recipient_user_id"] == ALICE.id
    assert arguments["recipient_team_id"] == "T2"


async def test_a_stream_is_for_the_one_who_asked_and_not_for_whoever_spoke_since() -> None:
    desk = Desk(streaming="native")
    question = MessageRef(CHANNEL, "1.0")
    desk.recipients.put(question, ALICE, "T1")
    desk.recipients.put(MessageRef(CHANNEL, "2.0"), BOB, "T1")
    await desk.post(CHANNEL, replace(growing("One two"), about=question), "key")
    assert desk.api.named("chat.startStream")[0].arguments["recipient_user_id"] == ALICE.id


async def test_what_is_whole_at_once_or_for_one_person_is_no_stream() -> None:
    desk = Desk()
    await desk.post(PLACE, whole(FULL), "1")
    await desk.post(PLACE, growing("<"), "2")
    assert methods(desk) == ["postMessage", "postMessage"]
    private = Part(RUN, 0, AnswerText("For you."), controls=(Control.STOP,), to=ALICE)
    assert await desk.streams.post(PLACE, private, "3") is None


async def test_a_key_that_was_posted_as_a_message_starts_no_stream_later() -> None:
    desk = Desk()
    first = await desk.post(PLACE, whole("One"), "key")
    again = await desk.post(PLACE, growing("One two"), "key")
    assert again == first
    assert methods(desk) == ["postMessage"]


async def test_a_part_of_the_greatest_length_full_of_mentions_ends_in_one_call() -> None:
    desk = Desk()
    text = ("<!here> " * 700).strip()
    ref = (await desk.post(PLACE, growing(text[:20]), "key")).ref
    await ended(desk, ref, whole(text))
    assert methods(desk) == ["startStream", "stopStream"]
    assert 9_000 < len(desk.message.markdown.encode()) <= 10_600
    assert desk.message.markdown == write(text)


# Where the text is not what it was.


async def test_a_part_that_gives_up_its_tail_is_stopped_and_then_shows_the_rest_alone() -> None:
    desk = Desk()
    ref = await started(desk, FULL)
    part = Part(RUN, 0, AnswerText("Once upon a time there was a stream,"))
    shown = await desk.edit(ref, part)
    assert shown.text == form(desk.message.visible) != form(part.text)
    assert not desk.streams.live(ref)
    await ended(desk, ref, part)
    assert methods(desk) == ["startStream", "stopStream", "update"]
    assert desk.message.visible == part.text
    assert not desk.message.writing


async def test_a_text_that_is_replaced_while_it_grows_goes_on_by_edits() -> None:
    desk = Desk()
    ref = await started(desk, FULL)
    await desk.edit(ref, growing("Twice upon"))
    assert not desk.streams.live(ref)
    await desk.edit(ref, growing("Twice upon a time"))
    assert desk.message.visible == "Twice upon a time"
    await ended(desk, ref, whole("Twice upon a time it ended."))
    assert desk.message.visible == "Twice upon a time it ended."


async def test_an_end_that_differs_from_what_was_streamed_replaces_it() -> None:
    desk = Desk()
    ref = await started(desk, FULL)
    await ended(desk, ref, whole("Something else."))
    assert desk.message.visible == "Something else."


# A stream's life.


async def test_a_stream_is_ended_before_slack_does_and_goes_on_by_edits() -> None:
    desk = Desk()
    ref = await started(desk)
    await asyncio.sleep(271)
    await desk.edit(ref, growing("Once upon a time there"))
    assert methods(desk) == ["startStream", "stopStream"]
    assert desk.message.visible == "Once upon a time there"
    assert desk.message.writing, "its reader can still stop it"
    await asyncio.sleep(60)
    await desk.edit(ref, growing("Once upon a time there was"))
    await ended(desk, ref, whole(FULL))
    assert desk.message.visible == FULL
    assert not desk.message.writing


async def test_a_stream_that_slack_has_ended_goes_on_by_edits() -> None:
    desk = Desk()
    ref = await started(desk)
    desk.message.streaming = False
    with pytest.raises(Unavailable):
        await desk.edit(ref, growing("Once upon a time"))
    assert not desk.streams.live(ref)
    await desk.edit(ref, growing("Once upon a time there"))
    await ended(desk, ref, whole(FULL))
    assert desk.message.visible == FULL
    assert not desk.message.writing


async def test_a_stream_that_slack_has_ended_before_its_last_text_is_made_whole() -> None:
    desk = Desk()
    ref = await started(desk)
    await asyncio.sleep(310)
    await ended(desk, ref, whole(FULL))
    assert desk.message.visible == FULL
    assert not desk.message.writing


async def test_slacks_own_stop_is_the_askers_stop() -> None:
    desk = Desk()
    desk.recipients.put(MessageRef(PLACE, "1.0"), ALICE, "T1")
    ref = await started(desk)
    desk.message.streaming, desk.message.stopped_by_user = False, True
    with pytest.raises(Unavailable):
        await desk.edit(ref, growing("Once upon a time"))
    pressed = (await anext(desk.inflow.events())).event
    assert isinstance(pressed, Pressed)
    assert (pressed.message, pressed.control, pressed.run_id) == (ref, Control.STOP, RUN)
    assert pressed.person.id == ALICE.id
    await ended(desk, ref, whole("Once upon a time\n\n_Stopped._"))
    assert not desk.message.writing


async def test_a_message_that_the_reader_deletes_is_gone() -> None:
    desk = Desk()
    ref = await started(desk)
    desk.message.deleted = True
    with pytest.raises(Gone):
        await desk.edit(ref, growing("Once upon a time"))
    assert not desk.streams.live(ref)


async def test_a_stream_that_nobody_knows_is_ended_before_it_is_edited() -> None:
    """What a process that died has left."""
    desk = Desk()
    left = desk.api.say(PLACE.thread, "Once upon")
    await ended(desk, MessageRef(PLACE, left.ts), whole("Once upon\n\n_Interrupted._"))
    assert methods(desk)[-2:] == ["stopStream", "update"]
    assert not left.writing
