"""What a run used: as the service counted it, else estimated, and said to be so."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.runs import Caps, Outcome, RequestOptions
from bot.runs.usage import asked_tokens, used
from bot.store import RunEnd
from connectors.base import Control
from providers.base import (
    Attempt,
    AuthFailed,
    Disconnected,
    Generation,
    Image,
    Overloaded,
    Request,
    Turn,
    Usage,
)
from providers.prices import ModelPrice, Prices
from providers.scripted import Fail, Finish, Hang, Pause
from tests.doubles.way import Way, a_way, words


def price(given: int, made: int, cached: int | None = None) -> ModelPrice:
    """Whole dollars for a million tokens."""
    return ModelPrice(Decimal(given), Decimal(made), None if cached is None else Decimal(cached))


PRICES = Prices(every=price(2, 10, 1))
REQUEST = Request((Turn("system", "x" * 40), Turn("user", "y" * 400)))
ASKED = 10 + 4 + 100 + 4


def generated(*pieces: str, **changes: object) -> Generation:
    """A generation of these tokens."""
    generation = Generation(model="served")
    for piece in pieces:
        generation.add(piece)
    for name, value in changes.items():
        setattr(generation, name, value)
    return generation


def counted(generation: Generation, error: str | None = None) -> tuple[Usage, int | None] | None:
    """The usage and the cost of a run of `a:model`."""
    found = used(REQUEST, "a:model", generation, error, PRICES.cost)
    return None if found is None else (found.usage, found.cost_microusd)


def test_what_the_service_counted_is_taken_as_it_is() -> None:
    told = Usage(100, 20, cached_input_tokens=50)
    assert counted(generated("a", usage=told)) == (told, 50 * 2 + 50 * 1 + 20 * 10)


def test_without_the_service_s_count_pieces_and_bytes_are_counted_and_marked() -> None:
    assert asked_tokens(REQUEST) == ASKED
    assert counted(generated(*["ab"] * 30)) == (
        Usage(ASKED, 30, estimated=True),
        ASKED * 2 + 30 * 10,
    )


def test_pieces_of_many_tokens_each_are_counted_by_their_bytes() -> None:
    found = counted(generated("x" * 401))
    assert found is not None
    assert found[0] == Usage(ASKED, 101, estimated=True)


def test_an_image_counts_too() -> None:
    turn = Turn("user", "", (Image("image/png", "AA=="),))
    assert asked_tokens(Request((turn,))) == 1_004


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Usage(0, 0), Usage(ASKED, 2, estimated=True)),
        (Usage(0, 3), Usage(ASKED, 3, estimated=True)),
        (Usage(9, 0), Usage(9, 2, estimated=True)),
    ],
)
def test_what_the_service_left_out_is_estimated(told: Usage, expected: Usage) -> None:
    found = counted(generated("a", "b", usage=told))
    assert found is not None
    assert found[0] == expected


@pytest.mark.parametrize("error", ["Overloaded: busy", "AuthFailed: no", "BadRequest: unknown"])
def test_a_request_that_was_refused_used_nothing(error: str) -> None:
    assert counted(generated(), error) is None


@pytest.mark.parametrize("error", ["Stalled: silent", "Disconnected: gone", None])
def test_a_request_that_may_have_been_read_counts_as_read(error: str | None) -> None:
    found = counted(generated(), error)
    assert found is not None
    assert found[0] == Usage(ASKED, 0, estimated=True)


def test_nothing_was_used_before_the_model_was_asked() -> None:
    assert used(None, "a:model", generated(), "BadRequest: too long", PRICES.cost) is None


def test_of_several_models_each_counts_its_part_at_its_own_price() -> None:
    prices = Prices(
        own={
            "a:one": price(1, 1),
            "b:two": price(100, 100),
        }
    )
    tries = [
        Attempt("a:one", "first", 0, 0, "Overloaded: busy"),
        Attempt("a:one", "retry", 5, 0, "Disconnected: gone"),
        Attempt("b:two", "failover", 9, 40),
    ]
    generation = generated("x" * 40, "y" * 8, attempts=tries, usage=Usage(130, 2))
    found = used(REQUEST, "a:one,b:two", generation, None, prices.cost)
    assert found is not None
    assert found.usage == Usage(ASKED + 130, 10 + 2, estimated=True)
    assert found.cost_microusd == (ASKED + 10) * 1 + 132 * 100


def test_a_part_without_a_price_leaves_the_whole_without_one() -> None:
    prices = Prices(own={"a:one": price(1, 1)})
    tries = [
        Attempt("a:one", "first", 0, 0, "Disconnected: gone"),
        Attempt("b:two", "failover", 9, 4),
    ]
    generation = generated("x" * 4, "y", attempts=tries)
    found = used(REQUEST, "a:one", generation, None, prices.cost)
    assert found is not None
    assert found.cost_microusd is None


async def the_end(way: Way) -> RunEnd:
    """The newest run's end."""
    row = (await way.store.runs.recent(1))[0]
    assert row.end is not None
    return row.end


