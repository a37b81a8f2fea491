"""A platform that translates Markdown: what can be seen is compared, and a loss is still found."""

from __future__ import annotations

from typing import Any

import pytest

from bot.render import Piece, as_seen, restore
from bot.runs import Outcome, verify
from bot.runs.receipts import Verdict
from bot.telemetry import Metrics
from connectors.base import Limits, MessageRef, Part, Place, Refused, Shown
from connectors.markdown import form
from connectors.memory import Lost, MemoryConnector
from providers.scripted import Pause
from tests.doubles.way import a_way


class Platform(MemoryConnector):
    """Shows texts as `distort` makes them; `before_edit` may raise what goes wrong."""

    def __init__(self, length: int = 200) -> None:
        super().__init__(limits=Limits(length, keeps_source=False))
        self.distort: Any = lambda text: text
        self.unknown: tuple[str, ...] = ()
        self.before_edit: Any = lambda _part: None

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        return self._as_distorted(await super().post(place, part, key))

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        self.before_edit(part)
        return self._as_distorted(await super().edit(ref, part))

    async def read(self, ref: MessageRef) -> Shown:
        return self._as_distorted(await super().read(ref))

    def _as_distorted(self, shown: Shown) -> Shown:
        return Shown(shown.ref, self.distort(shown.text), self.unknown)


TEXT = "# Title\n\n**Bold** words and `code`.\n\n```python\nprint('x')\n```\n\nThe *end*."


async def test_marks_that_the_platform_turns_into_looks_are_no_loss() -> None:
    platform = Platform()
    async with a_way([TEXT], connector=platform) as way:
        result = await way.answer()
        row = await way.store.runs.get(result.run_id)
        assert row is not None
        again = await verify(row, way.store, way.connector)
    assert result.receipt.verdict is again.verdict is Verdict.VERIFIED
    assert result.receipt.shown == result.receipt.generated


async def test_a_character_that_the_platform_drops_is_found_and_named() -> None:
    platform = Platform()
    platform.distort = lambda text: text.replace("words", "word")
    async with a_way([TEXT], connector=platform) as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.BROKEN
    (fault,) = result.receipt.faults
    assert fault.link == "shown"
    assert fault.position is not None
    assert fault.position <= TEXT.index("words") + len("word") + 1


@pytest.mark.parametrize("changed", ["x{}", "{}x", ""])
async def test_text_that_is_too_much_or_missing_is_found(changed: str) -> None:
    platform = Platform()
    platform.distort = lambda text: changed.format(text)
    async with a_way([TEXT], connector=platform) as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.BROKEN


async def test_blocks_that_nobody_knows_prove_nothing_and_are_named() -> None:
    """Neither broken nor sent again: what they show can't be said. The metrics name them."""
    platform = Platform()
    platform.distort = lambda _text: ""
    platform.unknown = ("data_table", "raw_number")
    async with a_way([TEXT], connector=platform) as way:
        result = await way.answer()
        row = await way.store.runs.get(result.run_id)
        assert row is not None
        assert row.end is not None
        again = await verify(row, way.store, way.connector)
    assert result.receipt.verdict is again.verdict is Verdict.UNPROVEN
    assert result.receipt.unknown == again.unknown == ("data_table", "raw_number")
    assert "data_table, raw_number" in result.receipt.unproven
    assert sum(call.name == "edit" for call in platform.platform.calls) <= 1
    metrics = Metrics("1")
    metrics.ended(row.start, row.end, None)
    line = b'everytoken_unknown_blocks_total{block="data_table",connector="memory"} 1.0'
    assert line in metrics.text()


def test_the_names_of_unknown_blocks_in_the_metrics_are_bounded() -> None:
    """A platform chooses them."""
    metrics = Metrics("1")
    names = {metrics.name_of(f"block_{n}") for n in range(200)}
    assert len(names) == 51
    assert metrics.name_of('x"}{<') == "other"


