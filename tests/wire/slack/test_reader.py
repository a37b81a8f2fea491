"""History and files, read from a Slack that speaks over sockets."""

from __future__ import annotations

import asyncio

import pytest

from connectors.base import (
    File,
    Gone,
    Incomplete,
    MessageRef,
    Person,
    Place,
    Refused,
    TooLarge,
    Unavailable,
)
from connectors.slack.api import Api
from connectors.slack.content import QUESTION
from connectors.slack.history import SlackHistory
from tests.doubles.slack.faults import Broken, TooMany
from tests.doubles.slack.people import Upload
from tests.doubles.slack.server import Slack
from tests.doubles.slack.workspaces import ALICE, BOB, CAROL, GENERAL, SHARED

pytestmark = pytest.mark.real_time


def thread_of(slack: Slack, ts: str, channel: str = GENERAL) -> Place:
    """The thread that a message begins."""
    return Place("slack", slack.workspace.id, channel, ts)


def fill(slack: Slack, root: str, number: int, channel: str = GENERAL) -> list[str]:
    """So many replies of Bob's; nobody is told of them."""
    return [
        slack.board.post(
            slack.workspace, channel, BOB, slack.board.version(f"Reply {i}"), thread_ts=root
        ).ts
        for i in range(number)
    ]


async def texts(reader: SlackHistory, place: Place, before: str, limit: int = 10) -> list[str]:
    """What was said before a message."""
    return [each.text for each in await reader.history(place, MessageRef(place, before), limit)]


@pytest.fixture
def reader(api: Api) -> SlackHistory:
    """Reads that Slack."""
    return SlackHistory(api)


async def test_a_thread_is_read_from_its_first_message_on(
    slack: Slack, reader: SlackHistory
) -> None:
    root = slack.ask("Why?")
    place = thread_of(slack, root.ts)
    slack.board.post(
        slack.workspace,
        GENERAL,
        slack.workspace.bot_user,
        slack.board.version("Because."),
        thread_ts=root.ts,
    )
    slack.say(f"Is that so, <@{ALICE}>?", user=BOB, thread_ts=root.ts)
    last = slack.ask("And then?", thread_ts=root.ts)
    history = await reader.history(place, MessageRef(place, last.ts), 10)
    assert [(each.author.name, each.text, each.by_bot) for each in history] == [
        ("Alice", "Why?", False),
        ("everytoken", "Because.", True),
        ("Bob", "Is that so, @Alice?", False),
    ]
    assert history[0].ref == MessageRef(place, root.ts)
    assert history[0].author == Person(ALICE, "Alice")


async def test_before_its_first_message_a_thread_has_no_history(
    slack: Slack, reader: SlackHistory
) -> None:
    root = slack.ask("Why?")
    assert await texts(reader, thread_of(slack, root.ts), root.ts) == []


async def test_what_comes_after_the_question_is_no_history(
    slack: Slack, reader: SlackHistory
) -> None:
    root = slack.ask("One")
    question = slack.ask("Two", thread_ts=root.ts)
    slack.ask("Three", thread_ts=root.ts)
    assert await texts(reader, thread_of(slack, root.ts), question.ts) == ["One"]


async def test_of_a_long_thread_the_newest_messages_are_given(
    slack: Slack, reader: SlackHistory
) -> None:
    root = slack.ask("Root")
    replies = fill(slack, root.ts, 450)
    place = thread_of(slack, root.ts)
    newest = ["Reply 446", "Reply 447", "Reply 448"]
    assert await texts(reader, place, replies[449], 3) == ["Root", *newest]
    assert len(slack.called("conversations.replies")) == 3


async def test_what_is_known_of_a_long_thread_saves_the_way(
    slack: Slack, reader: SlackHistory
) -> None:
    root = slack.ask("Root")
    replies = fill(slack, root.ts, 450)
    place = thread_of(slack, root.ts)
    await texts(reader, place, replies[440], 10)
    known = len(slack.called("conversations.replies"))
    assert (await texts(reader, place, replies[449], 10))[-1] == "Reply 448"
    assert len(slack.called("conversations.replies")) == known + 1


async def test_the_way_from_the_beginning_of_a_very_long_thread_is_not_walked(
    slack: Slack, reader: SlackHistory
) -> None:
    root = slack.ask("Root")
    replies = fill(slack, root.ts, 3_000)
    said = await texts(reader, thread_of(slack, root.ts), replies[-1], 20)
    assert said == ["Root", *(f"Reply {i}" for i in range(2_979, 2_999))]
    assert len(slack.called("conversations.replies")) <= 6


async def test_a_question_early_in_a_known_thread_has_its_own_history(
    slack: Slack, reader: SlackHistory
) -> None:
    """Retry of an old question: what is known of the thread's end is of no use."""
    root = slack.ask("Root")
    replies = fill(slack, root.ts, 450)
    place = thread_of(slack, root.ts)
    await texts(reader, place, replies[449], 10)
    assert await texts(reader, place, replies[2], 10) == ["Root", "Reply 0", "Reply 1"]


