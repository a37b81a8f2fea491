"""Slack's place for assistants and agents."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connectors.base import Asked, Commanded
from connectors.slack.options import Prompt
from tests.doubles.slack import ALICE, Says, Slack, sample
from tests.doubles.waiting import until
from tests.wire.slack.ears import Ears, ears

pytestmark = pytest.mark.real_time

PROMPTS = tuple(Prompt(f"Title {number}", f"Question {number}?") for number in range(5))


@pytest.fixture
async def hearing(slack: Slack) -> AsyncIterator[Ears]:
    """The inbound side, connected."""
    async with ears(slack, prompts=PROMPTS, greeting="Hi & welcome!") as opened:
        await slack.connected()
        yield opened


async def test_who_opens_a_thread_is_greeted_and_offered_questions(
    slack: Slack, hearing: Ears
) -> None:
    thread = slack.open_assistant()
    assert await thread.settled()
    await until(lambda: len(slack.messages(by_bot=True)) == 2)
    greeting = slack.messages(by_bot=True)[-1]
    assert (greeting.thread_ts, greeting.now.visible) == (thread.ts, "Hi & welcome!")
    offered = slack.board.platform.prompts[thread.ts]
    assert [each["title"] for each in offered] == [f"Title {number}" for number in range(4)]
    assert offered[0]["message"] == "Question 0?"
    assert hearing.heard == []


async def test_a_change_of_the_context_is_acknowledged(slack: Slack, hearing: Ears) -> None:
    thread = slack.open_assistant()
    assert await slack.view_channel(thread.ts, "C0SHARED01").settled()
    assert hearing.heard == []


async def test_the_first_question_names_the_thread(slack: Slack, hearing: Ears) -> None:
    thread = slack.open_assistant()
    text = "What is the least number of words that name a thread well and fit into a list?"
    slack.say(text, channel=thread.channel, thread_ts=thread.ts)
    event = await hearing.accept()
    assert isinstance(event, Asked)
    assert event.message.place.thread == thread.ts
    await until(lambda: slack.board.platform.titles)
    slack.say("And then?", channel=thread.channel, thread_ts=thread.ts)
    await hearing.accept()
    assert await slack.say("Good morning").settled()
    title = "What is the least number of words that name a thread well…"
    assert slack.board.platform.titles == {thread.ts: title}
    assert len(slack.called("agents.sessions.rename")) == 1


async def test_a_direct_message_that_opens_a_thread_names_it(slack: Slack, hearing: Ears) -> None:
    asked = slack.say("Hello there", channel=slack.dm())
    await hearing.accept()
    await until(lambda: slack.board.platform.titles)
    assert slack.board.platform.titles == {asked.ts: "Hello there"}


async def test_a_question_that_the_bot_does_not_keep_names_nothing(
    slack: Slack, hearing: Ears
) -> None:
    slack.say("Hello there", channel=slack.dm())
    (await hearing.next()).refuse()
    assert await slack.say("Good morning").settled()
    assert slack.called("agents.sessions.rename") == []


async def test_an_app_that_may_not_name_a_thread_tries_each_way_once(
    slack: Slack, hearing: Ears
) -> None:
    slack.board.platform.knows_sessions = False
    slack.fault("assistant.threads.setTitle", Says("missing_scope", {"needed": "assistant:write"}))
    for number in range(3):
        asked = slack.say(f"Question {number}", channel=slack.dm())
        await hearing.accept()
        assert await asked.settled()
        await until(lambda: slack.called("assistant.threads.setTitle"))
    assert len(slack.called("agents.sessions.rename")) == 1
    assert len(slack.called("assistant.threads.setTitle")) == 1


async def test_no_thread_is_named_where_direct_messages_have_none(slack: Slack) -> None:
    async with ears(slack, streaming="edit") as hearing:
        asked = slack.say("Hello there", channel=slack.dm())
        await hearing.accept()
        assert await asked.settled()
    assert slack.called("agents.sessions.rename") == []


async def test_a_greeting_that_fails_costs_nothing_else(slack: Slack, hearing: Ears) -> None:
    slack.fault("assistant.threads.setSuggestedPrompts", Says("internal_error"))
    thread = slack.open_assistant()
    assert await thread.settled()
    slack.say("Hello", channel=thread.channel, thread_ts=thread.ts)
    assert isinstance(await hearing.accept(), Asked)


async def test_who_opens_the_messages_with_the_agent_is_offered_questions(
    slack: Slack, hearing: Ears
) -> None:
    for tab in ("home", "messages"):
        body = sample("message")
        body["event"] = {
            "type": "app_home_opened",
            "tab": tab,
            "user": ALICE,
            "channel": slack.dm(),
        }
        (delivery,) = slack.board.events.send("events_api", body)
        assert await delivery.settled()
    await until(lambda: slack.called("assistant.threads.setSuggestedPrompts"))
    (call,) = slack.called("assistant.threads.setSuggestedPrompts")
    assert call.args["channel_id"] == slack.dm()
    assert "thread_ts" not in call.args
    assert hearing.heard == []


async def test_nothing_is_offered_where_there_is_nothing_to_offer(slack: Slack) -> None:
    async with ears(slack, greeting="") as hearing:
        assert await slack.open_assistant().settled()
        assert await slack.say("Good morning").settled()
        assert hearing.heard == []
    assert slack.called("assistant.threads.setSuggestedPrompts") == []
    assert slack.called("chat.postMessage") == []


async def test_slacks_own_stop_button_is_a_command_to_stop(slack: Slack, hearing: Ears) -> None:
    body = sample("message")
    stop = {"type": "agent_session_stopped", "user": ALICE, "channel": slack.dm()}
    body["event"] = stop | {"thread_ts": "1.5", "event_ts": "2.5", "streaming_message_ts": []}
    (delivery,) = slack.board.events.send("events_api", body)
    event = await hearing.accept()
    assert isinstance(event, Commanded)
    assert (event.command, event.message.place.thread) == ("stop", "1.5")
    assert await delivery.settled()
