"""What a reader is left with where the platform says no: never nothing, and never a live Stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.runs import Outcome, Result
from bot.runs.receipts import Verdict
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
from connectors.memory import ALICE, Lost, MemoryConnector, Version
from providers.scripted import Pause
from tests.doubles.clock import VirtualTimeLoop
from tests.doubles.way import Way, a_way, clock_us

CUT = "_The rest of the answer can't be shown._"
LONG = [*(["word " * 10, Pause(2)] * 4), "end."]
TABLE = "# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nAnd a word."

Refusal = Callable[[Part], ConnectorError | None]


def takes(_part: Part) -> None:
    """Nothing is refused."""


class Picky(MemoryConnector):
    """Refuses posts and edits by what they say; each is a function of the part."""

    def __init__(
        self, post: Refusal = takes, edit: Refusal = takes, length: int = 200, **more: Any
    ) -> None:
        super().__init__(limits=Limits(length), clock=lambda: clock_us() / 1e6, **more)
        self.posts, self.edits = post, edit
        self.tried: list[tuple[str, Part]] = []

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        self.tried.append(("post", part))
        if (problem := self.posts(part)) is not None:
            raise problem
        return await super().post(place, part, key)

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        self.tried.append(("edit", part))
        if (problem := self.edits(part)) is not None:
            raise problem
        return await super().edit(ref, part)

    def called(self, name: str) -> int:
        """How many calls of a name reached the platform."""
        return sum(call.name == name for call in self.platform.calls)


def times(count: int, problem: ConnectorError, after: int = 0) -> Refusal:
    """Refuses so many calls, once so many were taken."""
    seen = 0

    def refuse(_part: Part) -> ConnectorError | None:
        nonlocal seen
        seen += 1
        return problem if after < seen <= after + count else None

    return refuse


def always(problem: ConnectorError, after: int = 0) -> Refusal:
    return times(10_000, problem, after)


def words(way: Way) -> str:
    """All that can be read, without marks and white space."""
    return "".join("".join(way.shown).split()).replace("`", "")


async def shown_whole(platform: Picky, script: list[Any]) -> tuple[Way, Result]:
    """An answer of which all is shown, verified, and nothing looks unfinished."""
    async with a_way(script, connector=platform) as way:
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)
    assert way.writing() == []
    assert Control.UP in platform.tried[-1][1].controls or platform.called("edit")
    return way, result


# An edit is refused.


async def test_a_message_that_is_said_to_be_gone_and_is_not_is_edited_on() -> None:
    platform = Picky(edit=times(1, Gone("message_not_found")))
    way, _ = await shown_whole(platform, LONG[:4])
    assert len(way.messages) == 1
    assert platform.called("read") == 1


async def test_a_message_that_is_always_said_to_be_gone_is_looked_for_once() -> None:
    platform = Picky(edit=times(2, Gone("message_not_found")))
    way, _ = await shown_whole(platform, LONG)
    assert len(way.messages) >= 2
    assert platform.called("read") == 1
    assert words(way).count("word") == 40


async def test_a_message_that_is_gone_is_believed_to_be_once_it_cannot_be_read() -> None:
    platform = Picky()
    async with a_way(LONG, connector=platform) as way:
        asked = asyncio.create_task(way.answer())
        await way.until(lambda: way.messages)
        way.messages[0].deleted = True
        result = await asked
    assert (result.outcome, result.receipt.verdict) == (Outcome.STOPPED, Verdict.UNPROVEN)
    assert platform.called("read") == 1
    assert len(platform.tried) <= 3


@pytest.mark.parametrize("problem", [TooLarge("msg_too_long"), Refused("edit_window_closed")])
@pytest.mark.parametrize("count", [1, 2, 3])
async def test_an_edit_that_is_refused_leaves_the_rest_for_a_new_message(
    problem: ConnectorError, count: int
) -> None:
    way, _ = await shown_whole(Picky(edit=times(count, problem)), LONG)
    assert words(way).count("word") == 40
    assert way.shown[-1].endswith("end.")


async def test_parts_are_smaller_after_one_was_too_long() -> None:
    platform = Picky(edit=lambda part: TooLarge("") if len(part.text) > 120 else None)
    way, _ = await shown_whole(platform, ["word " * 20, Pause(3), "word " * 60])
    assert all(len(text) <= 120 for text in way.shown)
    assert words(way).count("word") == 80


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_passage_that_a_message_did_not_give_up_stands_there_alone(count: int) -> None:
    """The next message has begun with it by then: that one gives it up, whatever was too long."""
    refused = 0

    def refuse(part: Part) -> ConnectorError | None:
        nonlocal refused
        if part.index == 0 and platform.called("post") >= 2 and refused < count:
            refused += 1
            return TooLarge("msg_too_long")
        return None

    platform = Picky(edit=refuse)
    begun = ["one " * 20 + "\n\n", "two " * 10]
    way, _ = await shown_whole(platform, [*begun, Pause(4), *(f"c{n} " for n in range(90))])
    assert refused
    said = "".join(begun) + "".join(f"c{n} " for n in range(90))
    assert " ".join(way.shown).split() == said.split()


# A 429 about one message.


async def test_a_limit_on_one_message_stops_its_edits_and_no_others() -> None:
    limited: list[MessageRef] = []
    platform = Picky(budgets=lambda *_: _generous())
    whole = platform.edit

    async def edit(ref: MessageRef, part: Part) -> Shown:
        limited[:] = limited or [ref]
        if ref == limited[0]:
            platform.tried.append(("limited", part))
            raise MessageLimited("20028", 1163.0)
        return await whole(ref, part)

    platform.edit = edit  # type: ignore[method-assign]
    async with a_way(LONG, LONG, connector=platform) as way:
        results = await asyncio.gather(way.answer("One?"), way.answer("Two?"))
        assert asyncio.get_running_loop().time() < 30
    assert {result.receipt.verdict for result in results} == {Verdict.VERIFIED}
    assert words(way).count("word") == 80
    # The edit, and one more to take its Stop away.
    assert sum(call == "limited" for call, _ in platform.tried) == 2


# A post is refused.


@pytest.mark.parametrize("problem", [Refused("invalid_blocks"), TooLarge("msg_blocks_too_long")])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("after", [0, 1])
async def test_a_post_that_is_refused_comes_smaller_and_then_plain(
    problem: ConnectorError, count: int, after: int
) -> None:
    platform = Picky(post=times(count, problem, after), length=800)
    text = "".join(f"Some **words** of it, {number}. " for number in range(100))
    way, _ = await shown_whole(platform, [text, Pause(3), "end."])
    assert words(way).count("words") == 100
    assert way.shown[-1].startswith("```") is (count == 3)
    refused = [part.text for call, part in platform.tried if call == "post"]
    assert len(set(refused)) == len(refused), "the same is not sent again"


@pytest.mark.parametrize("mark", ["# ", "|---|", "**", "@", "<", "~~"])
async def test_a_text_that_is_not_taken_as_markdown_is_shown_as_it_is(mark: str) -> None:
    """Whatever the platform can't bear, it is shown where code may say it."""

    def refuse(part: Part) -> ConnectorError | None:
        return None if part.text.startswith("```") or mark not in part.text else Refused("no")

    text = f"{TABLE} **bold** @all <b> ~~gone~~ {mark}"
    platform = Picky(post=refuse, edit=refuse)
    way, _ = await shown_whole(platform, [text, Pause(2), " More.", Pause(2), " End."])
    assert mark in "".join(way.shown)
    assert all(part.literal for call, part in platform.tried[-2:])
    assert len(platform.tried) < 15


