"""What Discord's messages and interactions mean for the bot, and what they say."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from connectors.base import Control, File, Person, Place, Pressed
from connectors.discord import questions
from connectors.discord.content import plain
from connectors.discord.parts import custom_id
from connectors.discord.places import DM, Places, chain, channel_of, first_of
from connectors.discord.questions import MessageContext
from connectors.markdown import quoted

US, ALICE, BOB, ROLE = "1", "2", "3", "9"
RUN = UUID("00000000-0000-4000-8000-000000000001")
CHANNEL = MessageContext(US, "50", "60", role=ROLE)
THREAD = MessageContext(US, "50", "60", "70")
ALONE = MessageContext(US, DM, "80")


def user(id_: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "username": f"user{id_}", "global_name": f"User {id_}", **more}


def message(content: str = "hi", **more: Any) -> dict[str, Any]:
    """A message of Alice's."""
    return {
        "id": "100",
        "channel_id": "60",
        "type": 0,
        "author": user(ALICE),
        "content": content,
        "attachments": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        **more,
    }


def reply(to: str | None, content: str = "hi", **more: Any) -> dict[str, Any]:
    """A reply of Alice's to a message of somebody's; None: it was deleted."""
    referenced = {"id": "99", "author": user(to)} if to else None
    return message(
        content,
        type=19,
        message_reference={"message_id": "99"},
        referenced_message=referenced,
        **more,
    )


def addressed(body: dict[str, Any], at: MessageContext) -> bool | None:
    """Whether a message names the bot; None where it is no business of its."""
    words = questions.heard(body, at)
    return words.addressed if words else None


@pytest.mark.parametrize(
    ("body", "in_channel", "in_thread", "alone"),
    [
        pytest.param(message(), None, False, True, id="plain"),
        pytest.param(message(mentions=[user(US)]), True, True, True, id="mention"),
        pytest.param(message(mentions=[user(BOB), user(US)]), True, True, True, id="and another"),
        pytest.param(message(mentions=[user(BOB)]), None, None, True, id="only another"),
        pytest.param(message(mention_everyone=True), None, None, True, id="everyone"),
        pytest.param(message(mention_roles=["8"]), None, None, True, id="a role"),
        pytest.param(reply(US), True, True, True, id="reply to us"),
        pytest.param(reply(US, mentions=[user(BOB)]), None, None, True, id="reply that asks Bob"),
        pytest.param(reply(BOB), None, None, True, id="reply to another"),
        pytest.param(reply(BOB, mentions=[user(US)]), True, True, True, id="names us in a reply"),
        pytest.param(reply(None), None, False, True, id="reply to a deleted message"),
        pytest.param(reply(US, ""), None, None, True, id="a reply whose text is withheld"),
        pytest.param(message(""), None, None, True, id="no text"),
    ],
)
def test_who_is_spoken_to(
    body: dict[str, Any], in_channel: bool | None, in_thread: bool | None, alone: bool | None
) -> None:
    found = tuple(addressed(body, at) for at in (CHANNEL, THREAD, ALONE))
    assert found == (in_channel, in_thread, alone)


def test_the_role_that_a_server_made_for_the_bot_names_it_too() -> None:
    assert addressed(message(mention_roles=[ROLE]), CHANNEL) is True


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(message(author=user(US, bot=True)), id="our own"),
        pytest.param(message(author=user(BOB, bot=True)), id="another bot's"),
        pytest.param(message(webhook_id="5"), id="a webhook's"),
        pytest.param(message(type=7), id="somebody joined"),
        pytest.param(message(type=21), id="the start of a thread"),
        pytest.param(message(type=20, author=user(US, bot=True)), id="a command's response"),
    ],
)
def test_what_no_person_says_is_not_heard(body: dict[str, Any]) -> None:
    assert questions.heard({**body, "mentions": [user(US)]}, ALONE) is None


def test_a_message_that_was_passed_on_is_no_reply() -> None:
    passed_on = message(message_reference={"type": 1, "message_id": "99"})
    assert questions.replied_to(passed_on) is None
    assert questions.replied_to(reply(BOB)) == "99"


def test_a_person_is_called_as_the_others_in_the_server_see_them() -> None:
    nick = questions.heard(message(member={"nick": "Ali"}), ALONE)
    name = questions.heard(message(member={"nick": None}), ALONE)
    bare = questions.heard(message(author={"id": ALICE, "username": "alice"}), ALONE)
    people = [words and words.person for words in (nick, name, bare)]
    assert people == [Person(ALICE, "Ali"), Person(ALICE, "User 2"), Person(ALICE, "alice")]


