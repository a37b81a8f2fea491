"""The bot on Slack as its people see it: every question answered once, whole, and to its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.intake import IntakeOptions
from bot.runs import RequestOptions, verify
from connectors.base import Control
from providers.base import Disconnected
from providers.scripted import Fail, Hang, Pause, ScriptedProvider
from tests.doubles.said import FORGOTTEN, NOT_ALLOWED, NOT_THEIRS
from tests.doubles.slack import BOB, CAROL, SHARED, Slack, Upload
from tests.doubles.slack.faults import TooMany
from tests.doubles.slack_way import LIVELY, Way, slack_way
from tests.doubles.texts import everything
from tests.doubles.transcriber import ScriptedTranscriber
from tests.doubles.waiting import PATIENCE_S

pytestmark = pytest.mark.real_time


def way(slack: Slack, *scripts: Any, **options: Any) -> Any:
    """The whole way at a lively pace."""
    return slack_way(slack, *scripts, **{**LIVELY, **options})


ONE = ["The answer ", Pause(0.3), "is **one**", Pause(0.3), "."]
TWO = ["And now ", Pause(0.3), "`two`."]


@pytest.mark.parametrize("by_http", [False, True], ids=["socket", "http"])
@pytest.mark.parametrize("streaming", ["edit", "auto"])
async def test_a_mention_a_dm_a_follow_up_and_a_command_are_answered_and_verified(
    slack: Slack, by_http: bool, streaming: str
) -> None:
    scripts = ONE, TWO, ["Three."], ["Four."]
    async with way(slack, *scripts, by_http=by_http, streaming=streaming) as the:
        asked = slack.ask("What is it?")
        assert await asked.acknowledged()
        await the.rows(1)
        slack.say("And then?", thread_ts=asked.ts)
        await the.rows(2)
        slack.ask("Psst?", channel=slack.dm())
        await the.rows(3)
        slack.command("ask What about it?")
        assert await the.verdicts(4) == ["verified"] * 4
        rows = await the.rows(4)
    assert [row.start.question for row in rows] == [
        "What is it?", "And then?", "Psst?", "What about it?"
    ]  # fmt: skip
    assert "The answer is one." in the.shown
    assert slack.writing() == []
    assert slack.pinged() == []
    texts = [turn.text for turn in the.provider.requests[1].turns]
    assert texts == ["Be brief.", "What is it?", "The answer is **one**.", "And then?"]


async def test_a_receipt_holds_when_the_messages_are_read_back(slack: Slack) -> None:
    async with way(slack, ["# Title\n\n" + "word " * 6000]) as the:
        slack.ask("Long?")
        (row,) = await the.rows(1)
        assert (await verify(row, the.store, the.connector)).verdict == "verified"
    assert len(the.answers) > 2


@pytest.mark.parametrize("streaming", ["edit", "native"])
async def test_sixty_thousand_characters_of_everything_arrive_whole(
    slack: Slack, streaming: str
) -> None:
    text = everything(60_000)
    tokens = [text[at : at + 40] for at in range(0, len(text), 40)]
    async with way(slack, tokens, streaming=streaming) as the:
        slack.ask("Everything?")
        (row,) = await the.rows(1)
    assert row.end is not None
    assert row.end.generated_text == text
    assert (row.end.outcome, row.end.verdict) == ("complete", "verified"), row.end.receipt
    assert len(the.answers) >= 6
    assert slack.writing() == []


async def test_an_event_that_comes_three_times_on_two_connections_is_answered_once(
    slack: Slack,
) -> None:
    async with way(slack, ONE) as the, slack_way(slack, ONE, store=the.store, **LIVELY) as other:
        await slack.connected(2)
        asked = slack.ask("Once?", to_all=True)
        assert await asked.acknowledged()
        await the.rows(1)
        await the.settled()
        await other.settled()
    assert len(the.answers) == 1
    assert len(the.provider.requests) + len(other.provider.requests) == 1


async def _stop_by_button(the: Way, _asked: str) -> None:
    the.slack.press(the.answers[0].ts, Control.STOP)


async def _stop_by_deleting_the_answer(the: Way, _asked: str) -> None:
    the.slack.delete(the.answers[0].ts)


async def _stop_by_deleting_the_question(the: Way, asked: str) -> None:
    the.slack.delete(asked)


@pytest.mark.parametrize(
    "stop", [_stop_by_button, _stop_by_deleting_the_answer, _stop_by_deleting_the_question]
)
async def test_a_stop_closes_the_models_stream(slack: Slack, stop: Any) -> None:
    async with way(slack, ["For ever", Hang()]) as the:
        asked = slack.ask("Go on?")
        await the.until(lambda: the.answers)
        await stop(the, asked.ts)
        await the.until(lambda: the.provider.cancelled)
        (row,) = await the.rows(1)
    assert row.end is not None
    assert row.end.outcome == "stopped"
    assert slack.writing() == []


async def test_slacks_own_stop_of_a_stream_is_a_stop(slack: Slack) -> None:
    script = ["For ever ", Pause(0.5), *["and on ", Pause(0.2)] * 100]
    async with way(slack, script, streaming="auto") as the:
        slack.ask("Go on?", channel=slack.dm())
        await the.until(lambda: the.answers)
        slack.stop_stream(the.answers[0].ts)
        (row,) = await the.rows(1)
    assert row.end is not None
    assert (row.end.outcome, row.end.verdict) == ("stopped", "verified")
    assert slack.writing() == []


async def test_a_dropped_socket_costs_neither_the_answer_nor_what_is_asked_meanwhile(
    slack: Slack,
) -> None:
    async with way(slack, ["Slow", Pause(1.0), " answer."], ["Meanwhile."]) as the:
        slack.ask("One?")
        await the.until(lambda: the.answers)
        slack.drop_sockets()
        slack.ask("Two?")
        assert await the.verdicts(2) == ["verified"] * 2
    assert sorted(the.shown) == ["Meanwhile.", "Slow answer."]


async def test_a_question_that_is_changed_is_answered_anew(slack: Slack) -> None:
    async with way(slack, ["Old", Hang()], ["New."]) as the:
        asked = slack.ask("Old?")
        await the.until(lambda: the.answers)
        slack.edit(asked.ts, f"{slack.mention} New?")
        rows = await the.rows(2)
    assert [row.start.question for row in rows] == ["Old?", "New?"]
    assert "New." in the.shown
    assert slack.writing() == []


async def test_retry_continue_and_thumbs_work_and_others_are_told_that_they_may_not(
    slack: Slack,
) -> None:
    scripts = ["Half", Fail(Disconnected("gone"))], ["Whole."]
    async with way(slack, *scripts) as the:
        slack.ask("Why?")
        await the.rows(1)
        slack.press(the.answers[0].ts, Control.RETRY, user=BOB)
        await the.until(lambda: slack.messages(by_bot=True, ephemeral=True))
        assert NOT_THEIRS in slack.messages(by_bot=True, ephemeral=True)[0].now.visible
        slack.press(the.answers[0].ts, Control.RETRY)
        rows = await the.rows(2)
        slack.press(the.answers[-1].ts, Control.UP, user=BOB)
        await the.settled()
        async with asyncio.timeout(PATIENCE_S):
            while not (thumbs := await the.store.feedback.read(rows[1].run_id)):  # noqa: ASYNC110 - asked of a database
                await asyncio.sleep(0.01)
        assert thumbs == {f"{slack.workspace.id}/{BOB}": 1}
    assert the.shown[-1].startswith("Whole.")


async def test_a_guest_of_another_organisation_is_told_alone(slack: Slack) -> None:
    async with way(slack) as the:
        slack.ask("May I?", channel=SHARED, user=CAROL)
        await the.until(lambda: slack.messages(by_bot=True, ephemeral=True))
    (told,) = slack.messages(by_bot=True, ephemeral=True)
    assert (told.to, told.now.visible) == (CAROL, NOT_ALLOWED)
    assert the.answers == []


async def test_a_guest_can_be_allowed(slack: Slack) -> None:
    from bot.intake import Access

    allowed = IntakeOptions(access=Access(allow_external=True))
    async with way(slack, ["Yes."], intake=allowed) as the:
        slack.ask("May I?", channel=SHARED, user=CAROL)
        assert await the.verdicts(1) == ["verified"]


async def test_the_commands_new_and_stop_work_where_they_are_typed(slack: Slack) -> None:
    async with way(slack, ["For ever", Hang()]) as the:
        slack.ask("Go on?")
        await the.until(lambda: the.answers)
        assert await slack.command("stop").acknowledged()
        (row,) = await the.rows(1)
        assert row.end is not None
        assert row.end.outcome == "stopped"
        slack.command("new", channel=slack.dm())
        await the.until(
            lambda: (
                FORGOTTEN
                in [m.now.visible for m in slack.messages(ephemeral=True, by_bot=True)] + the.shown
            )
        )


@pytest.mark.parametrize("mention_first", [True, False])
@pytest.mark.parametrize("withheld", [True, False])
async def test_a_file_reaches_the_model_whichever_event_tells_of_it(
    slack: Slack, mention_first: bool, withheld: bool
) -> None:
    """The mention never has it, and of another organisation's the events have its id alone."""
    upload = Upload("notes.txt", b"The word is swordfish.", withheld=withheld)
    async with way(slack, ["Read."]) as the:
        asked = slack.ask("Read this", files=[upload], mention_first=mention_first)
        assert await asked.acknowledged()
        assert await the.verdicts(1) == ["verified"]
        assert the.shown == ["Read."]
        (request,) = the.provider.requests
    assert "swordfish" in request.turns[-1].text


