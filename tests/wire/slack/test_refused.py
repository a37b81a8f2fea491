"""What a reader sees on Slack where Slack says no: all of it, or a word about it."""

from __future__ import annotations

from typing import Any

import pytest

from providers.scripted import Pause
from tests.doubles.slack import GENERAL, Call, Message, Slack
from tests.doubles.slack.faults import Says
from tests.doubles.slack_way import LIVELY, Way, slack_way

pytestmark = pytest.mark.real_time

SECTION = "## Heading {n}\n\nA sentence below it, some words long.\n\n---\n\n"
SECTIONS = "".join(SECTION.format(n=n) for n in range(17))
HEADER = "| name | value |\n|---|---|\n"
LONG = HEADER + "".join(f"| row{n} | {n} |\n" for n in range(130))
WIDE = "|".join(f" c{n} " for n in range(24)) + "\n" + "|".join("---" for _ in range(24)) + "\n"
WIDE += "|".join(f" v{n} " for n in range(24)) + "\n"
CUT = "The rest of the answer can't be shown."
WORDS = [*([f"Some words of part {n}. ", Pause(0.2)] for n in range(5))]
SCRIPT = [*(step for pair in WORDS for step in pair), "The end."]


def way(slack: Slack, *scripts: Any, **options: Any) -> Any:
    return slack_way(slack, *scripts, **{**LIVELY, **options})


def content(call: Call) -> str:
    """What a call says, in whatever way."""
    return str(call.args.get("blocks")) + str(call.args.get("markdown_text"))


def words(the: Way) -> str:
    """All that can be read, without white space."""
    return "".join("".join(the.shown).split())


def only(method: str, error: str, count: int, **more: Any) -> Any:
    """A rule: so many calls of a method are refused with an error."""
    left = count

    def rule(call: Call) -> Says | None:
        nonlocal left
        if call.method != method or left <= 0:
            return None
        left -= 1
        return Says(error, more)

    return rule


async def outcome(the: Way) -> tuple[str, str]:
    (row,) = await the.rows(1)
    assert row.end is not None
    return row.end.outcome, str(row.end.verdict)


WHOLE = ("complete", "verified")


@pytest.mark.parametrize("streaming", ["edit", "auto"])
@pytest.mark.parametrize(
    "text", [SECTIONS, SECTIONS * 6, LONG, WIDE, WIDE * 3 + LONG, "---\n\n" * 60 + "The end."]
)
async def test_what_is_too_much_for_one_message_is_readable_in_several(
    slack: Slack, text: str, streaming: str
) -> None:
    async with way(slack, [text], streaming=streaming) as the:
        slack.ask("Go on.", channel=slack.dm() if streaming == "auto" else GENERAL)
        assert (await outcome(the))[0] == "complete"
        shown = words(the)
    for word in text.replace("|", " ").split():
        assert word.strip("#-") in shown
    assert slack.writing() == []


@pytest.mark.parametrize("error", ["msg_too_long", "msg_blocks_too_long", "invalid_blocks", "odd"])
@pytest.mark.parametrize("count", [1, 2])
async def test_an_edit_that_is_refused_leaves_the_rest_for_a_new_message(
    slack: Slack, error: str, count: int
) -> None:
    slack.platform.faults.rule(only("chat.update", error, count))
    async with way(slack, SCRIPT, streaming="edit") as the:
        slack.ask("Why?")
        assert await outcome(the) == WHOLE
        assert all(f"part{n}." in words(the) for n in range(5))
        assert "Theend." in words(the)
    assert len(the.answers) >= 2
    assert slack.writing() == []


@pytest.mark.parametrize("error", ["message_not_found", "thread_not_found"])
async def test_a_message_that_is_said_to_be_gone_and_stands_is_edited_on(
    slack: Slack, error: str
) -> None:
    slack.platform.faults.rule(only("chat.update", error, 1))
    async with way(slack, SCRIPT, streaming="edit") as the:
        slack.ask("Why?")
        assert await outcome(the) == WHOLE
        assert len(the.answers) == 1


