"""Events by Socket Mode: bolt and its client against a server on loopback."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.base import Asked, Control, Deleted, Edited, Pressed
from connectors.slack import transport
from connectors.slack.people import Recipient
from tests.doubles.slack import (
    ALICE,
    CAROL,
    SHARED,
    Broken,
    Limits,
    Says,
    Slack,
    Slow,
    Upload,
    sample,
    slack_server,
)
from tests.doubles.slack.socket_mode import SocketMode
from tests.doubles.waiting import PATIENCE_S, until
from tests.wire.slack.ears import Ears, ears

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut is found out soon."""
    monkeypatch.setattr(transport, "PING_S", 0.5)


@pytest.fixture
async def hearing(slack: Slack) -> AsyncIterator[Ears]:
    """The inbound side, connected."""
    async with ears(slack) as opened:
        await slack.connected()
        yield opened


@pytest.fixture
async def impatient() -> AsyncIterator[Slack]:
    """A Slack that sends again after a second."""
    async with slack_server(limits=Limits().unmetered(), ack_seconds=1.0) as server:
        yield server


async def test_a_question_is_acknowledged_only_once_the_bot_has_it(
    slack: Slack, hearing: Ears
) -> None:
    asked = slack.ask("What is 2 < 3?", channel=slack.dm())
    incoming = await hearing.next()
    await asyncio.sleep(0.05)
    assert asked.deliveries[0].attempts[0].delay is None
    incoming.accept()
    assert await asked.settled()
    assert isinstance(incoming.event, Asked)
    assert incoming.event.text == "What is 2 < 3?"
    assert incoming.event.person.name == "Alice"


async def test_a_refused_question_is_not_acknowledged_and_comes_again(impatient: Slack) -> None:
    async with ears(impatient) as hearing:
        asked = impatient.ask("Hello", channel=impatient.dm())
        (await hearing.next()).refuse()
        (await hearing.next()).accept()
        assert not await asked.settled()
        assert await asked.acknowledged()
        assert hearing.heard[0] == hearing.heard[1]


async def test_an_event_that_comes_three_times_is_one_question(impatient: Slack) -> None:
    async with ears(impatient) as hearing:
        asked = impatient.ask("Hello", channel=impatient.dm())
        first, second, third = [await hearing.next() for _ in range(3)]
        third.accept()
        assert await asked.acknowledged()
        assert first.event == second.event == third.event
        first.accept()
        second.accept()


async def test_an_event_that_comes_on_each_of_two_connections_is_one_question(
    slack: Slack, hearing: Ears
) -> None:
    async with ears(slack) as other:
        await slack.connected(2)
        asked = slack.ask("Hello", to_all=True)
        events = [await each.accept() for each in (hearing, hearing, other, other)]
        assert await asked.settled()
        assert len({event.message for event in events}) == 1


async def test_a_mention_and_its_message_are_one_question(slack: Slack, hearing: Ears) -> None:
    asked = slack.ask("Hello")
    first, second = await hearing.accept(), await hearing.accept()
    assert await asked.settled()
    assert first == second


async def test_what_nobody_handles_is_acknowledged_at_once(slack: Slack, hearing: Ears) -> None:
    events = slack.board.events
    unknown = sample("message") | {"event": {"type": "reaction_added"}}
    deliveries = [
        *slack.say("Good morning").deliveries,
        *slack.join().deliveries,
        *events.send("events_api", unknown),
        *events.send("interactive", {"type": "something_new"}),
        *events.send("interactive", sample("message_action")),
        *events.send("interactive", sample("block_actions")),
        *events.send("interactive", sample("view_submission")),
    ]
    assert all(await asyncio.gather(*(each.settled() for each in deliveries)))
    assert max(each.attempts[0].delay or 9 for each in deliveries) < 1
    assert hearing.heard == []


async def test_our_own_messages_and_edits_are_no_events_but_their_deletion_is(
    slack: Slack, hearing: Ears
) -> None:
    team, channel = slack.workspace.id, slack.dm()
    posted = await hearing.api.call(team, "chat.postMessage", channel=channel, text="One")
    ref = {"channel": channel, "ts": posted["ts"]}
    await hearing.api.call(team, "chat.update", **ref, text="One, two")
    slack.delete(posted["ts"])
    event = await hearing.accept()
    assert isinstance(event, Deleted)
    assert event.message.id == posted["ts"]
    assert hearing.heard == [event]