async def test_a_reply_below_the_bots_own_direct_message_has_what_it_replies_to(
    slack: Slack,
) -> None:
    async with way(slack, ["Forty-two."], ["Because."], streaming="edit") as the:
        channel = slack.dm()
        slack.ask("What is it?", channel=channel)
        await the.rows(1)
        answer = slack.messages(by_bot=True)[0]
        slack.ask("Why?", channel=channel, thread_ts=answer.ts)
        await the.rows(2)
        texts = [turn.text for turn in the.provider.requests[1].turns]
    assert texts == ["Be brief.", "What is it?", "Forty-two.", "Why?"]


async def test_where_slack_lets_one_history_a_minute_be_read_the_second_question_has_its_own(
    slack: Slack,
) -> None:
    async with way(slack, ["One."], ["Two."]) as the:
        asked = slack.ask("1")
        await the.rows(1)
        slack.fault("conversations.replies", TooMany(60), TooMany(60))
        slack.say("2", thread_ts=asked.ts)
        assert await the.verdicts(2) == ["verified"] * 2
        texts = [turn.text for turn in the.provider.requests[1].turns]
    assert texts == ["Be brief.", "1", "One.", "2"]
    assert "earlier messages here" in the.shown[1]


async def test_files_of_a_question_reach_the_model(slack: Slack) -> None:
    async with way(slack, ["Read."]) as the:
        slack.ask("What does it do?", files=[Upload("a.py", b"print(1)", "text/x-python")])
        assert await the.verdicts(1) == ["verified"]
    assert 'File "a.py":\n```\nprint(1)\n```' in the.provider.requests[0].turns[-1].text


