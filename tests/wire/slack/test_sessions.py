"""What Slack shows of the bot at work, and that no session is left looking at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.intake import Access, IntakeOptions
from connectors.base import Place, Status
from connectors.slack.api import Api
from connectors.slack.sessions import SET_STATUS, SET_WORDS, AgentSessions
from providers.base import Disconnected, Filtered
from providers.scripted import Fail, Hang, Pause
from tests.doubles.slack import GENERAL, Broken, Says, Slack, sample
from tests.doubles.slack.faults import TooMany
from tests.doubles.slack_way import LIVELY, slack_way
from tests.doubles.waiting import until, within

pytestmark = pytest.mark.real_time


@pytest.fixture(params=["both", "sessions", "words", "neither"])
def knowing(slack: Slack, request: pytest.FixtureRequest) -> str:
    """A workspace that knows agent sessions, the older words, both or none."""
    platform = slack.board.platform
    platform.knows_sessions = request.param in ("both", "sessions")
    platform.knows_assistants = request.param in ("both", "words")
    return str(request.param)


@pytest.fixture
async def thread(slack: Slack) -> Place:
    """A thread of the channel that everybody is in."""
    return Place("slack", slack.workspace.id, GENERAL, slack.say("Hello").ts)


@pytest.fixture
async def sessions(api: Api) -> AsyncIterator[AgentSessions]:
    """The sessions of that workspace."""
    opened = AgentSessions(api)
    yield opened
    await opened.aclose()


def states(slack: Slack) -> list[str]:
    """What sessions were set to, in order."""
    return [str(call.args["status"]) for call in slack.called(SET_STATUS)]


def way(slack: Slack, *scripts: Any, **options: Any) -> Any:
    """The whole way at a lively pace."""
    return slack_way(slack, *scripts, **{**LIVELY, **options})


async def test_a_thread_is_at_work_until_its_answer_ends_and_says_so_in_words_too(
    slack: Slack, sessions: AgentSessions, thread: Place
) -> None:
    for status in (Status.THINKING, Status.THINKING, Status.WRITING, Status.IDLE):
        await sessions.show(thread, status)
    assert states(slack) == ["processing", "active"]
    assert slack.statuses == ["is thinking…", "is thinking…", "", ""]


async def test_what_waits_in_a_queue_has_words_and_no_session(
    slack: Slack, sessions: AgentSessions, thread: Place
) -> None:
    await sessions.show(thread, Status.QUEUED)
    assert states(slack) == []
    assert "is busy" in slack.statuses[0]


async def test_outside_of_threads_nothing_is_shown(slack: Slack, sessions: AgentSessions) -> None:
    await sessions.show(Place("slack", slack.workspace.id, slack.dm()), Status.THINKING)
    assert slack.calls == []


async def test_what_a_workspace_does_not_take_is_tried_once(
    slack: Slack, sessions: AgentSessions, thread: Place, knowing: str
) -> None:
    for status in (Status.THINKING, Status.IDLE) * 3:
        await sessions.show(thread, status)
    assert len(states(slack)) == (6 if knowing in ("both", "sessions") else 1)
    assert len(slack.called(SET_WORDS)) == (6 if knowing in ("both", "words") else 1)


async def test_a_refusal_of_one_thread_says_nothing_of_its_workspace(
    slack: Slack, sessions: AgentSessions, thread: Place
) -> None:
    gone = Place("slack", slack.workspace.id, GENERAL, "1.000001")
    await sessions.show(gone, Status.THINKING)
    await sessions.show(thread, Status.THINKING)
    assert slack.processing == [(GENERAL, thread.thread)]


@pytest.mark.parametrize("fault", [Broken(), TooMany(1), Says("internal_error")])
async def test_an_end_that_slack_does_not_take_is_tried_until_it_does(
    slack: Slack, sessions: AgentSessions, thread: Place, fault: Any
) -> None:
    await sessions.show(thread, Status.THINKING)
    slack.fault(SET_STATUS, fault)
    async with asyncio.timeout(10):
        await sessions.show(thread, Status.IDLE)
    assert slack.processing == []


async def test_an_end_is_still_told_while_the_connector_closes(
    slack: Slack, api: Api, thread: Place
) -> None:
    sessions = AgentSessions(api)
    await sessions.show(thread, Status.THINKING)
    slack.fault(SET_STATUS, Broken())
    sessions.end(thread)
    await sessions.aclose()
    assert slack.processing == []


@pytest.mark.parametrize("streaming", ["edit", "auto"])
async def test_no_ending_leaves_a_session_at_work(
    slack: Slack, knowing: str, streaming: str
) -> None:
    """Complete, failed before and in the answer, refused, filtered; in a channel and directly."""
    scripts: list[Any] = [
        ["One ", Pause(0.2), "two."], ["Half", Fail(Disconnected("cut"))],
        [Fail(Disconnected("cut"))], [Fail(Filtered("no"))], ["Five."], ["Six."],
    ]  # fmt: skip
    async with way(slack, *scripts, streaming=streaming) as the:
        for number in range(4):
            slack.ask(f"{number}?")
            await the.rows(number + 1)
        for number in range(4, 6):
            slack.ask(f"{number}?", channel=slack.dm())
            await the.rows(number + 1)
        await the.settled()
        await the.until(lambda: slack.processing == [])
    if knowing in ("both", "sessions"):
        assert len(slack.board.platform.sessions) >= 4


async def test_slacks_own_stop_stops_the_answer_and_ends_the_session_within_a_second(
    slack: Slack,
) -> None:
    async with way(slack, ["For ever", Hang()]) as the:
        asked = slack.ask("Go on?")
        await the.until(lambda: slack.processing)
        await the.until(slack.writing)
        stop = sample("message")
        stop["event"] = {
            "type": "agent_session_stopped", "user": "U0ALICE001", "channel": GENERAL,
            "thread_ts": asked.ts, "event_ts": "9.5", "streaming_message_ts": [],
        }  # fmt: skip
        (delivery,) = slack.board.events.send("events_api", stop)
        assert await delivery.settled()
        await within(100, lambda: not slack.processing)
        (row,) = await the.rows(1)
        assert row.end is not None
        assert row.end.outcome == "stopped"
        await the.settled()
    assert slack.processing == []


async def test_slacks_own_stop_ends_a_session_that_nobody_is_at_work_in_any_more(
    slack: Slack,
) -> None:
    async with way(slack):
        asked = slack.ask("Hello", user="U0BOB00001")
        slack.board.platform.set_session(GENERAL, asked.ts, "processing")
        stop = sample("message")
        stop["event"] = {
            "type": "agent_session_stopped", "user": "U0ALICE001", "channel": GENERAL,
            "thread_ts": asked.ts, "event_ts": "9.5", "streaming_message_ts": [],
        }  # fmt: skip
        slack.board.events.send("events_api", stop)
        await until(lambda: not slack.processing)


async def test_who_is_not_answered_begins_no_session(slack: Slack) -> None:
    nobody = IntakeOptions(access=Access(allow_people=frozenset()), max_question_chars=3)
    async with way(slack, intake=nobody) as the:
        asked = slack.ask("Too long a question")
        assert await asked.acknowledged()
        await the.settled()
    assert states(slack) == []


async def test_the_last_stream_of_an_answer_ends_its_session_with_it(slack: Slack) -> None:
    async with way(slack, ["One ", Pause(0.3), "two."], streaming="auto") as the:
        slack.ask("Why?", channel=slack.dm())
        await the.rows(1)
    (stop,) = slack.called("chat.stopStream")
    assert stop.args["session_status"] == "active"


async def test_an_app_that_hears_nothing_of_slacks_stop_is_told_what_to_subscribe_to(
    slack: Slack, sessions: AgentSessions, thread: Place, caplog: pytest.LogCaptureFixture
) -> None:
    slack.board.platform.hears_stops = False
    await sessions.show(thread, Status.THINKING)
    await sessions.show(thread, Status.IDLE)
    warnings = [record.message for record in caplog.records if "agent_session" in record.message]
    assert len(warnings) == 1