async def test_a_run_s_row_has_its_usage_and_its_price() -> None:
    told = Usage(100, 2, cached_input_tokens=10)
    async with a_way(["Be", "cause.", Finish(usage=told)], price=PRICES.cost) as way:
        await way.answer()
        end = await the_end(way)
    assert (end.input_tokens, end.output_tokens, end.cached_input_tokens) == (100, 2, 10)
    assert (end.usage_estimated, end.cost_microusd) == (False, 210)


async def test_a_run_that_is_stopped_is_estimated() -> None:
    async with a_way([*words("one two three"), Hang()], price=PRICES.cost) as way:
        await way.ask()
        await way.until(lambda: way.shown)
        way.runs.stop(way.runs.active[0].id)
        await way.intake.settled()
        end = await the_end(way)
    # "Be brief." and "Why?": 3 and 1 tokens, and 4 for each turn
    assert (end.outcome, end.input_tokens, end.output_tokens) == ("stopped", 12, 4)
    assert (end.usage_estimated, end.cost_microusd) == (True, 12 * 2 + 4 * 10)


@pytest.mark.parametrize(
    ("script", "used_tokens"),
    [
        ([Fail(AuthFailed("no"))], None),
        ([Fail(Overloaded("busy"))], None),
        (["One", Fail(Disconnected("gone"))], 1),
        ([Fail(Disconnected("gone"))], 0),
    ],
)
async def test_a_run_that_failed_used_what_came_before(
    script: list[object], used_tokens: int
) -> None:
    async with a_way(script) as way:
        await way.answer()
        end = await the_end(way)
    assert end.output_tokens == used_tokens
    assert end.cost_microusd is None


async def test_an_answer_is_asked_for_within_its_cap() -> None:
    options = RequestOptions("Be brief.", 20, None, caps=Caps(tokens=300))
    async with a_way(["Yes."], request=options) as way:
        await way.answer("Why?")
        [request] = way.provider.requests
    assert request.max_tokens == 300 - (9 // 3 + 4) - (4 // 3 + 4)


async def test_a_cap_of_money_bounds_the_answer_by_its_price() -> None:
    caps = Caps(microusd=1_000, price=PRICES.cost)
    async with a_way(["Yes."], request=RequestOptions("", 20, None, caps=caps)) as way:
        await way.answer("Why?")
        [request] = way.provider.requests
    given = 4 + 5
    assert request.max_tokens == (1_000 - given * 2) // 10


async def test_a_cap_of_money_without_a_price_bounds_nothing() -> None:
    options = RequestOptions("", 20, None, caps=Caps(microusd=1))
    async with a_way(["Yes."], request=options) as way:
        await way.answer("Why?")
        [request] = way.provider.requests
    assert request.max_tokens is None


async def test_the_lower_of_two_bounds_holds() -> None:
    options = RequestOptions("", 20, 5, caps=Caps(tokens=1_000))
    async with a_way(["Yes."], request=options) as way:
        await way.answer("Why?")
        [request] = way.provider.requests
    assert request.max_tokens == 5


async def test_a_service_that_minds_no_bound_is_stopped_at_it() -> None:
    options = RequestOptions("", 20, 10, caps=Caps())
    script = [step for n in range(200) for step in (f"w{n} ", Pause(0.5))]
    async with a_way(script, request=options) as way:
        result = await way.answer("Why?")
        [message] = way.messages
    assert result.outcome is Outcome.LENGTH
    assert 10 < result.tokens < 30
    assert "the most that one answer may use" in message.text
    assert message.part is not None
    assert Control.CONTINUE in message.part.controls


async def test_a_question_that_is_over_the_cap_alone_is_refused() -> None:
    options = RequestOptions("", 20, None, caps=Caps(tokens=300))
    async with a_way(["Yes."], request=options) as way:
        result = await way.answer("why " * 400)
    assert result.outcome is Outcome.FAILED
    assert way.provider.requests == []


def broken(model: str, called: str, usage: Usage) -> int:
    """A price list with a fault of its own."""
    raise ZeroDivisionError(f"{model} {called} {usage}")


async def test_a_price_list_that_breaks_costs_a_run_nothing_but_its_price(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with a_way(["Because."], price=broken) as way:
        result = await way.answer()
        end = await the_end(way)
    assert result.outcome is Outcome.COMPLETE
    assert (end.outcome, end.cost_microusd, end.input_tokens) == ("complete", None, None)
    assert "usage.bug" in capsys.readouterr().out
