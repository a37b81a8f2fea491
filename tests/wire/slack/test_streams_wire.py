"""Streaming over real sockets, from a person's question to what Slack shows in the end."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import AnswerText, Control, MessageRef, Part, Place
from connectors.markdown import form
from connectors.slack.api import Api
from connectors.slack.dialect import read
from connectors.slack.writer import SlackWriter
from providers.scripted import Pause
from tests.doubles.slack import (
    ALICE,
    BOB,
    Broken,
    Call,
    Limits,
    Message,
    Reset,
    Says,
    Slack,
    TooMany,
    slack_server,
)
from tests.doubles.slack_way import LIVELY, Way, slack_way

pytestmark = pytest.mark.real_time

STORY = ["Once upon ", Pause(0.3), "a time **there", Pause(0.3), "** was a ", Pause(0.3), "stream."]
TOLD = "Once upon a time there was a stream."


def of_length(length: int) -> str:
    """An answer with all kinds of Markdown, and mentions that must not ring."""
    paragraph = (
        "Paragraph {n} has **bold**, *slanted* and `coded` words, a [link](https://example.org/{n})"
        " and <!channel> that rings for nobody.\n\n```python\nprint({n})  # @here\n```\n\n"
        "- one\n- two 👩\u200d👩\u200d👧 and e\u0301\n\n"
    )
    return "".join(paragraph.format(n=n) for n in range(length // 100))[:length].rstrip()


def way(slack: Slack, *scripts: Any, **options: Any) -> Any:
    """The whole way at a lively pace."""
    return slack_way(slack, *scripts, **{**LIVELY, **options})


def streams(slack: Slack) -> list[Message]:
    """The messages that began as streams."""
    return [message for message in slack.messages(by_bot=True) if message.stream]


def stands(slack: Slack) -> list[Message]:
    """The answer's messages, none of which looks unfinished."""
    assert slack.writing() == []
    assert slack.pinged() == []
    return slack.messages(by_bot=True)


async def told(the: Way) -> None:
    """One answer is shown whole, verified, and once."""
    assert await the.verdicts(1) == ["verified"]
    (message,) = stands(the.slack)
    assert message.now.visible == TOLD
    # Marks that are not closed yet are seen as they are.
    grew = [version.visible.replace("*", "") for version in message.versions]
    assert all(TOLD.startswith(text) for text in grew), grew


async def test_a_long_answer_in_a_direct_message_is_streamed_and_shown_whole(slack: Slack) -> None:
    text = of_length(25_000)
    steps = [step for at in range(0, len(text), 250) for step in (Pause(0.04), text[at : at + 250])]
    async with way(slack, steps, starts_per_minute=600) as the:
        slack.ask("Tell me everything.", channel=slack.dm())
        (row,) = await the.rows(1)
    assert row.end is not None
    assert (row.end.outcome, row.end.verdict) == ("complete", "verified"), row.end.receipt
    messages = stands(slack)
    assert len(messages) == len(streams(slack)) == 3
    shown = "".join(read(message.now.blocks).text for message in messages)
    # A code block's white space counts, but for that at its ends.
    assert "".join(shown.split()) == "".join(form(text).split())
    assert len(slack.called("chat.appendStream")) >= 20
    last = slack.called("chat.stopStream")[-1].args
    assert [button["action_id"] for button in last["blocks"][-1]["elements"]] == [
        f"everytoken_{control}" for control in (Control.UP, Control.DOWN)
    ]


@pytest.mark.parametrize("place", ["dm", "channel"])
async def test_an_answer_grows_by_appends_alone(slack: Slack, place: str) -> None:
    channel = {"channel": slack.dm()} if place == "dm" else {}
    async with way(slack, STORY, streaming="native") as the:
        slack.ask("A story?", **channel)
        await told(the)
    assert slack.called("chat.update") == slack.called("chat.postMessage") == []
    (start,) = slack.called("chat.startStream")
    assert start.args["recipient_user_id"] == ALICE
    assert start.args["recipient_team_id"] == slack.workspace.id
    (message,) = streams(slack)
    assert message.now.metadata is not None