async def test_questions_come_in_the_order_in_which_they_were_asked(
    slack: Slack, hearing: Ears
) -> None:
    slack.fault("users.info", Slow(0.2))
    slack.say(f"What does <@{CAROL}> say?", channel=slack.dm())
    for number in range(5):
        slack.say(f"Question {number}", channel=slack.dm())
    events = [await hearing.accept() for _ in range(6)]
    texts = [event.text for event in events if isinstance(event, Asked)]
    assert texts == ["What does @Carol say?", *(f"Question {number}" for number in range(5))]


async def test_a_question_whose_names_can_not_be_had_comes_with_ids(
    slack: Slack, hearing: Ears
) -> None:
    slack.fault("users.info", Says("user_not_found"), Broken())
    asked = slack.say(f"What does <@{CAROL}> say?", channel=slack.dm())
    event = await hearing.accept()
    assert isinstance(event, Asked)
    assert event.text == f"What does @{CAROL} say?"
    assert event.person.name == ALICE
    assert await asked.settled()


async def test_a_question_is_not_lost_while_slack_does_not_say_who_the_bot_is(
    impatient: Slack,
) -> None:
    impatient.fault("auth.test", Broken())
    async with ears(impatient) as hearing:
        asked = impatient.ask("Hello", channel=impatient.dm())
        assert isinstance(await hearing.accept(), Asked)
        assert await asked.acknowledged()


async def test_an_event_of_a_workspace_that_is_not_ours_is_dropped(
    slack: Slack, hearing: Ears
) -> None:
    slack.fault("auth.test", Says("invalid_auth"))
    assert await slack.say("Hello", channel=slack.dm()).settled()
    assert hearing.heard == []


async def test_who_asks_is_known_before_the_answer_begins(slack: Slack, hearing: Ears) -> None:
    slack.ask("Hello", channel=SHARED, user=CAROL)
    event = await hearing.accept()
    assert await hearing.accept() == event
    assert isinstance(event, Asked)
    assert event.person.external
    assert event.person.name == "Carol"
    carol = Recipient(CAROL, "T0PARTNER1", "T0PARTNER1")
    assert hearing.recipients.get(event.message.place) == carol


async def test_a_question_with_a_file_an_edit_and_a_press_come_as_events(
    slack: Slack, hearing: Ears
) -> None:
    channel = slack.dm()
    asked = slack.say("Read this", channel=channel, files=[Upload("a.txt", b"12345")])
    question = await hearing.accept()
    slack.edit(asked.ts, "Read this, please")
    edit = await hearing.accept()
    assert isinstance(question, Asked)
    assert isinstance(edit, Edited)
    assert [file.size for file in question.files] == [5]
    assert (edit.message, edit.text) == (question.message, "Read this, please")

    button = {
        "type": "button",
        "action_id": "everytoken_stop",
        "text": {"type": "plain_text", "text": "Stop"},
    }
    button["value"] = "00000000-0000-4000-8000-000000000001"
    posted = await hearing.api.call(
        slack.workspace.id,
        "chat.postMessage",
        channel=channel,
        thread_ts=asked.ts,
        text="…",
        blocks=[{"type": "actions", "elements": [button]}],
    )
    slack.press(posted["ts"], "everytoken_stop")
    press = await hearing.accept()
    assert isinstance(press, Pressed)
    assert press.control is Control.STOP
    assert press.message.place == question.message.place


# Connections.


async def test_events_that_come_while_the_socket_is_cut_come_once_it_is_back(
    slack: Slack, hearing: Ears
) -> None:
    slack.drop_sockets()
    asked = slack.ask("Are you there?", channel=slack.dm())
    event = await hearing.accept()
    assert isinstance(event, Asked)
    assert await asked.settled()
    assert slack.sockets.opened == 2


async def test_a_question_that_was_under_way_when_the_socket_was_cut_comes_again(
    slack: Slack, hearing: Ears
) -> None:
    asked = slack.ask("Hello", channel=slack.dm())
    first = await hearing.next()
    slack.drop_sockets()
    again = await hearing.next()
    first.accept()
    again.accept()
    assert first.event == again.event
    assert await asked.acknowledged()


async def test_slack_may_ask_for_a_new_connection_at_any_time(slack: Slack, hearing: Ears) -> None:
    for number in range(3):
        await slack.disconnect("refresh_requested")
        slack.ask(f"Question {number}", channel=slack.dm())
        event = await hearing.accept()
        assert isinstance(event, Asked)
        assert event.text == f"Question {number}"
    assert slack.sockets.opened == 4