async def test_a_part_that_is_shown_otherwise_at_first_is_sent_again() -> None:
    platform = Platform()
    spoilt = iter(["Wro", "Wro"])
    platform.distort = lambda text: next(spoilt, text)
    async with a_way(["One."], connector=platform) as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.VERIFIED
    assert way.shown == ["One."]


async def test_a_part_is_not_sent_again_for_ever() -> None:
    platform = Platform()
    platform.distort = lambda _text: "nonsense"
    async with a_way(["One."], connector=platform) as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.BROKEN
    assert len(platform.platform.calls) < 10


async def test_after_a_lost_edit_that_had_its_effect_nothing_is_shown_twice() -> None:
    """The message can't be edited any more, and what it shows is more than what was confirmed."""
    platform = Platform(length=4000)
    refuse = False

    def before_edit(_part: Part) -> None:
        nonlocal refuse
        if refuse:
            refuse = False
            raise Refused("cant_update_message")

    def fault(call: str, number: int) -> Lost | None:
        nonlocal refuse
        if call != "edit" or number != 1:
            return None
        refuse = True
        return Lost()

    platform.fault, platform.before_edit = fault, before_edit
    script = ["**One** and ", Pause(5), "two *and*\n\n", Pause(5), "three."]
    async with a_way(script, connector=platform) as way:
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)
    assert way.shown == ["**One** and two *and*", "three."]


async def test_what_a_message_lacks_that_takes_no_edit_any_more_is_shown_below_it() -> None:
    """The platform showed less than it was sent, and refuses to be told again."""
    platform = Platform(length=4000)
    platform.distort = lambda text: text.replace("Some words.\nAnd more.", "Some")
    edits = 0

    def before_edit(_part: Part) -> None:
        nonlocal edits
        edits += 1
        if edits == 2:
            raise Refused("cant_update_message")

    platform.before_edit = before_edit
    script = ["**Some** ", Pause(5), "*words*.\n\nAnd more."]
    async with a_way(script, connector=platform) as way:
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)


async def test_a_note_that_is_frozen_itself_is_no_part_of_the_answer() -> None:
    """The end is said in a new message, whose post is lost and which takes no edit either."""
    platform = Platform(length=4000)
    platform.fault = lambda call, number: Lost() if (call, number) == ("post", 2) else None
    refusals = 2

    def before_edit(part: Part) -> None:
        nonlocal refusals
        if part.last and refusals:
            refusals -= 1
            raise Refused("cant_update_message")

    platform.before_edit = before_edit
    async with a_way(["**One** and two.", Pause(5)], connector=platform) as way:
        result = await way.answer()
    assert len(way.shown) == 3
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)


async def test_a_message_that_is_tidied_up_is_judged_by_what_it_shows_then() -> None:
    """Its last line was shown otherwise, and went into the next message."""
    platform = Platform(length=4000)
    platform.distort = lambda text: "One?" if text == "One\nand" else text
    refusals = 1

    def before_edit(_part: Part) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise Refused("cant_update_message")

    platform.before_edit = before_edit
    async with a_way(["**One**\nand ", Pause(5), "two."], connector=platform) as way:
        result = await way.answer()
    assert way.shown == ["**One**", "and two."]
    assert result.receipt.verdict is Verdict.VERIFIED


def test_a_piece_is_restored_whole_with_or_without_its_decoration() -> None:
    piece = Piece("\n", "```py\n", "x = *1*", "\n```", "\n")
    for shown in (form(piece.text), form(piece.head + piece.body)):
        assert restore([piece], [shown]) == "\nx = *1*\n"


def test_where_a_shown_text_ends_is_found_exactly_within_a_long_body() -> None:
    body = "\n\n".join(f"Paragraph **{n}** with *words*." for n in range(300))
    piece = Piece("", "", body, "\n\n_note_", "")
    for end in (0, 5, 77, 1234, len(body)):
        seen = as_seen(piece, form(body[:end]))
        assert form(seen.body) == form(body[:end])
