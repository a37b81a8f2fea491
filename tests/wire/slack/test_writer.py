"""Posting, editing and reading Slack's messages, and what is done when Slack does not answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from bot.render import layout
from connectors.base import (
    AnswerText,
    Control,
    Gone,
    MessageRef,
    Part,
    Person,
    Place,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
)
from connectors.markdown import form
from connectors.slack import SlackOptions
from connectors.slack import api as api_module
from connectors.slack.api import Api
from connectors.slack.parts import limits
from connectors.slack.writer import SlackWriter
from tests.doubles.said import Spoken
from tests.doubles.slack.faults import Broken, Held, Reset, Says, TooMany
from tests.doubles.slack.server import Slack
from tests.doubles.slack.workspaces import ALICE, GENERAL

RUN = UUID("00000000-0000-4000-8000-000000000001")

pytestmark = pytest.mark.real_time


def part(text: str, **more: Any) -> Part:
    return replace(Part(RUN, 0, AnswerText(text), controls=(Control.STOP,)), **more)


@pytest.fixture
async def thread(slack: Slack) -> Place:
    """The thread below a question in a channel."""
    return Place("slack", slack.workspace.id, GENERAL, slack.ask("Why?").ts)


@pytest.fixture
async def direct(slack: Slack) -> Place:
    """Direct messages, outside of threads."""
    return Place("slack", slack.workspace.id, slack.dm())


async def test_an_answer_stands_in_its_thread_and_shows_its_markdown(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    shown = await writer.post(thread, part("Hello, **world**."), "key")
    message = slack.message(shown.ref.id)
    assert (message.channel, message.thread_ts) == (GENERAL, thread.thread)
    assert message.now.visible == "Hello, world."
    assert message.now.stop
    assert shown.text == form("Hello, **world**.")


async def test_model_text_notifies_nobody(slack: Slack, writer: SlackWriter, thread: Place) -> None:
    text = f"<!channel> <@{ALICE}> @here <!subteam^S0TEAM001>"
    posted = await writer.post(thread, part(text), "key")
    edited = await writer.edit(posted.ref, part(f"{text} and `@everyone`"))
    assert [version.pings for version in slack.message(posted.ref.id).versions] == [[], []]
    assert edited.text == form(f"{text} and `@everyone`")


async def test_an_edit_replaces_text_buttons_and_small_print(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    posted = await writer.post(thread, part("One"), "key")
    whole = part(
        "One, two", controls=(Control.UP, Control.DOWN), footer=Spoken("verified"), last=True
    )
    shown = await writer.edit(posted.ref, whole)
    message = slack.message(posted.ref.id)
    assert shown.text == form("One, two")
    assert not message.now.stop
    assert message.edited is None
    assert await writer.read(posted.ref) == shown


async def test_every_version_is_named_in_the_metadata(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    posted = await writer.post(thread, part("One"), "key")
    await writer.edit(posted.ref, part("One, two"))
    payloads = [version.metadata for version in slack.message(posted.ref.id).versions]
    told = [each["event_payload"] for each in payloads if each]
    assert [(each["key"], each["version"]) for each in told] == [("key", 0), ("key", 1)]


# A post whose answer was lost.


@pytest.mark.parametrize("fault", [Broken(after=True), Reset(after=True), Held(5, after=True)])
@pytest.mark.parametrize("where", ["thread", "direct"])
async def test_a_post_whose_answer_was_lost_is_not_posted_again(
    slack: Slack,
    writer: SlackWriter,
    thread: Place,
    direct: Place,
    monkeypatch: pytest.MonkeyPatch,
    fault: Broken,
    where: str,
) -> None:
    monkeypatch.setattr(api_module, "_CALL_TIMEOUT_S", 0.3)
    place = thread if where == "thread" else direct
    slack.fault("chat.postMessage", fault)
    with pytest.raises(Unavailable):
        await writer.post(place, part("One"), "key")
    shown = await writer.post(place, part("One"), "key")
    (message,) = slack.messages(by_bot=True)
    assert shown.ref == MessageRef(place, message.ts)
    assert shown.text == form("One")
    assert await writer.post(place, part("One"), "key") == shown


async def test_a_post_that_had_no_effect_is_posted_again(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    slack.fault("chat.postMessage", Broken(), Reset())
    for _ in range(2):
        with pytest.raises(Unavailable):
            await writer.post(thread, part("One"), "key")
    await writer.post(thread, part("One"), "key")
    assert len(slack.messages(by_bot=True)) == 1


@pytest.mark.parametrize("fault", [Broken(), TooMany(60), Reset()])
async def test_nothing_is_posted_while_it_is_not_known_what_stands(
    slack: Slack, writer: SlackWriter, thread: Place, fault: Broken
) -> None:
    slack.fault("chat.postMessage", Broken(after=True))
    slack.fault("conversations.replies", fault)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await writer.post(thread, part("One"), "key")
    await writer.post(thread, part("One"), "key")
    assert len(slack.messages(by_bot=True)) == 1


async def test_a_lost_post_is_not_mistaken_for_another(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    other = await writer.post(thread, part("One"), "other")
    slack.fault("chat.postMessage", Broken())
    with pytest.raises(Unavailable):
        await writer.post(thread, part("One"), "key")
    assert (await writer.post(thread, part("One"), "key")).ref != other.ref


async def test_a_lost_post_is_found_behind_many_other_messages(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    slack.fault("chat.postMessage", Broken(after=True))
    for number in range(250):
        slack.say(f"Noise {number}", thread_ts=thread.thread)
    with pytest.raises(Unavailable):
        await writer.post(thread, part("One"), "key")
    await writer.post(thread, part("One"), "key")
    assert len(slack.messages(by_bot=True)) == 1


async def test_a_post_that_slack_refused_is_not_looked_for(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    slack.fault("chat.postMessage", TooMany(2))
    with pytest.raises(RateLimited) as raised:
        await writer.post(thread, part("One"), "key")
    assert raised.value.retry_after == 2.0
    await writer.post(thread, part("One"), "key")
    assert slack.called("conversations.replies") == []


async def test_what_slack_does_not_say_of_a_post_is_read(
    writer: SlackWriter, thread: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Api.call

    async def terse(self: Api, team: str, method: str, **arguments: object) -> dict[str, object]:
        answer = await call(self, team, method, **arguments)
        return {"ts": answer["ts"]} if method == "chat.postMessage" else answer

    monkeypatch.setattr(Api, "call", terse)
    shown = await writer.post(thread, part("One"), "key")
    assert shown.text == form("One")


# Edits.


async def test_nothing_is_tried_again_by_itself(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    posted = await writer.post(thread, part("One"), "key")
    slack.fault("chat.update", Broken(), TooMany(1), Reset())
    for kind in (Unavailable, RateLimited, Unavailable):
        with pytest.raises(kind):
            await writer.edit(posted.ref, part("Two"))
    assert len(slack.called("chat.update")) == 3


async def test_an_edit_of_a_message_that_can_not_be_changed_any_more_is_refused(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    posted = await writer.post(thread, part("One"), "key")
    slack.fault("chat.update", Says("edit_window_closed"), Says("cant_update_message"))
    for _ in range(2):
        with pytest.raises(Refused):
            await writer.edit(posted.ref, part("Two"))


async def test_a_message_that_still_streams_is_stopped_before_it_is_edited(
    slack: Slack, api: Api, writer: SlackWriter, thread: Place
) -> None:
    left = await api.call(
        thread.workspace,
        "chat.startStream",
        channel=thread.channel,
        thread_ts=thread.thread,
        markdown_text="Half an ans",
        recipient_user_id=ALICE,
        recipient_team_id=thread.workspace,
    )
    ref = MessageRef(thread, left["ts"])
    shown = await writer.edit(ref, part("Half an answer, ended.", controls=()))
    assert shown.text == form("Half an answer, ended.")
    assert not slack.message(ref.id).writing


async def test_a_deleted_message_is_gone(slack: Slack, writer: SlackWriter, thread: Place) -> None:
    posted = await writer.post(thread, part("One"), "key")
    slack.delete(posted.ref.id)
    with pytest.raises(Gone):
        await writer.edit(posted.ref, part("Two"))
    with pytest.raises(Gone):
        await writer.read(posted.ref)


async def test_a_deleted_question_with_answers_is_gone_too(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    await writer.post(thread, part("One"), "key")
    slack.delete(thread.thread)
    with pytest.raises(Gone):
        await writer.read(MessageRef(thread, thread.thread))


async def test_a_part_that_is_too_long_is_not_sent(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    posted = await writer.post(thread, part("One"), "key")
    with pytest.raises(TooLarge):
        await writer.edit(posted.ref, part("x" * 10_001))
    with pytest.raises(TooLarge):
        await writer.post(thread, part("x" * 10_001), "other")
    assert slack.called("chat.update") == []


@pytest.mark.parametrize("piece", ["x", "<@U1>", "&", "😀", "世", "# a\n", "**。** ", ":a: "])
async def test_the_longest_part_fits(writer: SlackWriter, thread: Place, piece: str) -> None:
    text = layout(piece * 10_000, limits(SlackOptions()))[0].text
    posted = await writer.post(thread, part(text), "key")
    assert posted.text == form(text)
    edited = await writer.edit(
        posted.ref, part(text, controls=tuple(Control), footer=Spoken("x" * 100))
    )
    assert edited.text == form(text)


# For one person.


async def test_a_part_for_one_person_is_seen_by_nobody_else(
    slack: Slack, writer: SlackWriter, thread: Place
) -> None:
    note = part("Not now.", to=Person(ALICE), controls=())
    first = await writer.post(thread, note, "key")
    assert await writer.post(thread, note, "key") == first
    (message,) = slack.messages(ephemeral=True)
    assert (message.to, message.thread_ts) == (ALICE, thread.thread)
    assert slack.messages(by_bot=True) == []


async def test_in_direct_messages_nobody_else_is_there(writer: SlackWriter, direct: Place) -> None:
    shown = await writer.post(direct, part("Not now.", to=Person(ALICE)), "key")
    assert await writer.read(shown.ref) == shown


# Budgets and status.


async def test_edits_share_a_budget_in_a_workspace_and_posts_in_a_channel(
    writer: SlackWriter,
) -> None:
    one, other = Place("slack", "T1", "C1", "1.1"), Place("slack", "T1", "C2", "2.2")
    assert writer.budget(one, "edit") == writer.budget(other, "edit")
    assert writer.budget(one, "post").key != writer.budget(other, "post").key
    assert writer.budget(one, "edit").key != writer.budget(Place("slack", "T2", "C1"), "edit").key


async def test_budgets_keep_a_distance_from_slacks_own(writer: SlackWriter) -> None:
    place = Place("slack", "T1", "C1", "1.1")
    edits, posts = writer.budget(place, "edit"), writer.budget(place, "post")
    assert (edits.calls, edits.seconds) == (50, 61.0)
    assert (posts.calls, posts.seconds) == (5, 6.0)