async def test_deleted_messages_leave_no_hole(slack: Slack, reader: SlackHistory) -> None:
    root = slack.ask("Root")
    replies = fill(slack, root.ts, 100)
    place = thread_of(slack, root.ts)
    await texts(reader, place, replies[99], 5)
    for ts in replies[60:95]:
        slack.delete(ts)
    expected = ["Root", *(f"Reply {i}" for i in (59, 95, 96, 97, 98))]
    assert await texts(reader, place, replies[99], 5) == expected


async def test_a_deleted_first_message_is_no_history(slack: Slack, reader: SlackHistory) -> None:
    root = slack.ask("Root")
    slack.say("Reply", thread_ts=root.ts)
    last = slack.ask("Last", thread_ts=root.ts)
    slack.delete(root.ts)
    assert await texts(reader, thread_of(slack, root.ts), last.ts) == ["Reply"]


async def test_direct_messages_are_read_without_their_threads(
    slack: Slack, reader: SlackHistory
) -> None:
    channel = slack.dm()
    first = slack.say("One", channel=channel)
    slack.say("Aside", channel=channel, thread_ts=first.ts)
    slack.say("Two", channel=channel)
    last = slack.say("Three", channel=channel)
    place = Place("slack", slack.workspace.id, channel)
    assert await texts(reader, place, last.ts) == ["One", "Two"]
    assert await texts(reader, place, last.ts, 1) == ["Two"]


async def test_long_direct_messages_are_read_page_by_page(
    slack: Slack, reader: SlackHistory
) -> None:
    channel = slack.dm()
    for i in range(300):
        subtype = "" if i < 60 else "channel_topic"
        version = slack.board.version(f"Message {i}")
        slack.board.post(slack.workspace, channel, ALICE, version, subtype=subtype)
    last = slack.say("Last", channel=channel)
    place = Place("slack", slack.workspace.id, channel)
    assert await texts(reader, place, last.ts, 2) == ["Message 58", "Message 59"]


async def test_joins_are_left_out(slack: Slack, reader: SlackHistory) -> None:
    channel = slack.dm()
    slack.say("One", channel=channel)
    slack.join(channel=channel, user=BOB)
    last = slack.say("Two", channel=channel)
    assert await texts(reader, Place("slack", slack.workspace.id, channel), last.ts) == ["One"]


async def test_a_question_that_we_posted_for_somebody_is_theirs(
    slack: Slack, reader: SlackHistory
) -> None:
    payload = {"person": BOB, "text": "How many?"}
    version = slack.board.version(
        "Bob asks: How many?", metadata={"event_type": QUESTION, "event_payload": payload}
    )
    anchor = slack.board.post(slack.workspace, GENERAL, slack.workspace.bot_user, version)
    last = slack.ask("And then?", thread_ts=anchor.ts)
    place = thread_of(slack, anchor.ts)
    (heard,) = await reader.history(place, MessageRef(place, last.ts), 10)
    assert (heard.by_bot, heard.author, heard.text) == (False, Person(BOB, "Bob"), "How many?")


async def test_people_of_another_organisation_have_their_names(
    slack: Slack, reader: SlackHistory
) -> None:
    root = slack.say("Hello", channel=SHARED, user=CAROL)
    last = slack.ask("Hi", channel=SHARED, thread_ts=root.ts)
    place = thread_of(slack, root.ts, SHARED)
    (heard,) = await reader.history(place, MessageRef(place, last.ts), 10)
    assert heard.author == Person(CAROL, "Carol")


async def test_without_the_scope_for_names_people_are_called_by_their_ids(
    slack: Slack, reader: SlackHistory
) -> None:
    slack.workspace.scopes = tuple(s for s in slack.workspace.scopes if s != "users:read")
    root = slack.ask("Why?")
    last = slack.ask("And then?", thread_ts=root.ts)
    place = thread_of(slack, root.ts)
    (heard,) = await reader.history(place, MessageRef(place, last.ts), 10)
    assert heard.author == Person(ALICE, ALICE)


# Limits and faults.


async def test_a_history_of_nothing_asks_nothing(slack: Slack, reader: SlackHistory) -> None:
    assert await texts(reader, thread_of(slack, "1.000001"), "1.000002", 0) == []
    assert slack.calls == []