async def test_the_state_of_the_connection_is_known(slack: Slack) -> None:
    async with ears(slack) as hearing:
        assert not hearing.inbound.connected
        await slack.connected()
        await until(lambda: hearing.inbound.connected)
        await hearing.inbound.aclose()
        assert not hearing.inbound.connected


async def test_a_connection_is_tried_until_slack_gives_one(slack: Slack) -> None:
    slack.fault("apps.connections.open", Broken(), Says("internal_error"))
    async with ears(slack) as hearing:
        await slack.connected()
        slack.ask("Hello", channel=slack.dm())
        assert isinstance(await hearing.accept(), Asked)


async def test_nothing_connects_before_somebody_listens(slack: Slack) -> None:
    async with ears(slack):
        pass
    assert slack.called("apps.connections.open") == []


async def test_closing_waits_for_an_event_that_is_being_settled(slack: Slack) -> None:
    async with ears(slack) as hearing:
        asked = slack.ask("Hello", channel=slack.dm())
        incoming = await hearing.next()
        closing = asyncio.create_task(hearing.inbound.aclose())
        await asyncio.sleep(0)
        incoming.accept()
        await closing
        assert await asked.settled()


async def test_closing_does_not_wait_for_ever_and_leaves_nothing_behind(slack: Slack) -> None:
    before = asyncio.all_tasks()
    async with ears(slack) as hearing:
        slack.ask("Hello", channel=slack.dm())
        await hearing.next()
        async with asyncio.timeout(PATIENCE_S):
            await hearing.inbound.aclose()
    left = {task for task in asyncio.all_tasks() - before if "tests/doubles" not in repr(task)}
    assert left == set()


# Payloads that nobody would send.


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({}, id="empty"),
        pytest.param({"type": "event_callback"}, id="no event"),
        pytest.param({"type": "event_callback", "event": None}, id="null"),
        pytest.param({"type": "event_callback", "event": "message"}, id="a text"),
        pytest.param({"type": "event_callback", "event": {"type": ["message"]}}, id="a list"),
        pytest.param({"type": ["event_callback"]}, id="no type"),
        pytest.param(
            {"type": "event_callback", "authorizations": "x", "event": {}}, id="bolt's own"
        ),
        pytest.param({"type": "block_actions", "actions": []}, id="no action"),
        pytest.param(
            {"type": "view_submission", "view": {"callback_id": "everytoken_question"}}, id="view"
        ),
        pytest.param({"command": "/everytoken"}, id="a command of nobody"),
        pytest.param({"team": 5, "user": [], "channel": 1.5, "view": {}}, id="numbers"),
        pytest.param(sample("message") | {"team_id": {"a": 1}, "authorizations": []}, id="team"),
    ],
)
async def test_a_payload_of_any_shape_is_acknowledged_once_and_ends_nothing(
    slack: Slack, hearing: Ears, payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    (delivery,) = slack.board.events.send("events_api", payload)
    assert await delivery.settled()
    slack.ask("Are you there?", channel=slack.dm())
    assert isinstance(await hearing.accept(), Asked)


async def test_a_very_long_question_comes_whole(slack: Slack, hearing: Ears) -> None:
    text = "<b>&</b> " * 40_000
    asked = slack.ask(text, channel=slack.dm())
    event = await hearing.accept()
    assert isinstance(event, Asked)
    assert event.text == text.strip()
    assert await asked.settled()


async def test_workspaces_that_take_the_app_out_are_forgotten(slack: Slack, hearing: Ears) -> None:
    team = slack.workspace.id
    assert await slack.revoke(team).settled()
    assert hearing.installed.forgotten == [team]
    body = sample("tokens_revoked")
    body["event"]["tokens"] = {"oauth": ["U0ALICE001"], "bot": []}
    (delivery,) = slack.board.events.send("events_api", body)
    assert await delivery.settled()
    assert hearing.installed.forgotten == [team]
    assert await slack.uninstall(team).settled()
    assert hearing.installed.forgotten == [team] * 3


async def test_an_address_that_does_not_work_is_given_up_for_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []

    def used_up(mode: SocketMode) -> str:
        address = opening(mode)
        opened.append(address)
        return address if len(opened) > 1 else address.replace("ticket=", "ticket=used-")

    opening = SocketMode.open
    monkeypatch.setattr(SocketMode, "open", used_up)
    monkeypatch.setattr(transport, "ATTEMPT_S", 0.2)
    async with slack_server() as slack, ears(slack) as hearing:
        await slack.connected()
        slack.ask("Hello", channel=slack.dm())
        assert isinstance(await hearing.accept(), Asked)
        assert len(opened) == 2