async def test_a_clip_is_heard_and_its_words_stand_before_the_answer(slack: Slack) -> None:
    listener = ScriptedTranscriber("Why is *the* sky blue?")
    request = RequestOptions("Be brief.", 20, None, transcriber=listener)
    async with way(slack, ["Because."], request=request) as the:
        clip = Upload("audio_message.m4a", b"\0\0\0\x10ftypM4A ", "audio/mp4")
        slack.ask("Tell me:", files=[clip])
        assert await the.verdicts(1) == ["verified"]
        (row,) = await the.rows(1)
        (shown,) = the.shown
        assert shown.replace("\u200b", "") == "Heard: Why is the sky blue?\n\nBecause."
    assert row.start.question == "Tell me:\n\nWhy is *the* sky blue?"
    assert listener.given == [clip.content]


async def test_model_text_notifies_nobody_and_still_says_what_it_says(slack: Slack) -> None:
    text = "Hey <!channel>, <!here>, <@UALICE1>, <!subteam^S1>, @channel and @everyone!"
    async with way(slack, [text]) as the:
        slack.ask("Ping?")
        assert await the.verdicts(1) == ["verified"]
    assert slack.pinged() == []
    shown = the.shown[0].replace("\u200b", "").replace("\u2060", "")
    for word in ("channel", "here", "everyone", "UALICE1"):
        assert word in shown