@pytest.mark.parametrize(
    "error", ["invalid_blocks", "invalid_blocks_format", "msg_too_long", "odd"]
)
@pytest.mark.parametrize("count", [1, 2])
async def test_a_first_post_that_is_refused_comes_otherwise(
    slack: Slack, error: str, count: int
) -> None:
    text = "".join(f"Some **words** of sentence {n}. " for n in range(400))
    slack.platform.faults.rule(only("chat.postMessage", error, count))
    async with way(slack, [text], streaming="edit") as the:
        slack.ask("Why?")
        assert await outcome(the) == WHOLE
    assert slack.writing() == []


async def test_where_slack_takes_no_markdown_the_answer_is_shown_as_code(slack: Slack) -> None:
    def no_markdown(call: Call) -> Says | None:
        return Says("invalid_blocks") if "'markdown'" in content(call) else None

    slack.platform.faults.rule(no_markdown)
    async with way(slack, ["# Title\n\nSome **words**", Pause(0.3), " and a `word`."]) as the:
        slack.ask("Why?")
        assert await outcome(the) == WHOLE
        assert "**words** and a `word`." in the.shown[0]
    assert slack.writing() == []


@pytest.mark.parametrize("error", ["invalid_blocks", "restricted_action", "is_archived", "odd"])
@pytest.mark.parametrize("alone", ["there", "directly"])
async def test_where_nothing_is_taken_the_asker_is_told_alone(
    slack: Slack, error: str, alone: str
) -> None:
    def refuse(call: Call) -> Says | None:
        to_all = call.method == "chat.postMessage" and call.args.get("thread_ts")
        ephemeral = call.method == "chat.postEphemeral" and alone == "directly"
        return Says(error) if to_all or ephemeral else None

    slack.platform.faults.rule(refuse)
    async with way(slack, SCRIPT, streaming="edit") as the:
        asked = slack.ask("Why?")
        assert (await outcome(the))[0] == "undeliverable"
        told: list[Message] = slack.messages(by_bot=True)
    del asked
    private = [call for call in slack.calls if call.method == "chat.postEphemeral"]
    assert len(private) == 1
    assert [m.now.visible for m in told] == (
        ["The answer to your question can't be shown there: it was refused."]
        if alone == "directly"
        else []
    )
    assert len(slack.called("chat.postMessage")) <= 5


async def test_a_second_message_that_is_refused_leaves_one_note_and_retry_on_the_first(
    slack: Slack,
) -> None:
    slack.platform.faults.add("chat.postMessage", None)
    slack.platform.faults.rule(only("chat.postMessage", "restricted_action", 1000))
    async with way(slack, [SECTIONS, Pause(0.5), SECTIONS * 4], streaming="edit") as the:
        slack.ask("Why?")
        assert (await outcome(the))[0] == "undeliverable"
        (answer,) = the.answers
        assert answer.now.visible.count(CUT) == 1
    assert "everytoken_retry" in str(answer.now.blocks)
    assert slack.writing() == []


@pytest.mark.parametrize("method", ["chat.appendStream", "chat.stopStream"])
@pytest.mark.parametrize(
    "error",
    [
        "msg_too_long",
        "message_not_in_streaming_state",
        "message_not_found",
        "invalid_blocks",
        "odd",
    ],
)
@pytest.mark.parametrize("count", [1, 3])
async def test_a_stream_that_slack_refuses_goes_on_otherwise(
    slack: Slack, method: str, error: str, count: int
) -> None:
    slack.platform.faults.rule(only(method, error, count))
    async with way(slack, SCRIPT, streaming="native") as the:
        slack.ask("Why?", channel=slack.dm())
        assert await outcome(the) == WHOLE
        assert all(f"part{n}." in words(the) for n in range(5))
    assert slack.writing() == []
