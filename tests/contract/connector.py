"""What every connector keeps. A subclass says how to open one; it runs against real sockets too."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from dataclasses import replace

import pytest

from connectors.base import (
    AnswerText,
    Asked,
    Control,
    Deleted,
    Gone,
    Part,
    Status,
    TooLarge,
)
from tests.contract.capabilities import CapabilityContract
from tests.contract.harness import (
    LONG_AGO,
    PATIENCE,
    RUN,
    Harness,
    Question,
    accepted,
    growing,
    next_event,
    part,
)
from tests.doubles.said import Spoken

__all__ = [
    "RUN",
    "ConnectorContract",
    "Harness",
    "Question",
    "accepted",
    "growing",
    "next_event",
    "part",
]

HOSTILE = [
    pytest.param("<script>alert(1)</script> & <b>bold</b> &amp;", id="html"),
    pytest.param("@everyone @here <!channel> <@U123> <#C123> <@&1>", id="mentions"),
    pytest.param("👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 नि ﷽", id="graphemes"),
    pytest.param("\u202eright to left\u202c שלום مرحبا", id="bidi"),
    pytest.param("```python\nprint('`')\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |", id="markdown"),
    pytest.param("**unclosed _and `more", id="unclosed"),
    pytest.param("{{x}} %s %n \\u0041 '; DROP TABLE runs; --", id="injection"),
    pytest.param("one\n\n\n\nfive lines\n\ttab", id="white space"),
    pytest.param("x" * 1500, id="one long word"),
]


class ConnectorContract(CapabilityContract):
    """Subclass it as `TestX` and say in `connector` how to open one."""

    # Showing.

    async def test_a_post_shows_the_part(self) -> None:
        async with self.connector() as the:
            shown = await the.connector.post(the.place, part("Hello, *world*."), "key")
            assert the.shown(shown) == the.sent("Hello, *world*.")
            assert shown.ref.place == the.place

    async def test_an_edit_adds_to_what_is_shown(self) -> None:
        async with self.connector() as the:
            first = await the.connector.post(the.place, part("One", last=False), "key")
            shown = await the.connector.edit(first.ref, part("One, two"))
            assert the.shown(shown) == the.sent("One, two")
            assert shown.ref == first.ref

    async def test_an_edit_replaces_what_was_shown(self) -> None:
        async with self.able("rewrites") as the:
            first = await the.connector.post(the.place, part("A long first text"), "key")
            shown = await the.connector.edit(first.ref, part("Short"))
            assert the.shown(shown) == the.sent("Short")

    async def test_what_post_and_edit_say_is_what_the_platform_shows(self) -> None:
        async with self.able("reads") as the:
            posted = await the.connector.post(the.place, part("  One \n", last=False), "key")
            assert await the.connector.read(posted.ref) == posted
            edited = await the.connector.edit(posted.ref, part("One, two "))
            assert await the.connector.read(posted.ref) == edited

    async def test_the_same_key_posts_once(self) -> None:
        async with self.connector() as the:
            first = await the.connector.post(the.place, part("One"), "key")
            again = await the.connector.post(the.place, part("One"), "key")
            other = await the.connector.post(the.place, part("One"), "other key")
            assert again == first
            assert other.ref != first.ref

    async def test_the_same_key_leaves_the_first_post_as_it_is(self) -> None:
        async with self.able("reads") as the:
            first = await the.connector.post(the.place, part("One"), "key")
            await the.connector.post(the.place, part("Two"), "key")
            assert await the.connector.read(first.ref) == first

    async def test_a_post_is_found_by_its_key(self) -> None:
        async with self.connector() as the:
            one, two = growing("One, two"), replace(growing("Three"), index=1)
            assert await the.connector.find(the.place, one, f"{RUN}:0", LONG_AGO) is None
            first = await the.connector.post(the.place, one, f"{RUN}:0")
            assert await the.connector.find(the.place, one, f"{RUN}:0", LONG_AGO) == first
            assert await the.connector.find(the.place, two, f"{RUN}:1", LONG_AGO) is None

    async def test_another_process_finds_a_post_and_goes_on_with_it(self) -> None:
        async with self.able("another", "rewrites") as the:
            key, begun = f"{RUN}:0", growing("One, two")
            whole = part("One, two, three", controls=(Control.UP, Control.DOWN))
            first = await the.connector.post(the.place, begun, key)
            assert the.another
            other = the.another()
            found = await other.find(the.place, begun, key, LONG_AGO)
            assert found is not None
            assert found.ref == first.ref
            shown = await other.edit(found.ref, whole)
            assert the.shown(shown) == the.sent("One, two, three")
            again = await the.another().find(the.place, whole, key, LONG_AGO)
            assert again is not None
            assert again.ref == first.ref
            assert (await other.post(the.place, whole, key)).ref == first.ref

    async def test_another_process_finds_no_post_that_was_deleted(self) -> None:
        async with self.able("another", "delete") as the:
            first = await the.connector.post(the.place, growing("One, two"), f"{RUN}:0")
            assert the.another
            assert the.delete
            await the.delete(first.ref)
            other = the.another()
            assert await other.find(the.place, growing("One"), f"{RUN}:0", LONG_AGO) is None

    async def test_two_messages_are_edited_apart(self) -> None:
        async with self.connector() as the:
            one = await the.connector.post(the.place, part("One", last=False), "1")
            two = await the.connector.post(the.place, part("Two", last=False), "2")
            assert the.shown(await the.connector.edit(one.ref, part("One!"))) == the.sent("One!")
            assert the.shown(await the.connector.edit(two.ref, part("Two!"))) == the.sent("Two!")

    @pytest.mark.parametrize("text", HOSTILE)
    async def test_any_text_is_shown_as_it_is(self, text: str) -> None:
        async with self.connector() as the:
            posted = await the.connector.post(the.place, part("…", last=False), "key")
            shown = await the.connector.edit(posted.ref, part(f"…{text}"))
            assert the.shown(shown) == the.sent(f"…{text}")

    async def test_controls_and_footer_are_no_part_of_the_text(self) -> None:
        async with self.connector() as the:
            writing = part("One", last=False, controls=(Control.STOP,))
            first = await the.connector.post(the.place, writing, "key")
            end = (Control.RETRY, Control.CONTINUE, Control.UP, Control.DOWN)
            whole = Part(
                RUN,
                0,
                AnswerText("One, two"),
                controls=end,
                footer=Spoken("8 characters"),
                last=True,
            )
            shown = await the.connector.edit(first.ref, whole)
            assert the.shown(shown) == the.sent("One, two")

    async def test_a_part_without_a_run_is_shown(self) -> None:
        async with self.connector() as the:
            shown = await the.connector.post(
                the.place, Part(None, 0, AnswerText("Note"), last=True), "key"
            )
            assert the.shown(shown) == the.sent("Note")

    # Limits.

    async def test_a_part_of_the_greatest_length_is_shown_whole(self) -> None:
        async with self.able("longest") as the:
            text = "x" * the.connector.limits.length
            shown = await the.connector.post(the.place, part(text), "key")
            assert the.shown(shown) == the.sent(text)

    async def test_a_longer_part_is_refused_and_changes_nothing(self) -> None:
        async with self.able("longest", "reads") as the:
            long = part("x" * (the.connector.limits.length + 1))
            with pytest.raises(TooLarge):
                await the.connector.post(the.place, long, "long")
            shown = await the.connector.post(the.place, part("Short"), "short")
            with pytest.raises(TooLarge):
                await the.connector.edit(shown.ref, long)
            assert await the.connector.read(shown.ref) == shown

    async def test_length_is_counted_in_the_unit_that_the_limits_name(self) -> None:
        async with self.able("longest") as the:
            limits = the.connector.limits
            lengths = range(1, limits.length + 1)
            room = bisect_left(lengths, True, key=lambda length: not limits.take("😀" * length))
            shown = await the.connector.post(the.place, part("😀" * room), "key")
            assert the.shown(shown) == the.sent("😀" * room)
            with pytest.raises(TooLarge):
                await the.connector.post(the.place, part("😀" * (room + 1)), "long")

    async def test_every_call_has_a_budget(self) -> None:
        async with self.connector() as the:
            for budget in (
                the.connector.budget(the.place, "post"),
                the.connector.budget(the.place, "edit"),
            ):
                assert budget.calls >= 1
                assert budget.seconds > 0
            assert the.connector.budget(the.place, "edit") == budget

    # What is gone.

    async def test_an_edit_of_a_deleted_message_says_that_it_is_gone(self) -> None:
        async with self.able("delete") as the:
            shown = await the.connector.post(the.place, part("One", last=False), "key")
            assert the.delete
            await the.delete(shown.ref)
            with pytest.raises(Gone):
                await the.connector.edit(shown.ref, part("One, two"))

    async def test_reading_a_deleted_message_says_that_it_is_gone(self) -> None:
        async with self.able("delete", "reads") as the:
            shown = await the.connector.post(the.place, part("One"), "key")
            assert the.delete
            await the.delete(shown.ref)
            with pytest.raises(Gone):
                await the.connector.read(shown.ref)

    # History.

    async def test_history_is_the_newest_messages_before_one_with_the_oldest_first(self) -> None:
        async with self.able("remembers") as the:
            said = [(await the.ask(f"Question {i}")).ref for i in range(5)]
            history = await the.connector.history(the.place, before=said[4], limit=3)
            assert [each.text for each in history] == ["Question 1", "Question 2", "Question 3"]
            assert [each.ref for each in history] == said[1:4]
            assert [each.at_us for each in history] == sorted(each.at_us for each in history)

    async def test_history_tells_the_bots_messages_from_the_peoples(self) -> None:
        async with self.able("remembers") as the:
            question = await the.ask("Question")
            answer = await the.connector.post(the.place, part("Answer"), "key")
            after = await the.ask("Thanks")
            history = await the.connector.history(the.place, before=after.ref, limit=10)
            assert [(each.ref, each.by_bot) for each in history] == [
                (question.ref, False),
                (answer.ref, True),
            ]

    async def test_history_before_the_first_message_is_empty(self) -> None:
        async with self.connector() as the:
            question = await the.ask("Question")
            assert list(await the.connector.history(the.place, question.ref, limit=10)) == []

    # Events.

    async def test_questions_come_in_order_with_place_person_and_text(self) -> None:
        async with self.connector() as the:
            asked = [await the.ask(f"Question {i}") for i in range(3)]
            events = await accepted(the.connector.events(), 3)
            questions = [event for event in events if isinstance(event, Asked)]
            assert [event.text for event in questions] == [f"Question {i}" for i in range(3)]
            assert [event.message for event in questions] == [question.ref for question in asked]
            assert all(event.person.id for event in questions)

    async def test_the_platform_learns_that_the_bot_has_a_question(self) -> None:
        async with self.connector() as the:
            question = await the.ask("Question")
            (await next_event(the.connector.events())).accept()
            async with asyncio.timeout(PATIENCE):
                assert await question.settled()

    async def test_the_platform_learns_that_the_bot_could_not_keep_a_question(self) -> None:
        async with self.connector() as the:
            question = await the.ask("Question")
            (await next_event(the.connector.events())).refuse()
            async with asyncio.timeout(PATIENCE):
                assert not await question.settled()

    async def test_a_deleted_question_is_an_event(self) -> None:
        async with self.able("delete") as the:
            events = the.connector.events()
            question = await the.ask("Question")
            await accepted(events, 1)
            assert the.delete
            await the.delete(question.ref)
            assert await accepted(events, 1) == [Deleted(question.ref)]

    async def test_the_bots_own_posts_and_edits_are_no_events(self) -> None:
        async with self.connector() as the:
            shown = await the.connector.post(the.place, part("One", last=False), "key")
            await the.connector.edit(shown.ref, part("One, two"))
            question = await the.ask("Question")
            (event,) = await accepted(the.connector.events(), 1)
            assert event.message == question.ref

    # Courtesies and the end.

    async def test_every_status_can_be_signalled(self) -> None:
        async with self.connector() as the:
            for status in Status:
                await the.connector.signal(the.place, status)

    async def test_a_probe_passes(self) -> None:
        async with self.connector() as the:
            await the.connector.probe()

    async def test_closing_ends_the_events(self) -> None:
        async with self.connector() as the:
            events = the.connector.events()
            await the.ask("Question")
            await accepted(events, 1)
            await the.connector.aclose()
            with pytest.raises(StopAsyncIteration):
                await next_event(events)

    async def test_closing_wakes_whoever_waits_for_an_event(self) -> None:
        async with self.connector() as the:
            waiting = asyncio.ensure_future(next_event(the.connector.events()))
            await asyncio.sleep(0)
            await the.connector.aclose()
            with pytest.raises(StopAsyncIteration):
                await waiting

    async def test_closing_twice_is_fine(self) -> None:
        async with self.connector() as the:
            await the.connector.aclose()
            await the.connector.aclose()