async def test_backticks_in_a_text_that_is_shown_as_it_is_do_not_end_it() -> None:
    platform = Picky(post=lambda part: None if part.literal else Refused("no"))
    text = "```py\nx = 1\n```\n\n````\n```\n````"
    way, _ = await shown_whole(platform, [text])
    assert way.shown == [f"`````\n{text}\n`````"]


@pytest.mark.parametrize("script", [["Hello."], LONG, ["word " * 400]])
async def test_where_nothing_can_be_posted_the_asker_is_told_alone(script: list[Any]) -> None:
    platform = Picky(post=always(Refused("is_archived")))
    async with a_way(script, connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.UNDELIVERABLE
    ((person, text),) = platform.platform.whispers.values()
    assert person == ALICE
    assert "can't be shown there" in text
    assert len(platform.tried) <= 4


async def test_where_nobody_can_be_told_the_run_ends_all_the_same() -> None:
    platform = Picky(
        post=always(Refused("50013")),
        fault=lambda call, _n: Refused("50007") if call == "whisper" else None,
    )
    async with a_way(["Hello."], connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.UNDELIVERABLE
    assert platform.platform.whispers == {}
    assert platform.called("whisper") == 1


@pytest.mark.parametrize("problem", [Unavailable("a fault"), RateLimited("too many", 2.0)])
@pytest.mark.parametrize("count", [2, 20])
async def test_the_asker_is_told_later_where_that_fails_for_now(
    problem: ConnectorError, count: int
) -> None:
    platform = Picky(
        post=always(Refused("50013")),
        fault=lambda call, n: problem if call == "whisper" and n <= count else None,
    )
    async with a_way(["Hello."], connector=platform) as way:
        await way.answer()
    assert len(platform.platform.whispers) == 1


async def test_a_thread_that_is_gone_is_not_tried_with_other_words() -> None:
    platform = Picky(post=always(Gone("the channel was deleted")))
    async with a_way(LONG, connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.UNDELIVERABLE
    assert len(platform.tried) == 1
    assert len(platform.platform.whispers) == 1


# What stands is marked.


@pytest.mark.parametrize("problem", [Refused("50013"), TooLarge("x"), Gone("thread_not_found")])
async def test_where_no_further_message_is_taken_what_stands_says_so_once(
    problem: ConnectorError,
) -> None:
    platform = Picky(post=always(problem, after=1))
    async with a_way(["word " * 30, Pause(3), "word " * 300], connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.UNDELIVERABLE
    assert way.shown[0].count(CUT) == 1
    assert way.shown[0].endswith(CUT)
    part = way.messages[0].part
    assert part is not None
    assert Control.RETRY in part.controls
    assert sum(CUT in part.text for _, part in platform.tried) == 1
    assert platform.platform.whispers == {}


async def test_words_that_are_refused_leave_a_note_and_retry_on_what_stands() -> None:
    def automod(part: Part) -> ConnectorError | None:
        return Refused("200000") if "bad" in part.text else None

    platform = Picky(automod, automod)
    script = ["Some good words. ", Pause(3), "Then a bad one, ", Pause(3), "and more."]
    async with a_way(script, connector=platform) as way:
        result = await way.answer()
    assert result.outcome is Outcome.UNDELIVERABLE
    assert way.shown == [f"Some good words.\n\n{CUT}"]
    assert way.messages[0].part is not None
    assert Control.RETRY in way.messages[0].part.controls
    assert way.writing() == []


async def test_where_what_stands_cannot_say_it_the_asker_is_told() -> None:
    platform = Picky(
        always(Refused("no"), after=1), lambda part: Refused("no") if CUT in part.text else None
    )
    async with a_way(["word " * 30, Pause(3), "word " * 300], connector=platform) as way:
        await way.answer()
    ((_, text),) = platform.platform.whispers.values()
    assert text.startswith("The rest of the answer")


async def test_an_answer_that_the_model_had_ended_can_be_asked_for_again() -> None:
    platform = Picky(post=always(Refused("50013"), after=1))
    async with a_way(["word " * 300], connector=platform) as way:
        await way.answer()
    assert way.messages[0].part is not None
    assert Control.RETRY in way.messages[0].part.controls
    assert Control.UP not in way.messages[0].part.controls


# Deletions.


@pytest.mark.parametrize("call", ["post", "edit"])
async def test_a_deletion_that_is_heard_while_a_call_is_in_flight_is_remembered(call: str) -> None:
    platform = Picky(latency=1.0)
    async with a_way([*LONG, *LONG, *LONG], connector=platform) as way:
        await way.ask()
        await way.until(lambda: way.messages and (call == "post" or _editing(platform)))
        assert await platform.delete(way.messages[0].ref).accepted()
        before = len(platform.tried)
        await way.intake.settled()
        (row,) = await way.store.runs.recent(1)
    assert row.end is not None
    assert (row.end.outcome, row.end.verdict) == ("stopped", "unproven")
    assert len(platform.tried) - before <= 1
    assert way.shown == []


async def test_a_deletion_of_another_message_stops_nothing() -> None:
    platform = Picky(latency=1.0)
    async with a_way(LONG, connector=platform) as way:
        other = platform.platform.new_ref(platform.place)
        platform.platform.add(other, ALICE, Version(0.0, "Hello, all."), clock_us())
        await way.ask()
        await way.until(lambda: way.messages)
        assert await platform.delete(other).accepted()
        await way.intake.settled()
        (row,) = await way.store.runs.recent(1)
    assert row.end is not None
    assert (row.end.outcome, row.end.verdict) == ("complete", "verified")


# Anything at all.

PROBLEMS = st.sampled_from(
    [
        Refused("no"),
        TooLarge("no"),
        Gone("no"),
        Unavailable("no"),
        RateLimited("no", 3.0),
        MessageLimited("no", 900.0),
        Lost(),
    ]
)


@example({1: MessageLimited("no", 900.0)}, {}, None)
@example({}, {10: Refused("no")}, None)
@given(
    st.dictionaries(st.integers(1, 12), PROBLEMS, max_size=12),
    st.dictionaries(st.integers(1, 25), PROBLEMS, max_size=20),
    st.sampled_from([None, Refused("no"), Unavailable("no")]),
)
@settings(max_examples=60)
def test_whatever_is_refused_nothing_is_lost_in_silence(
    posts: dict[int, Any], edits: dict[int, Any], reads: ConnectorError | None
) -> None:
    async def one() -> None:
        def fault(call: str, number: int) -> Any:
            return {"post": posts, "edit": edits}.get(call, {}).get(number) or (
                reads if call == "read" and number < 3 else None
            )

        platform = Picky(fault=fault)
        async with a_way([TABLE, Pause(2), *LONG, *LONG], connector=platform) as way:
            result = await way.answer()
        _holds(platform, way, result)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(one())


def _holds(platform: Picky, way: Way, result: Result) -> None:
    whole = words(way).count("word") >= 80 and "end." in words(way)
    cut = any(CUT in text for text in way.shown) or bool(platform.platform.whispers)
    if result.outcome is Outcome.COMPLETE:
        assert whole
        assert not cut
    else:
        assert result.outcome is Outcome.UNDELIVERABLE
        assert cut
    assert sum(text.count(CUT) for text in way.shown) <= 1
    assert platform.called("read") <= len(way.messages) + 3
    assert len(platform.tried) <= 80


def _generous() -> Budget:
    return Budget("all", 100, 1.0)


def _editing(platform: Picky) -> bool:
    return any(call == "edit" for call, _ in platform.tried)