async def test_a_waiting_question_and_a_quiet_model_show_a_status(slack: Slack) -> None:
    async with way(slack, [Pause(0.3), "One."]) as the:
        slack.ask("Why?")
        await the.rows(1)
        await the.settled()
    assert any("thinking" in status for status in slack.statuses)


async def test_while_the_bot_is_closing_http_is_told_to_come_again(slack: Slack) -> None:
    async with way(slack, by_http=True) as the:
        the.intake.close()
        asked = slack.ask("Now?")
        assert not await asked.settled()
    assert the.answers == []


ENDINGS = [
    ("chat.update", "message_not_found", "complete"),
    ("chat.update", "cant_update_message", "complete"),
    ("chat.update", "msg_too_long", "complete"),
    ("chat.postMessage", "not_in_channel", "undeliverable"),
    ("chat.postMessage", "is_archived", "undeliverable"),
    ("chat.postMessage", "channel_not_found", "undeliverable"),
    ("chat.postMessage", "token_revoked", "undeliverable"),
    ("chat.postMessage", "missing_scope", "undeliverable"),
    ("chat.postMessage", "fatal_error", "complete"),
    ("chat.update", "internal_error", "complete"),
]


@pytest.mark.parametrize(("method", "error", "outcome"), ENDINGS)
async def test_each_error_has_its_ending_and_none_leaves_a_message_writing(
    slack: Slack, method: str, error: str, outcome: str
) -> None:
    from tests.doubles.slack import Says

    forever = outcome == "undeliverable"
    slack.fault(method, *[Says(error)] * (50 if forever else 1))
    script = ["The answer ", Pause(0.5), "goes on ", Pause(0.5), "to its end."]
    async with way(slack, script, streaming="edit") as the:
        slack.ask("Why?")
        (row,) = await the.rows(1)
    assert row.end is not None
    assert row.end.outcome == outcome
    if outcome == "complete":
        assert row.end.verdict == "verified"
        assert slack.writing() == []


async def test_a_post_whose_answer_was_lost_is_not_posted_again(slack: Slack) -> None:
    from tests.doubles.slack import Reset

    slack.fault("chat.postMessage", Reset(after=True))
    async with way(slack, ONE, streaming="edit") as the:
        slack.ask("Why?")
        assert await the.verdicts(1) == ["verified"]
    assert the.shown == ["The answer is one."]


async def test_an_edit_whose_answer_was_lost_is_simply_made_again(slack: Slack) -> None:
    from tests.doubles.slack import Broken, Reset, TooMany

    slack.fault("chat.update", Reset(after=True), Broken(after=True), TooMany(1))
    script: list[Any] = ["One ", Pause(0.3), "two ", Pause(0.3), "three ", Pause(0.3), "four."]
    async with way(slack, provider=ScriptedProvider(script), streaming="edit") as the:
        slack.ask("Why?")
        assert await the.verdicts(1) == ["verified"]
    assert the.shown == ["One two three four."]
