"""Each rung where a platform says no: counted, told once, with no live Stop and nothing twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from bot.render import Piece, literal
from bot.reply.screen import Ending, Message, Screen
from bot.reply.state import Closing
from bot.runs import Outcome
from bot.runs.receipts import Verdict
from bot.store import memory_store
from bot.telemetry import Metrics
from bot.words import Wording
from connectors.base import (
    Budget,
    ConnectorError,
    Control,
    Gone,
    Limits,
    MessageLimited,
    MessageRef,
    Part,
    Place,
    RateLimited,
    Refused,
    Shown,
    TooLarge,
    Unavailable,
)
from connectors.markdown import form
from connectors.memory import Lost, MemoryConnector
from providers.scripted import Finish, Pause
from tests.doubles.way import a_way
from tests.unit.runs.test_refusals import CUT, LONG, Picky, always, times, words
from tests.unit.watch.test_metrics import value

REFUSALS = [Refused("no"), TooLarge("msg_too_long"), Gone("message_not_found")]
EDGE = Place("memory", "home", "general")


# No live Stop where the platform takes one more call.


@pytest.mark.parametrize("problem", REFUSALS)
@pytest.mark.parametrize("count", [1, 2, 3])
async def test_stop_is_taken_away_though_edits_are_refused_a_few_times(
    problem: ConnectorError, count: int
) -> None:
    async with a_way(LONG, connector=Picky(edit=times(count, problem))) as way:
        await way.answer()
    assert way.writing() == []
    assert words(way).count("word") == 40


async def test_stop_is_taken_away_though_the_platform_is_away_between_the_refusals() -> None:
    """Only a refusal says that edits are refused."""
    no, away = Refused("edit_window_closed"), Unavailable("503")
    faults = iter([no, away, away, no])

    def refuse(part: Part) -> ConnectorError | None:
        return next(faults, None) if part.index == 0 else None

    async with a_way(LONG, connector=Picky(edit=refuse)) as way:
        await way.answer()
    assert way.writing() == []
    assert next(faults, None) is None


@pytest.mark.parametrize("problem", REFUSALS)
@pytest.mark.parametrize("count", [1, 2])
async def test_stop_is_taken_away_where_the_answer_is_cut_as_well(
    problem: ConnectorError, count: int
) -> None:
    """The edit that says so is refused, one that says nothing new is taken."""
    platform = Picky(always(Refused("no"), after=1), times(count, problem))
    async with a_way(["word " * 30, Pause(3), "word " * 300], connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.UNDELIVERABLE
    assert way.writing() == []
    part = way.messages[0].part
    assert part is not None
    assert Control.RETRY in part.controls


@pytest.mark.parametrize(
    "busy", [RateLimited("busy", 0.5), MessageLimited("busy", 4.0), Unavailable("busy")]
)
@pytest.mark.parametrize("count", [3, 30])
async def test_stop_is_taken_away_after_however_many_limits_on_one_message(
    busy: ConnectorError, count: int
) -> None:
    """A limit and an outage pass: they are no reason to leave a message as it is."""
    refused = iter([Refused("no"), *[busy] * count])
    platform = Picky(edit=lambda _part: next(refused, None))
    async with a_way(LONG, connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.COMPLETE
    assert way.writing() == []


async def test_a_message_that_never_takes_an_edit_is_not_asked_for_ever() -> None:
    platform = Picky(edit=always(Refused("edit_window_closed")))
    async with a_way(LONG, connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.COMPLETE
    by_ref: dict[Any, int] = {}
    for message in way.messages:
        part = message.part
        assert part is not None
        tried = sum(call == "edit" and each.index == part.index for call, each in platform.tried)
        by_ref[message.ref] = tried
    assert max(by_ref.values()) <= 4


# A post whose answer was lost, and then a refusal.


async def test_a_post_that_was_taken_is_found_before_the_next_is_believed_to_be_refused() -> None:
    platform = Picky(fault=lambda call, n: Lost() if (call, n) == ("post", 1) else None)
    platform.posts = always(Refused("is_archived"), after=1)
    async with a_way(LONG[:4], connector=platform) as way:
        result = await way.answer()
    assert (len(way.messages), way.writing()) == (1, [])
    assert platform.called("find") == 1
    assert result.outcome is Outcome.COMPLETE
    assert platform.platform.whispers == {}


async def test_a_post_that_was_not_taken_goes_down_all_the_same() -> None:
    platform = Picky(fault=lambda call, n: Unavailable("") if (call, n) == ("post", 1) else None)
    platform.posts = times(1, Refused("invalid_blocks"), after=1)
    async with a_way(LONG, connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.COMPLETE
    assert words(way).count("word") == 40


@pytest.mark.parametrize("looked", [Unavailable("for now"), RateLimited("busy", 1.0)])
@pytest.mark.parametrize("count", [0, 1, 20])
async def test_a_part_that_was_in_doubt_when_the_reader_deleted_another_is_ended(
    looked: ConnectorError, count: int
) -> None:
    def fault(call: str, number: int) -> Any:
        if (call, number) == ("post", 2):
            return Lost()
        return looked if call == "find" and number <= count else None

    platform = Picky(fault=fault, latency=0.5)
    async with a_way(["word " * 30, Pause(3), *LONG], connector=platform) as way:
        await way.ask()
        await way.until(lambda: platform.called("post") == 2)
        assert await platform.delete(way.messages[0].ref).accepted()
        await way.intake.settled()
    assert len(way.messages) == 2
    assert way.writing() == []


async def test_an_end_whose_answer_was_lost_is_not_repeated_below_once_edits_are_refused() -> None:
    """What is read back has the note as well."""
    platform = Picky(
        fault=lambda call, n: (
            (Lost() if n == 1 else MessageLimited("busy there", 900.0)) if call == "edit" else None
        )
    )
    script: list[Any] = ["One.\nTwo. ", Pause(1.2), "Three. ", Finish("length")]
    async with a_way(script, connector=platform) as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.VERIFIED
    assert "".join(way.shown).count("Three.") == 1


async def test_an_answer_that_could_not_be_shown_in_time_says_so() -> None:
    platform = Picky(budgets=lambda _place, call: Budget(call, 1, 5.0 if call == "post" else 1.0))
    text = "".join(f"w{number}. " for number in range(400))
    async with a_way([text], connector=platform, delivery_seconds=20) as way:
        result = await way.answer()
    assert result.outcome is Outcome.UNDELIVERABLE
    assert way.shown[-1].endswith(CUT)
    assert way.writing() == []


# Who is told.


async def test_the_asker_is_told_where_the_channel_is_deleted_below_an_answer() -> None:
    """What is gone with its channel was not deleted by the reader."""
    platform = Picky()

    def closed(_part: Part) -> ConnectorError | None:
        if len(platform.platform.messages) < 2:  # the question alone
            return None
        for message in platform.platform.messages.values():
            message.deleted = True
        return Gone("channel_not_found")

    platform.posts = closed
    async with a_way(["word " * 30, Pause(3), "word " * 300], connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.UNDELIVERABLE
    ((_, text),) = platform.platform.whispers.values()
    assert text.startswith("The answer")


class Telling(MemoryConnector):
    """Takes no post; counts what reaches the asker, also what is told again."""

    def __init__(self, **more: Any) -> None:
        super().__init__(limits=Limits(200), **more)
        self.told: list[str] = []

    async def post(self, *_call: Any) -> Shown:
        raise Refused("is_archived")

    async def whisper(self, place: Place, person: Any, said: Wording, key: str) -> None:
        await super().whisper(place, person, said, f"{key}{len(self.told)}")

    def heard(self) -> int:
        return len(self.platform.whispers)


async def test_a_whisper_whose_answer_was_lost_is_not_given_again() -> None:
    platform = Telling(fault=lambda call, _n: Lost() if call == "whisper" else None)
    metrics = Metrics("1")
    async with a_way(["Hello."], connector=platform, watch=metrics) as way:
        await way.answer()
    assert platform.heard() == 1
    assert sum(call.name == "whisper" for call in platform.platform.calls) == 1
    assert value(metrics, "refusals_total", connector="memory", rung="operator") == 1
    assert value(metrics, "refusals_total", connector="memory", rung="asker") == 0


async def test_the_same_is_told_by_one_teller_alone_and_another_thing_by_another() -> None:
    store = memory_store()
    run, one, other = UUID(int=1), UUID(int=2), UUID(int=3)
    assert await store.whispers.claim(run, "shown.cut_there", one, 1)
    assert await store.whispers.claim(run, "shown.cut_there", one, 2), "its answer may be lost"
    assert not await store.whispers.claim(run, "shown.cut_there", other, 3)
    assert await store.whispers.claim(run, "shown.nothing_there", other, 4)
    assert await store.whispers.claim(UUID(int=9), "shown.cut_there", other, 5)
    await store.aclose()


# What is counted.


async def test_each_rung_is_counted_once() -> None:
    metrics = Metrics("1")
    text = "".join(f"Some **words** of it, {number}. " for number in range(100))
    for post in (times(1, Refused("no")), times(3, Refused("no")), always(Refused("no"))):
        async with a_way([text], connector=Picky(post=post, length=800), watch=metrics) as way:
            await way.answer()
    counts = {
        rung: value(metrics, "refusals_total", connector="memory", rung=rung)
        for rung in ("half", "quarter", "literal", "closed", "asker", "operator", "below")
    }
    assert counts == {
        "half": 3, "quarter": 2, "literal": 2, "closed": 1, "asker": 1, "operator": 0, "below": 0,
    }  # fmt: skip


async def test_what_is_done_about_a_refused_edit_is_counted() -> None:
    metrics = Metrics("1")
    platform = Picky(edit=times(2, Gone("message_not_found")))
    async with a_way(LONG, connector=platform, watch=metrics) as way:
        await way.answer()
    for rung in ("read_back", "below"):
        assert value(metrics, "refusals_total", connector="memory", rung=rung) == 1


# What goes on below.


@pytest.mark.parametrize("fence", ["```", "~~~~", "```python"])
async def test_code_goes_on_as_code_below_a_message_that_takes_no_edit(fence: str) -> None:
    """As prose it would lose its stars."""
    closing = fence.rstrip("python")
    script = [f"So:\n\n{fence}\na = b\n", Pause(3), "c = 2 *d* 3\n", Pause(3), f"{closing}\nYes."]
    async with a_way(script, connector=Picky(edit=times(1, Refused("no")), length=400)) as way:
        await way.answer()
    assert len(way.messages) == 2
    assert "c = 2 *d* 3" in form(way.shown[1])
    assert form(way.shown[1]).endswith("Yes.")


def _standing(ids: str, *pieces: str) -> list[Message]:
    return [
        Message(MessageRef(EDGE, id_), None, Piece("", "", text, "", " "), form(text))
        for id_, text in zip(ids, pieces, strict=True)
    ]


def _edited(screen: Screen, refused: set[str]) -> dict[str, str]:
    """What each message was sent last, where those that are refused stay as they are."""
    sent: dict[str, str] = {}
    number = 0
    while (step := screen.next()) is not None:
        if step.ref is not None and step.ref.id in refused:
            screen.freeze(step, screen.shown_otherwise(step))
            continue
        number += 1
        ref = step.ref or MessageRef(EDGE, f"new{number}")
        sent[ref.id] = step.part.text
        screen.confirm(step, Shown(ref, form(step.part.text)))
        assert number < 20
    return sent


@pytest.mark.parametrize("refused", [{"a"}, {"b"}, {"a", "b"}, {"c"}, {"a", "b", "c"}])
def test_of_several_messages_that_stand_each_word_is_shown_once_whichever_is_refused(
    refused: set[str],
) -> None:
    texts = [" ".join(f"w{10 * n + k}." for k in range(10)) for n in range(3)]
    standing = _standing("abc", *texts)
    screen = Screen(UUID(int=1), Limits(1000), None, standing, firm=2)
    whole = " ".join(texts)
    screen.append(whole)
    assert screen.end(Ending(f"{whole} And more.", "_Note._")) is not None
    sent = _edited(screen, refused)
    left = dict(zip("abc", texts, strict=True))
    shown = " ".join((left | sent).values())
    assert all(shown.count(f"w{n}.") == 1 for n in range(30))
    assert shown.count("And more.") == 1


def test_a_message_below_a_refused_one_keeps_its_place() -> None:
    """The white space between the two belongs to neither, and no character comes twice."""
    texts = ["one two", "three four"]
    screen = Screen(UUID(int=1), Limits(1000), None, _standing("ab", *texts))
    screen.append("one two three four five")
    screen.end(Ending("one two three four five"))
    sent = _edited(screen, {"a", "b"})
    assert sent == {"new1": "five"}


def test_what_stands_as_code_is_known_to_be_code() -> None:
    """Another process may have had to show it so; nobody noted it any more."""
    code = "1. a *b*\n\n\n   c"
    message = replace(_standing("a", "")[0], shown=form(f"```\n{code}\n```"))
    message = replace(message, piece=replace(message.piece, trail=""))
    screen = Screen(UUID(int=1), Limits(1000), None, [message])
    screen.append(f"{code} and more.")
    screen.end(Ending(f"{code} and more."))
    assert _edited(screen, {"a"}) == {"new1": "and more."}
    ((_, part),) = screen.left_writing()
    assert part.literal
    assert part.text == f"```\n{code}\n```"


def test_code_of_which_a_part_is_shown_is_noted_as_whole_code() -> None:
    """A post whose answer was lost may stand for long: another process has to end it as code."""
    screen = Screen(UUID(int=1), Limits(1000), None, [])
    screen.append("one two\nthree")
    screen.as_literal()
    step = screen.next()
    assert step is not None
    message = screen.confirm(step, Shown(MessageRef(EDGE, "a"), "one two"), sure=False)
    assert message.piece == literal(message.piece)


@pytest.mark.parametrize("begun", ["one *two*\n\nthree", "```\none *two*  three\n```"])
def test_of_a_message_that_nobody_noted_what_can_be_seen_is_not_said_again(begun: str) -> None:
    """Its process died when it had posted it, and parts have to be smaller now."""
    seen = form(begun)
    standing = [Message(MessageRef(EDGE, "a"), None, Piece("", "", "", "", ""), seen)]
    source = begun.removeprefix("```\n").removesuffix("\n```")
    screen = Screen(UUID(int=1), Limits(1000), None, standing)
    screen.append(f"{source} and more.")
    screen.end(Ending(f"{source} and more."))
    screen.shrink()
    assert _edited(screen, set()) == {"new1": "and more."}
    ((_, part),) = screen.left_writing()
    assert form(part.text) == seen


def test_a_message_of_which_nobody_knows_what_it_says_is_ended_with_what_can_be_seen() -> None:
    """No platform takes an empty one."""
    standing = [Message(MessageRef(EDGE, "a"), None, Piece("", "", "", "", ""), "other words")]
    closing = Closing(UUID(int=1), standing, Limits(1000), None, set())
    ((_, part),) = closing.left_writing(Ending(""))
    assert (part.text, part.literal) == ("```\nother words\n```", True)


async def test_a_refusal_of_one_message_is_none_of_its_channel() -> None:
    """Another answer in the same channel is edited on meanwhile."""
    first: list[MessageRef] = []
    platform = Picky()
    whole = platform.edit

    async def edit(ref: MessageRef, part: Part) -> Shown:
        first[:] = first or [ref]
        if ref == first[0]:
            raise Refused("edit_window_closed")
        return await whole(ref, part)

    platform.edit = edit  # type: ignore[method-assign]
    async with a_way(LONG, LONG, connector=platform) as way:
        results = await asyncio.gather(way.answer("One?"), way.answer("Two?"))
    assert {result.outcome for result in results} == {Outcome.COMPLETE}
    assert words(way).count("word") == 80
    assert CUT not in "".join(way.shown)
