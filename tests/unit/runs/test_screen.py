"""What stands on the screen when the platform loses, refuses or deletes a part of an answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.runs import Outcome, Result
from bot.runs.receipts import Verdict, verify
from connectors.base import (
    ConnectorError,
    Limits,
    MessageRef,
    Part,
    RateLimited,
    Refused,
    Shown,
    TooLarge,
    Unavailable,
)
from connectors.memory import Fault, Lost, MemoryConnector
from providers.scripted import Hang, Pause
from tests.doubles.way import Way, a_way

TWO_PARTS = ["word " * 18, "\n\n", "more " * 9, Pause(5), "rest " * 15, Pause(5), "end."]
"""The second part is posted before the first gives up its tail: for a moment both offer to stop."""
CUT_OFF = "_The rest of the answer can't be shown._"


class Platform(MemoryConnector):
    """Takes short messages. `before_edit` may raise what is to go wrong with an edit."""

    def __init__(self, fault: Fault | None = None) -> None:
        super().__init__(limits=Limits(200), fault=fault)
        self.before_edit: Any = lambda _ref, _part: None

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        self.before_edit(ref, part)
        return await super().edit(ref, part)


async def verified_again(way: Way, result: Result) -> Verdict:
    """The verdict of a comparison that reads the messages back."""
    await way.store.settled(result.run_id, 5.0)
    row = await way.store.runs.get(result.run_id)
    assert row is not None
    return (await verify(row, way.store, way.connector)).verdict


async def test_a_part_that_is_deleted_while_the_next_one_stands_leaves_none_unfinished() -> None:
    platform = Platform()
    async with a_way([*TWO_PARTS, Hang()], connector=platform) as way:

        def delete_the_first(_ref: MessageRef, _part: Part) -> None:
            way.messages[0].deleted = len(way.messages) == 2

        platform.before_edit = delete_the_first
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.STOPPED, Verdict.UNPROVEN)
    assert len(way.messages) == 2
    assert way.writing() == []


async def test_an_answer_of_which_a_finished_part_was_deleted_is_not_called_verified() -> None:
    platform = Platform()
    async with a_way([*TWO_PARTS, "more " * 30, Hang()], connector=platform) as way:
        await way.ask()
        await way.until(lambda: len(way.messages) == 3)
        assert await platform.delete(way.messages[0].ref).accepted()
        await way.intake.settled()
        row = (await way.store.runs.recent(1))[0]
    assert row.end is not None
    assert (row.end.outcome, row.end.verdict) == ("stopped", "unproven")
    assert way.writing() == []


async def test_a_part_that_cannot_give_up_its_tail_keeps_it_and_the_next_begins_after_it() -> None:
    platform = Platform()
    async with a_way(TWO_PARTS, connector=platform) as way:

        def refuse_the_first(ref: MessageRef, _part: Part) -> None:
            if ref == way.messages[0].ref:
                raise Refused("too old")

        platform.before_edit = refuse_the_first
        result = await way.answer()
        again = await verified_again(way, result)
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)
    assert again is Verdict.VERIFIED
    assert way.writing() == [way.shown[0]]
    assert way.shown[1].startswith("rest ")


async def test_a_passage_that_stays_on_the_screen_twice_is_not_called_verified() -> None:
    platform = Platform()
    async with a_way(TWO_PARTS, connector=platform) as way:

        def refuse_all(_ref: MessageRef, _part: Part) -> None:
            if len(way.messages) > 1:
                raise Refused("archived")

        platform.before_edit = refuse_all
        result = await way.answer()
    assert result.receipt.verdict is Verdict.BROKEN
    assert [fault.link for fault in result.receipt.faults] == ["shown"]
    assert sum(text.count("more ") for text in way.shown) < 3 * 9


async def test_an_edit_that_was_lost_before_the_message_froze_is_not_said_twice() -> None:
    """The platform did it and its answer was lost: only reading it back tells what stands."""
    platform = Platform(lambda call, n: Lost() if call == "edit" and n == 1 else None)
    edits = 0

    def refuse_the_second(_ref: MessageRef, _part: Part) -> None:
        nonlocal edits
        edits += 1
        if edits > 1:
            raise Refused("too old")

    platform.before_edit = refuse_the_second
    async with a_way(["One. ", Pause(5), "Two. ", Pause(5), "Three."], connector=platform) as way:
        result = await way.answer()
        again = await verified_again(way, result)
    assert way.shown[:2] == ["One. Two.", "Three."]
    assert (result.receipt.verdict, again) == (Verdict.VERIFIED, Verdict.VERIFIED)


async def test_a_message_that_can_neither_be_edited_nor_read_leaves_the_screen_unproven() -> None:
    def fault(call: str, number: int) -> ConnectorError | Lost | None:
        if call == "edit" and number == 1:
            return Lost()
        return Refused("no") if call in ("edit", "read") else None

    async with a_way(["One. ", Pause(5), "Two."], connector=Platform(fault)) as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.UNPROVEN


@pytest.mark.parametrize("problem", [Unavailable("a fault"), RateLimited("too many", 1.0)])
async def test_a_frozen_message_is_rid_of_its_stop_button_also_after_a_fault(
    problem: ConnectorError,
) -> None:
    platform = Platform()
    problems: list[ConnectorError] = [Refused("not now"), problem]
    async with a_way(["One. ", Pause(5), "Two."], connector=platform) as way:

        def before_edit(ref: MessageRef, _part: Part) -> None:
            if ref == way.messages[0].ref and problems:
                raise problems.pop(0)

        platform.before_edit = before_edit
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)
    assert way.writing() == []


async def test_white_space_beside_a_frozen_message_is_not_counted_twice_when_read_back() -> None:
    platform = Platform(lambda call, _n: Refused("too old") if call == "edit" else None)
    async with a_way(["One. ", Pause(5), "Two. ", Pause(5), "Three."], connector=platform) as way:
        result = await way.answer()
        assert await verified_again(way, result) is Verdict.VERIFIED


@pytest.mark.parametrize("error", [Refused("muted"), TooLarge("4")])
async def test_where_no_further_message_is_taken_the_last_one_says_so(
    error: ConnectorError,
) -> None:
    platform = Platform(lambda call, n: error if call == "post" and n > 1 else None)
    async with a_way(TWO_PARTS, connector=platform) as way:
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.UNDELIVERABLE, Verdict.BROKEN)
    assert way.shown[0].endswith(CUT_OFF)
    assert way.writing() == []


async def test_an_edit_that_the_platform_never_answers_is_made_again() -> None:
    platform = Platform()
    hung = asyncio.Event()
    whole = MemoryConnector.edit

    async def hang_once(ref: MessageRef, part: Part) -> Shown:
        if not hung.is_set():
            hung.set()
            await asyncio.Event().wait()
        return await whole(platform, ref, part)

    platform.edit = hang_once  # type: ignore[method-assign]
    async with a_way(["One. ", Pause(5), "Two."], connector=platform) as way:
        result = await way.answer()
        assert asyncio.get_running_loop().time() < 90
    assert (result.outcome, way.shown) == (Outcome.COMPLETE, ["One. Two."])


async def test_a_lost_post_that_shows_more_than_its_part_keeps_it_until_the_next_stands() -> None:
    """It was posted as one part; by the time that is known, the answer has two."""
    platform = Platform(lambda call, n: Lost() if call == "post" and n == 1 else None)
    script = ["word " * 18, "\n\n", "more " * 9, Pause(0.3), "rest " * 15]
    seen: list[int] = []
    async with a_way([*script, Pause(5)], connector=platform) as way:

        def count(_ref: MessageRef, _part: Part) -> None:
            seen.append(len(way.messages))

        platform.before_edit = count
        result = await way.answer()
    assert seen[0] == 2
    assert result.receipt.verdict is Verdict.VERIFIED


async def test_a_lost_edit_that_shows_more_than_its_part_keeps_it_until_the_next_stands() -> None:
    """It was sent as one part; by the time it is sent again, the answer has two."""
    platform = Platform(lambda call, n: Lost() if call == "edit" and n == 1 else None)
    script = ["word " * 18, Pause(3), "\n\n", "more " * 9, Pause(0.3), "rest " * 15]
    seen: list[tuple[int, int]] = []
    async with a_way([*script, Pause(5)], connector=platform) as way:

        def count(_ref: MessageRef, part: Part) -> None:
            shown = sum(len(text) for text in way.shown)
            seen.append((len(way.messages), len(part.text) - shown))

        platform.before_edit = count
        result = await way.answer()
    assert result.receipt.verdict is Verdict.VERIFIED
    assert all(messages == 2 or grows >= 0 for messages, grows in seen)