async def test_a_rate_limit_is_not_waited_for(slack: Slack, reader: SlackHistory) -> None:
    """Some apps may read one page a minute: what there is by then is given, and said so."""
    root = slack.ask("Root")
    replies = fill(slack, root.ts, 250)
    place = thread_of(slack, root.ts)
    slack.fault("conversations.replies", None, TooMany(60))
    with pytest.raises(Incomplete) as found:
        await texts(reader, place, replies[249], 3)
    newest = ["Reply 196", "Reply 197", "Reply 198"]
    assert [each.text for each in found.value.said] == ["Root", *newest]
    slack.fault("conversations.replies", TooMany(60))
    with pytest.raises(Incomplete) as found:
        await texts(SlackHistory(reader._api), place, replies[249], 3)
    assert found.value.said == []


async def test_a_rate_limit_of_a_second_is_waited_for(slack: Slack, reader: SlackHistory) -> None:
    root = slack.ask("Root")
    last = slack.ask("Last", thread_ts=root.ts)
    slack.fault("conversations.replies", TooMany(1))
    assert await texts(reader, thread_of(slack, root.ts), last.ts) == ["Root"]


async def test_a_fault_of_slacks_is_told(slack: Slack, reader: SlackHistory) -> None:
    root = slack.ask("Root")
    last = slack.ask("Last", thread_ts=root.ts)
    slack.fault("conversations.replies", Broken())
    with pytest.raises(Unavailable):
        await texts(reader, thread_of(slack, root.ts), last.ts)


async def test_a_thread_that_was_deleted_is_gone(slack: Slack, reader: SlackHistory) -> None:
    with pytest.raises(Gone):
        await texts(reader, thread_of(slack, "1790000000.000001"), "1790000000.000002")


# Files.


async def uploaded(slack: Slack, reader: SlackHistory, content: bytes = b"one two") -> File:
    """A file that Alice put under her message."""
    root = slack.ask("Read this", files=[Upload("notes.txt", content)])
    last = slack.ask("Did you?", thread_ts=root.ts)
    place = thread_of(slack, root.ts)
    (heard,) = await reader.history(place, MessageRef(place, last.ts), 10)
    (file,) = heard.files
    return file


async def test_a_file_of_the_history_can_be_fetched(slack: Slack, reader: SlackHistory) -> None:
    file = await uploaded(slack, reader)
    assert (file.name, file.media_type, file.size) == ("notes.txt", "text/plain", 7)
    assert await reader.fetch(file, 7) == b"one two"


async def test_a_file_that_is_too_large_is_not_fetched(slack: Slack, reader: SlackHistory) -> None:
    file = await uploaded(slack, reader)
    with pytest.raises(TooLarge):
        await reader.fetch(file, 6)


async def test_a_file_that_was_deleted_is_gone(slack: Slack, reader: SlackHistory) -> None:
    file = await uploaded(slack, reader)
    slack.board.platform.files.clear()
    with pytest.raises(Gone):
        await reader.fetch(file, 100)


@pytest.mark.parametrize(
    ("about", "error"),
    [({"mode": "tombstone"}, Gone), ({"is_external": True}, Refused), ({"size": 99}, TooLarge)],
)
async def test_what_slack_says_of_a_file_is_heeded(
    slack: Slack, reader: SlackHistory, about: dict[str, object], error: type[Exception]
) -> None:
    file = await uploaded(slack, reader)
    (stored,) = slack.board.platform.files.values()
    object.__setattr__(stored, "about", {**stored.about, **about})
    with pytest.raises(error):
        await reader.fetch(file, 50)


def _transcribed(slack: Slack, status: str, more: bool | None = False) -> None:
    """Slack has made a transcript of the file, or is at it."""
    (stored,) = slack.board.platform.files.values()
    told: dict[str, object] = {"status": status, "locale": "en-US"}
    if status == "complete":
        told["preview"] = {"content": "What is it?", "has_more": more}
    object.__setattr__(stored, "about", {**stored.about, "transcription": told})


@pytest.mark.parametrize(
    ("status", "more", "heard"),
    [
        ("complete", False, "What is it?"),
        ("complete", True, ""),
        ("complete", None, ""),
        ("processing", None, ""),
        ("failed", None, ""),
        ("none", None, ""),
    ],
)
async def test_slacks_own_transcript_counts_where_it_is_whole(
    slack: Slack, reader: SlackHistory, status: str, more: bool | None, heard: str
) -> None:
    file = await uploaded(slack, reader)
    assert await reader.transcript(file, patient=False) == ""
    _transcribed(slack, status, more)
    assert await reader.transcript(file, patient=False) == heard


async def test_a_transcript_that_slack_is_making_is_waited_for(
    slack: Slack, reader: SlackHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.slack.history._TRANSCRIBING_S", 0.05)
    file = await uploaded(slack, reader)
    _transcribed(slack, "processing")
    waiting = asyncio.create_task(reader.transcript(file, patient=True))
    await asyncio.sleep(0.02)
    _transcribed(slack, "complete")
    assert await waiting == "What is it?"
    _transcribed(slack, "processing")
    assert await reader.transcript(file, patient=True) == ""
