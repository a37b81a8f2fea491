"""What Slack's payloads mean for the bot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import (
    Asked,
    Commanded,
    Control,
    Deleted,
    Edited,
    Event,
    File,
    MessageRef,
    Person,
    Place,
    Pressed,
)
from connectors.slack.api import BotIdentity
from connectors.slack.questions import SlackWords, heard, pressed, setting_of, team_of
from tests.doubles.slack.shapes import sample

TEAM = "T0EVERY001"
US = BotIdentity(TEAM, "U0BOT00001", "B0BOT00001", "everytoken")
NAMES = {"U0ALICE001": "Alice", "U0BOB00001": "Bob"}
ALICE = Person("U0ALICE001", "Alice", realm="T0EVERY001")
TS = "1790000000.000100"
GENERAL = Place("slack", TEAM, "C0GENERAL1", TS)
QUESTION = MessageRef(GENERAL, TS)


def event_of(body: Mapping[str, Any], *, threads_in_dms: bool = True) -> Event | None:
    """What a payload of the Events API comes to, with Alice's and Bob's names known."""
    found = heard(body["event"], setting_of(body, US, threads_in_dms=threads_in_dms))
    return found.event(NAMES) if isinstance(found, SlackWords) else found


def changed(name: str, **event: Any) -> dict[str, Any]:
    """A sample with other values in its event; None takes one away."""
    body = sample(name)
    body["event"] |= event
    body["event"] = {key: value for key, value in body["event"].items() if value is not None}
    return body


# Questions.


@pytest.mark.parametrize("name", ["app_mention", "message"])
def test_a_mention_is_a_question_and_both_its_events_are_one(name: str) -> None:
    assert event_of(sample(name)) == Asked(QUESTION, ALICE, "what is 2 < 3?")


def test_the_same_event_again_is_the_same_question() -> None:
    again = sample("message")
    again["event_id"] = "Ev0OTHER"
    assert event_of(again) == event_of(sample("message"))


def test_a_direct_message_is_a_question() -> None:
    ref = MessageRef(Place("slack", TEAM, "D0ALICE001", TS), TS)
    assert event_of(sample("message_im")) == Asked(ref, ALICE, "Hello")


def test_direct_messages_are_one_conversation_where_answers_are_edited() -> None:
    found = event_of(sample("message_im"), threads_in_dms=False)
    assert isinstance(found, Asked)
    assert found.message == MessageRef(Place("slack", TEAM, "D0ALICE001"), TS)


def test_a_reply_in_a_thread_is_for_the_bot_if_it_takes_part() -> None:
    found = event_of(sample("thread_reply"))
    ref = MessageRef(GENERAL, "1790000000.000200")
    assert found == Asked(ref, ALICE, "And then?", addressed=False)


def test_a_reply_that_mentions_the_bot_is_addressed_to_it() -> None:
    found = event_of(changed("thread_reply", text="<@U0BOB00001> ask <@U0BOT00001>"))
    assert isinstance(found, Asked)
    assert found.addressed
    assert found.text == "@Bob ask"


def test_a_mention_of_the_bot_alone_is_an_empty_question() -> None:
    found = event_of(changed("app_mention", text="<@U0BOT00001>"))
    assert found == Asked(QUESTION, ALICE, "")


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
def test_other_ways_of_speaking_are_questions_too(subtype: str) -> None:
    assert isinstance(event_of(changed("message", subtype=subtype)), Asked)


def test_files_come_with_the_question() -> None:
    found = event_of(changed("file_share", text="<@U0BOT00001> Read this"))
    assert isinstance(found, Asked)
    assert found.files == (File(f"{TEAM}/F0FILE0001", "notes.txt", "text/plain", 5),)


def test_a_file_without_a_word_is_a_question_in_direct_messages() -> None:
    body = changed("file_share", text="", blocks=None, channel="D0ALICE001", channel_type="im")
    found = event_of(body)
    assert isinstance(found, Asked)
    assert found.text == ""
    assert len(found.files) == 1


def test_names_that_are_not_known_are_ids() -> None:
    body = changed("message", text="<@U0BOT00001> ask <@U0DAVE0001>", user="U0ERIN0001")
    found = event_of(body)
    assert isinstance(found, Asked)
    assert found.person == Person("U0ERIN0001", "U0ERIN0001", realm="T0EVERY001")
    assert found.text == "ask @U0DAVE0001"


def test_only_names_that_are_needed_are_asked_for() -> None:
    body = changed("message", text="<@U0BOT00001> ask <@U0BOB00001>")
    words = heard(body["event"], setting_of(body, US, threads_in_dms=True))
    assert isinstance(words, SlackWords)
    assert words.people == {"U0ALICE001", "U0BOB00001"}


# What is no business of the bot's.


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(changed("message", text="Good morning"), id="talk in a channel"),
        pytest.param(changed("message", text="<@U0BOB00001> hi"), id="talk with another"),
        pytest.param(changed("thread_reply", text="<@U0BOB00001> hi"), id="a reply to another"),
        pytest.param(changed("thread_reply", text="<!here> hi"), id="a reply to all"),
        pytest.param(
            changed("thread_reply", text="<!subteam^S1|@devs> hi"), id="a reply to a team"
        ),
        pytest.param(changed("thread_reply", thread_ts="1790000000.000200"), id="opens a thread"),
        pytest.param(sample("bot_message"), id="our own message"),
        pytest.param(changed("bot_message", channel="D0ALICE001"), id="our own, directly"),
        pytest.param(
            changed("message", bot_id="B0OTHER001", user="U0OTHER001"), id="another bot asks"
        ),
        pytest.param(
            changed("message", subtype="bot_message", bot_id="B0OTHER001", user=None),
            id="another bot of the old kind",
        ),
        pytest.param(changed("app_mention", bot_id="B0OTHER001"), id="another bot mentions us"),
        pytest.param(changed("message", user="U0BOT00001"), id="ourselves without a bot_id"),
        pytest.param(changed("message_im", user="USLACKBOT"), id="Slackbot"),
        pytest.param(changed("message_im", user=None), id="nobody"),
        pytest.param(sample("channel_join"), id="a join"),
        pytest.param(changed("message_im", subtype="channel_topic"), id="a topic"),
        pytest.param(changed("message_im", subtype="channel_convert_to_private"), id="converted"),
        pytest.param(changed("message_im", subtype="assistant_app_thread"), id="assistant's root"),
        pytest.param(changed("message", subtype="message_replied"), id="a reply was counted"),
        pytest.param(changed("message", type="reaction_added"), id="a reaction"),
        pytest.param(changed("message", type="file_shared"), id="a file was shared"),
        pytest.param(changed("message", type="something_new"), id="unknown"),
    ],
)
def test_what_nobody_asked_the_bot_is_ignored(body: dict[str, Any]) -> None:
    assert event_of(body) is None


# Changes.


def edit_of(name: str = "message_changed", **message: Any) -> dict[str, Any]:
    """A change in a direct message, with other values in the message."""
    body = changed(name, channel="D0ALICE001")
    body["event"]["message"] |= message
    return body


def test_an_edit_is_known_by_the_message_and_by_its_own_time() -> None:
    ref = MessageRef(Place("slack", TEAM, "D0ALICE001", TS), TS)
    assert event_of(edit_of()) == Edited(ref, ALICE, "Hello again", "1790000002.000400")


def test_two_edits_within_one_second_are_two() -> None:
    later = edit_of()
    later["event"]["event_ts"] = "1790000002.000500"
    edits = [event_of(body) for body in (edit_of(), later)]
    assert len({edit.version for edit in edits if isinstance(edit, Edited)}) == 2


def test_the_edit_of_a_question_in_a_channel_has_the_questions_ref() -> None:
    body = changed("message_changed")
    body["event"]["message"]["text"] = "<@U0BOT00001> what is 3 < 4?"
    found = event_of(body)
    assert isinstance(found, Edited)
    assert (found.message, found.text) == (QUESTION, "what is 3 < 4?")


def test_an_edit_that_takes_the_mention_away_is_still_an_edit() -> None:
    body = changed("message_changed")
    body["event"]["previous_message"]["text"] = "<@U0BOT00001> Hello"
    assert isinstance(event_of(body), Edited)


def test_an_unfurl_is_no_edit() -> None:
    body = edit_of(text="Hello", attachments=[{"from_url": "https://example.com"}])
    assert event_of(body) is None
    del body["event"]["message"]["edited"]
    assert event_of(body) is None


def test_what_slack_changes_by_itself_is_no_edit() -> None:
    body = edit_of(reply_count=1)
    del body["event"]["message"]["edited"]
    assert event_of(body) is None


def test_our_own_edits_are_ignored() -> None:
    assert event_of(edit_of(user=US.user, bot_id=US.bot)) is None
    assert event_of(edit_of(user=US.user)) is None


def test_the_edits_of_other_bots_are_ignored() -> None:
    assert event_of(edit_of(user="U0OTHER001", bot_id="B0OTHER001")) is None


def test_the_edit_of_what_nobody_asked_the_bot_is_ignored() -> None:
    assert event_of(sample("message_changed")) is None


# Deletions.


def test_a_deleted_question_is_a_deletion() -> None:
    body = changed("message_deleted")
    body["event"]["previous_message"]["text"] = "<@U0BOT00001> Hello"
    assert event_of(body) == Deleted(QUESTION)


def test_a_deleted_direct_message_is_a_deletion() -> None:
    body = changed("message_deleted", channel="D0ALICE001")
    assert event_of(body, threads_in_dms=False) == Deleted(
        MessageRef(Place("slack", TEAM, "D0ALICE001"), TS)
    )


def test_the_deletion_of_our_own_message_is_told() -> None:
    answer = sample("bot_message")["event"]
    body = changed("message_deleted", previous_message=answer, deleted_ts=answer["ts"])
    assert event_of(body) == Deleted(MessageRef(GENERAL, "1790000000.000300"))


def test_a_tombstone_is_a_deletion() -> None:
    body = changed("tombstone")
    body["event"]["previous_message"]["text"] = "<@U0BOT00001> Hello"
    assert event_of(body) == Deleted(QUESTION)


def test_a_tombstone_of_ours_is_a_deletion() -> None:
    body = changed("tombstone")
    body["event"]["previous_message"] |= {"user": US.user, "bot_id": US.bot}
    assert event_of(body) == Deleted(QUESTION)


def test_a_deletion_that_does_not_say_of_what_is_told() -> None:
    assert event_of(changed("message_deleted", previous_message=None)) == Deleted(QUESTION)


def test_the_deletion_of_what_nobody_asked_the_bot_is_ignored() -> None:
    assert event_of(sample("message_deleted")) is None


def test_the_deletion_of_another_bots_message_is_ignored() -> None:
    body = changed("message_deleted", channel="D0ALICE001")
    body["event"]["previous_message"] |= {"user": "U0OTHER001", "bot_id": "B0OTHER001"}
    assert event_of(body) is None


# Organisations.


def shared(**event: Any) -> dict[str, Any]:
    """A question in a channel that is shared with another organisation."""
    return changed("shared_channel_message", text="<@U0BOT00001> Hello", **event)


def test_people_of_another_organisation_are_external() -> None:
    found = event_of(shared())
    assert isinstance(found, Asked)
    assert found.person == Person("U0CAROL001", "Carol", external=True, realm="T0PARTNER1")


def test_people_of_the_workspace_are_not_external_in_a_shared_channel() -> None:
    found = event_of(shared(user_team=TEAM, source_team=TEAM, team=TEAM))
    assert isinstance(found, Asked)
    assert not found.person.external


def test_who_edits_is_external_too() -> None:
    body = edit_of(user_team="T0PARTNER1", source_team="T0PARTNER1")
    found = event_of(body)
    assert isinstance(found, Edited)
    assert found.person.external


def test_another_workspace_of_the_same_organisation_is_not_external() -> None:
    body = shared(user_team="T0SISTER01")
    body["authorizations"][0]["enterprise_id"] = "E0EVERY001"
    found = event_of(body | {"is_ext_shared_channel": False})
    assert isinstance(found, Asked)
    assert not found.person.external
    found = event_of(body)
    assert isinstance(found, Asked)
    assert found.person.external


def test_the_place_is_the_workspace_that_installed_the_app() -> None:
    body = shared()
    body["team_id"] = "T0PARTNER1"
    found = event_of(body)
    assert isinstance(found, Asked)
    assert found.message.place.workspace == TEAM


def test_an_app_that_is_installed_for_an_organisation_is_told_the_workspace() -> None:
    body = sample("message")
    body["authorizations"][0] |= {"team_id": None, "is_enterprise_install": True}
    assert team_of(body) == TEAM


# Interactions.


def press(control: str = "stop", **changes: Any) -> dict[str, Any]:
    """A press of one of our buttons."""
    body = sample("block_actions")
    body["actions"][0]["action_id"] = f"everytoken_{control}"
    return body | changes


@pytest.mark.parametrize("control", list(Control))
def test_a_press_is_an_event(control: Control) -> None:
    run = UUID("00000000-0000-4000-8000-000000000001")
    person = Person("U0ALICE001", "alice", realm="T0EVERY001")
    message = MessageRef(GENERAL, "1790000000.000300")
    found = pressed(press(control.value), threads_in_dms=True)
    assert found == Pressed(message, person, control, run)


def test_a_press_names_the_part_of_the_answer_as_its_deletion_does() -> None:
    found = pressed(press(), threads_in_dms=True)
    answer = sample("bot_message")["event"]
    deletion = changed("message_deleted", previous_message=answer, deleted_ts=answer["ts"])
    assert found is not None
    assert event_of(deletion) == Deleted(found.message)


def test_a_press_in_direct_messages_is_in_their_conversation() -> None:
    body = press()
    del body["container"]["thread_ts"], body["message"]["thread_ts"]
    body["container"]["channel_id"] = "D0ALICE001"
    found = pressed(body, threads_in_dms=False)
    assert found is not None
    assert found.message.place == Place("slack", TEAM, "D0ALICE001")


def test_a_press_of_another_organisation_is_in_the_workspace_of_the_answer() -> None:
    user = {"id": "U0CAROL001", "name": "carol", "team_id": "T0PARTNER1"}
    found = pressed(press(user=user, team={"id": "T0PARTNER1"}), threads_in_dms=True)
    assert found is not None
    assert found.message.place.workspace == TEAM
    assert found.person.external


@pytest.mark.parametrize("action", ["stop", "everytoken_", "everytoken_else", "other_stop", ""])
def test_other_buttons_are_ignored(action: str) -> None:
    body = press()
    body["actions"][0]["action_id"] = action
    assert pressed(body, threads_in_dms=True) is None


def test_slacks_own_stop_button_stops_what_that_person_asked_there() -> None:
    stop = {"type": "agent_session_stopped", "thread_ts": TS, "streaming_message_ts": []}
    found = event_of(changed("message", **stop, event_ts="1790000009.000001"))
    person = Person("U0ALICE001", "U0ALICE001", realm="T0EVERY001")
    assert found == Commanded(MessageRef(GENERAL, "1790000009.000001"), person, "stop")


# Payloads that nobody would send.

_SCRAPS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_KEYS = ["user", "text", "ts", "thread_ts", "channel", "files", "blocks", "message", "team"]


@given(
    st.sampled_from(["message", "message_changed", "message_deleted", "tombstone", "app_mention"]),
    st.dictionaries(st.sampled_from(_KEYS), _SCRAPS, max_size=3),
)
def test_an_event_that_is_made_of_scraps_has_ids_that_are_texts(
    name: str, scraps: dict[str, Any]
) -> None:
    try:
        found = event_of(changed(name, **scraps))
    except (KeyError, TypeError, AttributeError, ValueError):
        return
    if found is not None:
        place = found.message.place
        assert all(
            isinstance(each, str) for each in (found.message.id, place.channel, place.thread)
        )