def test_files_are_named_by_their_message() -> None:
    attachment = {"id": "7", "filename": "a.txt", "size": 3, "content_type": "text/plain; a=b"}
    words = questions.heard(message("", attachments=[attachment]), ALONE)
    assert words is not None
    assert words.files == (File("60/100/7", "a.txt", "text/plain", 3),)


def test_a_change_of_a_preview_or_a_pin_changes_no_words() -> None:
    assert questions.changed(message(edited_timestamp=None), US) is None
    assert questions.changed(message("", edited_timestamp="2026-01-01"), US) is None
    words = questions.changed(message("new", edited_timestamp="2026-01-01"), US)
    assert words is not None
    event = questions.edited(words, CHANNEL.place("100"), "new", "2026-01-01")
    assert (event.text, event.version) == ("new", "2026-01-01")


def test_deletions_come_one_by_one_or_at_a_stroke() -> None:
    assert list(questions.deleted({"id": "1"})) == ["1"]
    assert list(questions.deleted({"ids": ["1", "2"]})) == ["1", "2"]


def press(id_: str) -> Pressed | None:
    """What a press of a button with this id means."""
    body = {
        "data": {"custom_id": id_},
        "message": {"id": "100"},
        "member": {"nick": "Ali", "user": user(ALICE)},
    }
    return questions.pressed(body, CHANNEL.place("99"))


def test_a_press_names_person_control_and_run() -> None:
    pressed = press(custom_id(Control.STOP, RUN, 2))
    assert pressed is not None
    assert (pressed.person, pressed.control, pressed.run_id) == (
        Person(ALICE, "Ali"),
        Control.STOP,
        RUN,
    )


@pytest.mark.parametrize("id_", ["", "other:stop:1:0", "everytoken:jump:1:0", "everytoken:stop"])
def test_another_apps_button_means_nothing(id_: str) -> None:
    assert press(id_) is None


# Places.


def test_a_place_is_a_chain_of_replies_a_thread_or_direct_messages() -> None:
    assert CHANNEL.place("100") == Place("discord", "50", "60", "reply:100")
    assert THREAD.place("100") == Place("discord", "50", "60", "70")
    assert ALONE.place("100") == Place("discord", DM, "80")


def test_messages_of_a_chain_stand_in_the_channel_those_of_a_thread_in_it() -> None:
    places = [CHANNEL.place("100"), THREAD.place("100"), ALONE.place("100")]
    assert [channel_of(place) for place in places] == ["60", "70", "80"]
    assert [first_of(place) for place in places] == ["100", None, None]
    assert chain("100") == "reply:100"


def test_places_of_the_oldest_messages_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.discord.places._REMEMBERED", 2)
    places = Places()
    for id_ in ("1", "2", "1", "3"):
        places.remember(id_, CHANNEL.place(id_))
    assert [places.of(id_) is not None for id_ in ("1", "2", "3")] == [True, False, True]


# Text.

NAMES = {BOB: "Bob"}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (f"<@{US}> hi", "hi"),
        (f"hi <@!{US}>, you", "hi, you"),
        (f"<@&{ROLE}> hi", "hi"),
        (f"ask <@{BOB}>", "ask @Bob"),
        ("ask <@44>", "ask <@44>"),
        ("in <#7> and <@&8>", "in #general and @mods"),
        ("in <#77>", "in <#77>"),
        ("<:party:123> <a:wave:4>", ":party: :wave:"),
        ("</ask:12> </a b:1>", "/ask /a b"),
        ("at <t:0:R> or <t:1700000000>", "at 1970-01-01 00:00 UTC or 2023-11-14 22:13 UTC"),
        ("<t:99999999999>", "5138-11-16 09:46 UTC"),
        ("a < b > c <b> <@x>", "a < b > c <b> <@x>"),
        ("one\n\n  two", "one\n\n  two"),
    ],
)
def test_a_text_is_read_as_a_person_sees_it(text: str, seen: str) -> None:
    known = {"7": "general", "8": "mods"}
    assert plain(text, NAMES, without=frozenset({US, ROLE}), named=known.get) == seen


def test_a_quotation_marks_every_line() -> None:
    assert quoted("one\n\ntwo") == "> one\n>\n> two"
