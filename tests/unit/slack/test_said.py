"""What a message of Slack's history says, and who said it."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import File, MessageRef, Person, Place
from connectors.slack.api import BotIdentity
from connectors.slack.content import QUESTION, is_speech, microseconds, people_in, said
from tests.doubles.slack.shapes import sample

PLACE = Place("slack", "T0EVERY001", "C0GENERAL1", "1790000000.000100")
BOT = BotIdentity("T0EVERY001", "U0BOT00001", "B0BOT00001", "everytoken")
NAMES = {"U0ALICE001": "Alice", "U0BOB00001": "Bob"}


def message(name: str, **changes: Any) -> dict[str, Any]:
    """The message of a recorded event."""
    event: dict[str, Any] = sample(name)["event"]
    return event | changes


def test_a_person_says_plain_text() -> None:
    """Mentions become names, entities characters, and nobody has to name the bot to the bot."""
    text = "<@U0BOT00001> is 2 &lt; 3, <@U0BOB00001>? See <https://a.example|this>"
    heard = said(PLACE, message("message", text=text), BOT, NAMES)
    assert heard.ref == MessageRef(PLACE, "1790000000.000100")
    assert heard.author == Person("U0ALICE001", "Alice")
    assert heard.text == "is 2 < 3, @Bob? See this (https://a.example)"
    assert not heard.by_bot
    assert heard.at_us == 1_790_000_000_000_100


def test_our_own_messages_are_the_bots() -> None:
    heard = said(PLACE, message("bot_message"), BOT, NAMES)
    assert heard.by_bot
    assert heard.author == Person("U0BOT00001", "everytoken")


def test_other_bots_speak_as_people_do_under_their_own_name() -> None:
    alert = {"ts": "1.000001", "bot_id": "B0OTHER", "text": "Disk full", "subtype": "bot_message"}
    heard = said(PLACE, alert | {"username": "Monitor"}, BOT, NAMES)
    assert (heard.by_bot, heard.author.name, heard.text) == (False, "Monitor", "Disk full")
    profiled = alert | {"user": "U0OTHER", "bot_profile": {"name": "Pager"}}
    assert said(PLACE, profiled, BOT, NAMES).author == Person("U0OTHER", "Pager")
    assert list(people_in(profiled, BOT)) == []


def test_what_an_app_says_in_attachments_is_heard() -> None:
    attached = {"ts": "1.000001", "bot_id": "B0", "text": "", "attachments": [{"fallback": "Red"}]}
    assert said(PLACE, attached, BOT, {}).text == "Red"


def test_a_question_that_we_posted_for_somebody_is_theirs() -> None:
    payload = {"person": "U0ALICE001", "text": "How many tokens?"}
    metadata = {"event_type": QUESTION, "event_payload": payload}
    anchor = message("bot_message", text="Alice asks: How many…", metadata=metadata)
    assert "U0ALICE001" in people_in(anchor, BOT)
    heard = said(PLACE, anchor, BOT, NAMES)
    assert (heard.by_bot, heard.author, heard.text) == (
        False,
        Person("U0ALICE001", "Alice"),
        "How many tokens?",
    )


def test_nobody_else_can_put_words_into_a_persons_mouth() -> None:
    payload = {"person": "U0ALICE001", "text": "I quit"}
    metadata = {"event_type": QUESTION, "event_payload": payload}
    forged = message("message", user="U0EVE", text="hello", metadata=metadata)
    heard = said(PLACE, forged, BOT, NAMES)
    assert (heard.author.id, heard.text) == ("U0EVE", "hello")


def test_somebody_of_another_organisation_brings_their_name_along() -> None:
    shared = message("shared_channel_message")
    assert list(people_in(shared, BOT)) == []
    assert said(PLACE, shared, BOT, {}).author == Person("U0CAROL001", "Carol")


def test_files_come_along_and_deleted_ones_do_not() -> None:
    shared = message("file_share")
    shared["files"].append({"id": "F0GONE", "mode": "tombstone"})
    assert said(PLACE, shared, BOT, NAMES).files == (
        File("T0EVERY001/F0FILE0001", "notes.txt", "text/plain", 5),
    )


def test_a_file_that_slack_tells_only_the_id_of_is_a_file_still() -> None:
    held_back = message("message", files=[{"id": "F1", "file_access": "check_file_info"}])
    assert said(PLACE, held_back, BOT, NAMES).files == (File("T0EVERY001/F1", "F1", "", 0),)


@pytest.mark.parametrize("name", ["message", "message_im", "file_share", "bot_message"])
def test_speech_is_speech(name: str) -> None:
    assert is_speech(message(name))


@pytest.mark.parametrize(
    "subtype", ["channel_join", "channel_topic", "tombstone", "assistant_app_thread", "pinned_item"]
)
def test_joins_and_the_like_are_no_speech(subtype: str) -> None:
    assert not is_speech(message("message", subtype=subtype))


def test_a_time_without_a_fraction_is_a_time() -> None:
    assert microseconds("1790000000") == 1_790_000_000_000_000
    assert microseconds("1790000000.5") == 1_790_000_000_500_000
