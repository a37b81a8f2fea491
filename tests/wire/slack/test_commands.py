"""The slash command and the message shortcut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from bot.identity import Named
from bot.intake import IntakeOptions
from connectors.base import Asked, Commanded, Person, Place
from connectors.slack import commands, questions
from connectors.slack.content import QUESTION
from connectors.slack.dialect import JOINT
from connectors.slack.people import Recipient
from connectors.words import Sentence, english
from tests.doubles.slack import (
    ALICE,
    BOB,
    CAROL,
    GENERAL,
    SHARED,
    Broken,
    Reset,
    Says,
    Slack,
    Slow,
)
from tests.doubles.slack_way import slack_way
from tests.doubles.waiting import until
from tests.wire.slack.ears import Ears, ears

pytestmark = pytest.mark.real_time

ASK_ABOUT = "everytoken_ask_about"


@pytest.fixture
async def hearing(slack: Slack) -> AsyncIterator[Ears]:
    """The inbound side, connected."""
    async with ears(slack) as opened:
        await slack.connected()
        yield opened


async def asked(hearing: Ears) -> Asked:
    """The next event, which is a question, accepted."""
    event = await hearing.accept()
    assert isinstance(event, Asked)
    return event


# The command.


@pytest.mark.parametrize(
    "text", ["ask What is 2 < 3?", "What is 2 < 3?", "  ASK   What is 2 < 3? "]
)
async def test_a_question_is_posted_for_all_to_see_and_answered_below(
    slack: Slack, hearing: Ears, text: str
) -> None:
    act = slack.command(text)
    event = await asked(hearing)
    assert await act.settled()
    assert not act.response
    anchor = slack.message(event.message.id)
    assert anchor.now.visible == "Alice asks: What is 2 < 3?"
    assert anchor.now.metadata is not None
    assert anchor.now.metadata["event_type"] == QUESTION
    payload = anchor.now.metadata["event_payload"]
    assert (payload["person"], payload["text"]) == (ALICE, "What is 2 < 3?")
    assert event.message.place == Place("slack", slack.workspace.id, GENERAL, anchor.ts)
    assert event.person == Person(ALICE, "Alice", realm="T0EVERY001")
    assert event.text == "What is 2 < 3?"
    assert event.addressed
    recipient = hearing.recipients.get(event.message.place)
    assert recipient == Recipient(ALICE, slack.workspace.id, slack.workspace.id)


async def test_a_question_whose_post_had_its_effect_unheard_is_asked_all_the_same(
    slack: Slack, hearing: Ears
) -> None:
    slack.fault("chat.postMessage", Reset(after=True))
    act = slack.command("Hello")
    event = await asked(hearing)
    assert await act.settled()
    assert not act.response
    assert [said.ts for said in slack.messages(by_bot=True)] == [event.message.id]


async def test_a_question_in_direct_messages_is_answered_there(slack: Slack, hearing: Ears) -> None:
    slack.command("What is 2 < 3?", channel=slack.dm())
    event = await asked(hearing)
    assert event.message.place.channel == slack.dm()
    assert event.message.place.thread == event.message.id


async def test_the_question_that_we_post_is_no_question_itself(slack: Slack, hearing: Ears) -> None:
    slack.command("Hello")
    await asked(hearing)
    assert await slack.say("Good morning").settled()
    assert len(hearing.heard) == 1


async def test_a_question_pings_nobody(slack: Slack, hearing: Ears) -> None:
    slack.command(f"ask <!channel> <@{BOB}> @here <https://example.com|x> & co")
    event = await asked(hearing)
    shown = slack.message(event.message.id).now.visible.replace(JOINT, "")
    assert slack.pinged() == []
    assert shown == "Alice asks: @channel @Bob @here x (https://example.com) & co"
    assert event.text == "@channel @Bob @here x (https://example.com) & co"


async def test_a_long_question_is_shown_in_part_and_asked_whole(
    slack: Slack, hearing: Ears
) -> None:
    text = "word " * 1500
    slack.command(text)
    event = await asked(hearing)
    assert event.text == text.strip()
    assert len(slack.message(event.message.id).now.text) < 4000


async def test_a_question_is_acknowledged_only_once_the_bot_has_it(
    slack: Slack, hearing: Ears
) -> None:
    act = slack.command("Hello")
    incoming = await hearing.next()
    await asyncio.sleep(0.02)
    assert act.deliveries[0].attempts[0].delay is None
    incoming.accept()
    assert await act.settled()


async def test_who_asks_is_told_that_the_bot_could_not_keep_the_question(
    slack: Slack, hearing: Ears
) -> None:
    act = slack.command("Hello")
    incoming = await hearing.next()
    incoming.refuse()
    await hearing.accept()
    assert await act.settled()
    assert act.response == {"response_type": "ephemeral", "text": english(questions.NOT_KEPT)}
    assert isinstance(incoming.event, Asked)
    assert slack.message(incoming.event.message.id).deleted


@pytest.mark.parametrize(
    ("error", "cure"), [("not_in_channel", "/invite"), ("is_archived", "archived")]
)
async def test_who_asks_is_told_why_the_question_could_not_be_posted(
    slack: Slack, hearing: Ears, error: str, cure: str
) -> None:
    slack.fault("chat.postMessage", Says(error))
    act = slack.command("Hello")
    assert await act.settled()
    assert act.response["response_type"] == "ephemeral"
    assert cure in act.response["text"]
    assert hearing.heard == []


async def test_a_post_that_takes_long_keeps_slack_waiting_no_longer_than_it_does(
    slack: Slack, hearing: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "SOON_S", 0.05)
    slack.fault("chat.postMessage", Slow(0.3))
    act = slack.command("Hello")
    assert await act.settled()
    assert hearing.heard == []
    assert (await asked(hearing)).text == "Hello"


async def test_who_asks_hears_of_a_late_failure_too(
    slack: Slack, hearing: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "SOON_S", 0.05)
    slack.command("Hello")
    incoming = await hearing.next()
    await asyncio.sleep(0.1)
    incoming.refuse()
    await hearing.accept()
    await until(lambda: slack.messages(ephemeral=True))
    (told,) = slack.messages(ephemeral=True)
    assert told.to == ALICE
    assert told.now.text == english(questions.NOT_KEPT)


@pytest.mark.usefixtures("hearing")
@pytest.mark.parametrize("text", ["", "help", " HELP "])
async def test_help_is_for_the_asker_alone(slack: Slack, text: str) -> None:
    act = slack.command(text)
    assert await act.settled()
    assert act.response["response_type"] == "ephemeral"
    assert "/everytoken ask" in act.response["text"]
    assert slack.messages() == []


@pytest.mark.usefixtures("hearing")
async def test_ask_without_a_question_says_how_to_ask(slack: Slack) -> None:
    act = slack.command("ask")
    assert await act.settled()
    assert "/everytoken ask" in act.response["text"]
    assert slack.messages() == []


async def test_new_forgets_direct_messages(slack: Slack, hearing: Ears) -> None:
    act = slack.command("new", channel=slack.dm())
    event = await hearing.accept()
    assert isinstance(event, Commanded)
    assert event.command == "new"
    assert event.message.place == Place("slack", slack.workspace.id, slack.dm())
    assert event.person.id == ALICE
    assert await act.settled()
    assert not act.response


async def test_an_admin_turns_tools_off_and_others_are_told_that_they_may_not(
    slack: Slack,
) -> None:
    admins = IntakeOptions(admins=frozenset({Named(ALICE, "slack")}))
    async with slack_way(slack, intake=admins) as way:
        for user, words in ((BOB, "Only an admin"), (ALICE, "Tools are off now")):
            assert await slack.command("tools  Off", user=user).settled()
            await way.settled()
            told = slack.messages(ephemeral=True)[-1]
            assert words in told.now.visible
            assert await way.store.calls.off() == (user == ALICE)
        assert slack.messages(by_bot=True) == []


async def test_new_in_a_channel_says_that_every_mention_starts_afresh(
    slack: Slack, hearing: Ears
) -> None:
    act = slack.command("new")
    assert await act.settled()
    assert act.response == {
        "response_type": "ephemeral",
        "text": english(Sentence("told.memory.slack")),
    }
    assert hearing.heard == []


async def test_stop_stops_what_a_person_asked_there(slack: Slack, hearing: Ears) -> None:
    act = slack.command("stop", user=BOB)
    event = await hearing.accept()
    assert isinstance(event, Commanded)
    assert event.command == "stop"
    assert (event.message.place.channel, event.person.id) == (GENERAL, BOB)
    assert await act.settled()
    assert act.response["text"] == english(Sentence("told.stopped"))


async def test_a_command_that_could_not_be_kept_says_so(slack: Slack, hearing: Ears) -> None:
    act = slack.command("stop")
    (await hearing.next()).refuse()
    assert await act.settled()
    assert act.response["text"] == english(commands.NOT_NOW)


async def test_a_question_that_begins_like_a_command_is_a_question(
    slack: Slack, hearing: Ears
) -> None:
    for text in (
        "new ideas for lunch?", "stop words, what are they?", "asking is allowed?", "Which one?",
        "please stop asking me that, why?", "is it new?", "42",
    ):  # fmt: skip
        slack.command(text)
        assert (await asked(hearing)).text == text


@pytest.mark.parametrize("text", ["ask Which one?", "ask\nWhich one?", "ASK \n\n Which one?"])
async def test_a_question_may_stand_on_the_line_below_ask(
    slack: Slack, hearing: Ears, text: str
) -> None:
    slack.command(text)
    assert (await asked(hearing)).text == "Which one?"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("stop it please", "stop"), ("Stop!", "stop"), ("please STOP answering", "stop"),
        ("stop that now.", "stop"), ("start a new conversation", "new"), ("New chat!", "new"),
        ("help me, please", "help"), ("?", "help"), ("stop words?", None), ("it", None),
    ],
)  # fmt: skip
def test_a_command_is_understood_however_politely_it_is_given(text: str, meant: str | None) -> None:
    assert commands.meant(text) == meant


# The shortcut.


async def opened(slack: Slack, ts: str, user: str = ALICE) -> None:
    """Somebody chose the shortcut, and its modal is open."""
    views = len(slack.board.platform.views)
    assert await slack.shortcut(ts, ASK_ABOUT, user=user).settled()
    await until(lambda: len(slack.board.platform.views) > views)


def filled(text: str | None) -> dict[str, dict[str, dict[str, str | None]]]:
    """The modal with a question in it."""
    return {"question": {"question": {"value": text}}}


async def test_a_question_about_a_message_is_answered_in_its_thread(
    slack: Slack, hearing: Ears
) -> None:
    about = slack.say(f"1 < 2, says <@{CAROL}>.\nOr not?", user=BOB)
    await opened(slack, about.ts)
    sent = slack.submit_view(filled(" Is that so? "))
    event = await asked(hearing)
    assert await sent.settled()
    assert not sent.response
    anchor = slack.message(event.message.id)
    assert anchor.thread_ts == about.ts
    assert anchor.now.visible == "Alice asks: Is that so?"
    assert event.message.place == Place("slack", slack.workspace.id, GENERAL, about.ts)
    assert event.text == "> 1 < 2, says @Carol.\n> Or not?\n\nIs that so?"
    assert event.person == Person(ALICE, "Alice", realm="T0EVERY001")


async def test_a_modal_that_is_sent_off_twice_asks_once(slack: Slack, hearing: Ears) -> None:
    await opened(slack, slack.say("Good morning").ts)
    twice = [slack.submit_view(filled("Is that so?")) for _ in range(2)]
    event = await asked(hearing)
    for sent in twice:
        assert await sent.settled()
        assert not sent.response
    assert hearing.heard == [event]
    assert len(slack.messages(by_bot=True)) == 1


async def test_a_question_about_a_reply_is_answered_in_the_same_thread(
    slack: Slack, hearing: Ears
) -> None:
    root = slack.say("Good morning", user=BOB)
    reply = slack.say("Good evening", user=BOB, thread_ts=root.ts)
    await hearing.accept()
    await opened(slack, reply.ts)
    slack.submit_view(filled("Which?"))
    assert (await asked(hearing)).message.place.thread == root.ts


@pytest.mark.usefixtures("hearing")
async def test_the_modal_remembers_no_more_than_slack_lets_it(slack: Slack) -> None:
    for text in ("x" * 5000, '"\\\n' * 2000, "é😀" * 3000):
        await opened(slack, slack.say(text).ts)
        packed = slack.board.platform.views[-1]["private_metadata"]
        assert 2500 < len(packed) <= 3000
        assert json.loads(packed)[3].endswith("…")


async def test_the_modal_says_why_the_question_could_not_be_posted(
    slack: Slack, hearing: Ears
) -> None:
    await opened(slack, slack.say("Good morning").ts)
    slack.fault("chat.postMessage", Says("not_in_channel"))
    sent = slack.submit_view(filled("Hello?"))
    assert await sent.settled()
    assert sent.response["response_action"] == "errors"
    assert "/invite" in sent.response["errors"]["question"]
    assert hearing.heard == []


async def test_somebody_of_another_organisation_asks_as_such(slack: Slack, hearing: Ears) -> None:
    about = slack.say("Good morning", channel=SHARED)
    await opened(slack, about.ts, CAROL)
    slack.submit_view(filled("Hello?"), user=CAROL)
    event = await asked(hearing)
    assert event.person == Person(CAROL, "Carol", external=True, realm="T0PARTNER1")
    carol = Recipient(CAROL, "T0PARTNER1", "T0PARTNER1")
    assert hearing.recipients.get(event.message.place) == carol


@pytest.mark.usefixtures("hearing")
async def test_a_modal_that_does_not_open_is_acknowledged_all_the_same(slack: Slack) -> None:
    slack.fault("views.open", Broken())
    assert await slack.shortcut(slack.say("Good morning").ts, ASK_ABOUT).settled()
    assert slack.board.platform.views == []


async def test_other_shortcuts_and_modals_are_acknowledged(slack: Slack, hearing: Ears) -> None:
    about = slack.say("Good morning")
    assert await slack.shortcut(about.ts, "explain").settled()
    assert slack.board.platform.views == []
    await opened(slack, about.ts)
    slack.board.platform.views[-1]["callback_id"] = "settings"
    assert await slack.submit_view(filled("Hello?")).settled()
    assert hearing.heard == []
