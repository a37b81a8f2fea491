"""Who is answered without naming the bot, and a question that changes while it is answered."""

from __future__ import annotations

import asyncio

from bot.identity import Named
from bot.intake import Access, IntakeOptions
from connectors.base import Asked, Edited, File, MessageRef, Person, Place
from connectors.memory import ALICE
from providers.scripted import Hang, Pause
from tests.doubles.said import ANSWERED_AS_IT_WAS, NOT_ALLOWED
from tests.doubles.way import a_way

THREAD = Place("memory", "home", "general", "thread")
GUEST = Person("guest", "Guest", external=True, realm="partner")
OVER = "_Started over: the question was changed._"


async def test_who_does_not_name_the_bot_is_answered_where_it_has_answered_before() -> None:
    async with a_way(["One."], ["Two."]) as way:
        await way.connector.ask("1", place=THREAD).accepted()
        await way.intake.settled()
        await way.connector.ask("2", place=THREAD, addressed=False).accepted()
        await way.intake.settled()
        assert way.shown == ["One.", "Two."]


async def test_who_does_not_name_the_bot_is_answered_where_it_is_answering() -> None:
    async with a_way([Pause(5), "One."], ["Two."]) as way:
        await way.connector.ask("1", place=THREAD).accepted()
        await way.connector.ask("2", place=THREAD, addressed=False).accepted()
        await way.intake.settled()
        assert way.shown == ["One.", "Two."]


async def test_who_does_not_name_the_bot_is_not_answered_elsewhere_and_nothing_is_kept() -> None:
    async with a_way() as way:
        assert await way.connector.ask("1", place=THREAD, addressed=False).accepted()
        await way.intake.settled()
        assert way.shown == []
        assert await way.store.inbox.unanswered() == []


async def test_follow_ups_can_be_left_to_those_who_name_the_bot() -> None:
    async with a_way(["One."], intake=IntakeOptions(follow_ups=False)) as way:
        await way.ask("1")
        await way.intake.settled()
        await way.connector.ask("2", addressed=False).accepted()
        await way.intake.settled()
        assert way.shown == ["One."]


async def test_people_of_another_organisation_are_told_that_they_are_not_answered() -> None:
    async with a_way() as way:
        await way.connector.ask("1", GUEST).accepted()
        await way.intake.settled()
        assert way.shown == [NOT_ALLOWED]


async def test_people_of_another_organisation_can_be_allowed_all_or_by_name() -> None:
    by_name = Access(allow_people=frozenset({Named("guest", "memory", "partner")}))
    for access in (Access(allow_external=True), by_name):
        async with a_way(["One."], intake=IntakeOptions(access=access)) as way:
            await way.connector.ask("1", GUEST).accepted()
            await way.intake.settled()
            assert way.shown == ["One."]


async def test_a_question_that_changes_while_it_is_answered_is_answered_anew() -> None:
    async with a_way(["To the old", Hang()], ["To the new."]) as way:
        ref = await way.ask("Old?")
        await way.until(lambda: way.shown)
        assert await way.connector.change(ref, "New?").accepted()
        await way.intake.settled()
        assert way.shown == [f"To the old\n\n{OVER}", "To the new."]
        assert way.provider.requests[1].turns[-1].text == "New?"


async def test_a_question_that_changes_while_it_waits_is_answered_once_as_it_reads_now() -> None:
    async with a_way([Pause(5), "One."], ["To the new."]) as way:
        await way.ask("1")
        ref = await way.ask("Old?")
        assert await way.connector.change(ref, "New?").accepted()
        await way.intake.settled()
        assert way.shown == ["One.", "To the new."]
        assert way.provider.requests[1].turns[-1].text == "New?"
        assert await way.store.inbox.unanswered() == []


async def test_the_same_change_delivered_twice_starts_over_once() -> None:
    async with a_way(["Old", Hang()], ["To the", Pause(5), " new."]) as way:
        ref = await way.ask("Old?")
        await way.until(lambda: way.shown)
        change = way.connector.change(ref, "New?")
        await way.connector.deliver(change.event).accepted()
        await way.intake.settled()
        assert way.shown == [f"Old\n\n{OVER}", "To the new."]


async def test_changes_back_and_forth_are_each_answered() -> None:
    async with a_way(["A", Hang()], ["B", Hang()], ["A", Hang()], ["B."]) as way:
        ref = await way.ask("a?")
        for number, text in enumerate(("b?", "a?", "b?"), 1):
            await way.until(lambda count=number: len(way.shown) == count)
            await way.connector.change(ref, text).accepted()
        await way.intake.settled()
        assert way.shown[-1] == "B."
        assert len(way.writing()) == 0


async def test_a_change_after_the_answer_leaves_it_and_the_asker_is_told_what_to_do() -> None:
    async with a_way(["One."]) as way:
        ref = await way.ask("1")
        await way.intake.settled()
        for _ in range(2):  # the same change may be delivered twice
            assert await way.connector.change(ref, "2").accepted()
            await way.intake.settled()
        assert way.shown == ["One.", ANSWERED_AS_IT_WAS]


async def test_a_change_of_what_was_no_question_is_nobodys_business() -> None:
    async with a_way(["One."]) as way:
        await way.ask("1")
        await way.intake.settled()
        other = MessageRef(way.connector.place, "another")
        edited = Edited(other, ALICE, "2", "1")
        assert await way.connector.deliver(edited).accepted()
        await way.intake.settled()
        assert way.shown == ["One."]


async def test_files_that_are_told_of_late_start_the_answer_over() -> None:
    """A platform may tell of a message twice, and only the second time of its files."""
    file = File("f1", "notes.txt", "text/plain", 5)
    async with a_way(["Without", Hang()], ["With."]) as way:
        ref = await way.ask("Read this")
        await way.until(lambda: way.shown)
        way.connector.platform.files["f1"] = b"swordfish"
        again = Asked(ref, ALICE, "Read this", (file,))
        for _ in range(2):
            assert await way.connector.deliver(again).accepted()
            await way.intake.settled()
        assert way.shown == [f"Without\n\n{OVER}", "With."]
        assert "swordfish" in way.provider.requests[-1].turns[-1].text


async def test_a_late_change_leaves_the_answer_alone() -> None:
    async with a_way(["One", Pause(30), "."], intake=IntakeOptions(edit_seconds=10)) as way:
        ref = await way.ask("1")
        await asyncio.sleep(20)
        assert await way.connector.change(ref, "2").accepted()
        await way.intake.settled()
        assert way.shown == ["One."]


async def test_starting_over_can_be_switched_off() -> None:
    async with a_way(["One", Pause(5), "."], intake=IntakeOptions(edit_seconds=0)) as way:
        ref = await way.ask("1")
        await way.until(lambda: way.shown)
        await way.connector.change(ref, "2").accepted()
        await way.intake.settled()
        assert way.shown == ["One."]


async def test_what_is_forgotten_in_a_channel_is_forgotten_in_its_threads() -> None:
    async with a_way(["One."], ["Two."]) as way:
        await way.connector.ask("1", place=THREAD).accepted()
        await way.intake.settled()
        await way.connector.command("new").accepted()
        await way.intake.settled()
        await asyncio.sleep(1)
        await way.connector.ask("2", place=THREAD).accepted()
        await way.intake.settled()
    assert [turn.text for turn in way.provider.requests[1].turns] == ["Be brief.", "2"]