FAULTS: list[Any] = [
    pytest.param("chat.startStream", [Reset(after=True)], id="start lost"),
    pytest.param("chat.startStream", [Reset()], id="start never came"),
    pytest.param("chat.startStream", [Broken(after=True)], id="start answered with an error"),
    pytest.param("chat.startStream", [TooMany(1)], id="start limited"),
    pytest.param("chat.startStream", [Says("channel_type_not_supported")], id="start refused"),
    pytest.param("chat.startStream", [Says("missing_scope", {"needed": "x"})], id="no scope"),
    pytest.param("chat.startStream", [Says("unknown_method")], id="no such method"),
    pytest.param("chat.appendStream", [Reset(after=True)], id="append lost"),
    pytest.param("chat.appendStream", [Reset()], id="append never came"),
    pytest.param("chat.appendStream", [Broken()], id="append broken"),
    pytest.param("chat.appendStream", [TooMany(1)], id="append limited"),
    pytest.param("chat.appendStream", [Says("msg_too_long")], id="append too long"),
    pytest.param("chat.appendStream", [Says("streaming_mode_mismatch")], id="append refused"),
    pytest.param("chat.stopStream", [Reset(after=True)], id="stop lost"),
    pytest.param("chat.stopStream", [Reset()], id="stop never came"),
    pytest.param("chat.stopStream", [TooMany(1), TooMany(1)], id="stop limited"),
    pytest.param("chat.stopStream", [Says("invalid_blocks")] * 2, id="stop refused"),
]


@pytest.mark.parametrize(("method", "faults"), FAULTS)
async def test_whatever_fails_the_answer_is_whole_and_nothing_is_doubled(
    slack: Slack, method: str, faults: list[Any]
) -> None:
    slack.fault(method, *faults)
    async with way(slack, STORY) as the:
        slack.ask("A story?", channel=slack.dm())
        await told(the)


async def test_when_every_other_call_of_a_stream_is_lost_the_answer_is_whole(
    slack: Slack,
) -> None:
    def lost(call: Call) -> Reset | None:
        return Reset(after=True) if "Stream" in call.method and call.number % 2 else None

    slack.fault_by(lost)
    async with way(slack, STORY) as the:
        slack.ask("A story?", channel=slack.dm())
        await told(the)


async def test_a_stream_that_dies_under_the_answer_goes_on_by_edits() -> None:
    mortal = slack_server(limits=Limits().unmetered(), stream_life=0.4)
    async with mortal as slack, way(slack, STORY) as the:
        slack.ask("A story?", channel=slack.dm())
        await told(the)
    assert len(slack.called("chat.update")) >= 1


async def test_answers_to_many_keep_to_every_rate_of_slacks() -> None:
    scripts = [["Once upon ", *[f"{n} ", Pause(0.1)] * 20, "the end."] for n in range(8)]
    async with slack_server() as slack, slack_way(slack, *scripts) as the:
        for number in range(8):
            user = (ALICE, BOB)[number % 2]
            slack.ask(f"Story {number}?", channel=slack.dm(user), user=user)
        assert await the.verdicts(8) == ["verified"] * 8
    assert len(stands(slack)) == len(streams(slack)) == 8
    assert slack.rate_limited == []


async def test_what_a_process_that_died_was_streaming_can_be_ended(
    slack: Slack, api: Api, writer: SlackWriter
) -> None:
    asked = slack.say("A story?", channel=slack.dm())
    place = Place("slack", slack.workspace.id, slack.dm(), asked.ts)
    left = await api.call(
        place.workspace,
        "chat.startStream",
        channel=place.channel,
        thread_ts=place.thread,
        markdown_text="Once upon ",
    )
    assert slack.writing() != []
    part = Part(None, 0, AnswerText("Once upon\n\n_Interrupted._"), last=True)
    shown = await writer.edit(MessageRef(place, left["ts"]), part)
    assert shown.text == form(part.text)
    assert slack.writing() == []
