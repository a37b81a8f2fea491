"""Masking on the whole way: from a question to its receipt, with tools, approvals and people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.app.masking import SettingsMasker
from bot.cli.runs import masked_line
from bot.intake import IntakeOptions
from bot.runs import BlockedWords, Caps, Question, RequestOptions
from bot.settings import Settings, SettingsError
from bot.store import Store
from bot.telemetry import Metrics
from bot.tools import Caller, ServerConfig, Servers, Toolbox, ToolOptions
from connectors.base import Asked, Control
from connectors.memory import ALICE, MemoryConnector
from providers.base import Request
from providers.scripted import CallTool, Cut, Finish, Script, ScriptedProvider
from tests.doubles.illustrator import Illustrator, an_image_toolbox, image_servers
from tests.doubles.masked import LIKE, held
from tests.doubles.way import Way, a_way
from tests.masks import check, map_of, masked_maker
from tests.unit.tools.test_approvals import press
from tests.unit.tools.test_loop import CLOCK, Clock

ANN = "ann@example.com"


def last(request: Request) -> str:
    """The placeholder that a request had last."""
    texts = [t.text for t in request.turns if t.role != "system"]
    return str(LIKE.findall("\n".join(texts))[-1])


def says(*answers: Callable[[str], Script]) -> ScriptedProvider:
    """A model that answers with the placeholder that it was given last."""

    def script(answer: Callable[[str], Script]) -> Callable[[Request], Script]:
        return lambda request: answer(last(request))

    return ScriptedProvider(*map(script, answers))


def toolbox_of(clock: Clock, **config: Any) -> Callable[[Store], Toolbox]:
    async def connect(_config: ServerConfig, _late: Any) -> Clock:
        return clock

    wanted = ServerConfig("clock", command="clock", tools=("now", "set"), trust=True, **config)

    def made(store: Store) -> Toolbox:
        servers = Servers({"clock": wanted}, connect=connect)
        return Toolbox(
            Caller(store.calls, servers), servers, store.calls, store.rules, ToolOptions()
        )

    return made


def test_no_text_and_no_cut_breaks_a_promise() -> None:
    """A part of `python -m tests.masks`."""
    counts = check(200, runs_of=10)
    assert (counts["texts"] >= 190, counts["runs"] >= 19) == (True, True)


async def test_a_run_says_what_was_masked_and_nothing_that_it_was() -> None:
    metrics = Metrics("1")
    model = says(lambda ann: ["Dear ", ann[:4], ann[4:]])
    async with a_way(provider=model, maker=masked_maker, watch=metrics) as way:
        with capture_logs() as lines:
            result = await way.answer(f"Write to {ANN}, please.")
        assert way.shown == [f"Dear {ANN}"]
        row = await way.store.runs.get(result.run_id)
        assert row is not None
        assert row.end is not None
        told = masked_line(row.end)
        issued = await map_of(way.store, result)
        sealed = await way.store.masks.read(result.run_id)
    assert told.startswith("masked    1 values (1 email) in 1 requests, none of which held one;")
    assert 'everytoken_masked_values_total{kind="email"} 1.0' in metrics.text().decode()
    assert list(issued.values()) == [ANN]
    assert ANN not in str(sealed)
    assert ANN not in str(lines)
    assert ANN not in metrics.text().decode()


async def test_where_nothing_is_masked_nothing_is_said_of_it() -> None:
    async with a_way(
        ["Hello."], maker=lambda store: masked_maker(store, mask=(), mask_patterns={})
    ) as way:
        result = await way.answer(f"Write to {ANN}.")
        assert result.receipt.masks is None
        assert ANN in way.provider.requests[0].turns[-1].text


async def test_a_request_that_would_hold_a_value_is_not_sent_and_says_so() -> None:
    """A pattern that can't be decided in time: nobody knows what the text holds."""
    slow: dict[str, Any] = {"mask": (), "mask_patterns": {"SLOW": "(?:a+)+b"}}
    async with a_way(["Hello."], maker=lambda store: masked_maker(store, **slow)) as way:
        result = await way.answer("a" * 5_000)
        assert way.provider.requests == []
        assert result.outcome == "failed"
        assert "I didn't put this to the model" in way.shown[0]


@pytest.mark.parametrize("masked", [(), ("clock",)])
async def test_tools_are_given_values_unless_their_server_is_masked(
    masked: tuple[str, ...],
) -> None:
    clock = Clock(lambda to: f"It is {to}, by bob@example.com.")
    model = says(
        lambda ann: [CallTool("clock__now", {"to": ann}), Finish()],
        lambda bob: [f"So says {bob}."],
    )

    def maker(store: Store) -> Any:
        return masked_maker(store, Servers({"clock": CLOCK}), mask_tools=masked)

    async with a_way(provider=model, toolbox=toolbox_of(clock), maker=maker) as way:
        result = await way.answer(f"When is {ANN}?")
        issued = await map_of(way.store, result)
        (row,) = await way.store.calls.of_run(result.run_id)
        assert result.receipt.verdict == "verified"
    (given,) = [arguments["to"] for _, arguments in clock.asked]
    assert (given in issued) if masked else (given == ANN)
    assert json.loads(row.asked.arguments)["to"] == given
    assert result.text == "So says bob@example.com."
    for request in model.requests:
        assert held(request, [ANN, "bob@example.com"]) == []


async def test_the_model_that_makes_an_image_sees_placeholders() -> None:
    illustrator = Illustrator()
    model = says(
        lambda ann: [CallTool("images__make_image", {"prompt": f"a card for {ann}"}), Finish()],
        lambda _: ["Done."],
    )

    def maker(store: Store) -> Any:
        return masked_maker(store, image_servers(illustrator))

    async with a_way(provider=model, toolbox=an_image_toolbox(illustrator), maker=maker) as way:
        result = await way.answer(f"Draw a card for {ANN}.")
        issued = await map_of(way.store, result)
        assert result.receipt.verdict == "verified"
    [prompt] = illustrator.prompts
    assert prompt.removeprefix("a card for ") in issued


async def test_a_loop_that_waited_goes_on_with_the_same_placeholders() -> None:
    clock = Clock(lambda to: f"Set to {to}.")
    model = says(
        lambda ann: [f"For {ann}.", CallTool("clock__set", {"to": ann}), Finish()],
        lambda ann: [f"Done for {ann}."],
    )
    async with a_way(provider=model, toolbox=toolbox_of(clock), maker=masked_maker) as way:
        serving = asyncio.create_task(way.intake.approvals.serve())
        await way.ask(f"Set it for {ANN}.")
        await way.until(
            lambda: any(m.part and Control.ALLOW in m.part.controls for m in way.messages)
        )
        await way.runs.idle(60)
        assert await press(way, Control.ALLOW)
        await way.until(lambda: "Done for" in way.shown[-1])
        await way.runs.idle(60)
        serving.cancel()
    assert clock.asked == [("set", {"to": ANN})]
    assert f"Done for {ANN}." in way.shown[-1]
    assert last(model.requests[0]) == last(model.requests[1])
    assert "MASKED-" not in "".join(way.shown)


async def test_a_continuation_has_the_placeholders_of_what_it_continues() -> None:
    model = says(lambda ann: [f"{ann} and", Cut()], lambda ann: [f" {ann} again."])
    async with a_way(provider=model, maker=masked_maker) as way:
        await way.answer(f"Repeat {ANN}.")
        (first,) = await way.store.runs.recent(1)
        ref = way.connector.platform.new_ref(way.connector.place)
        asked = Asked(ref, ALICE, f"Repeat {ANN}.")
        await way.runs.answer(Question(asked, "continue", first), way.connector)
        assert way.shown[-1] == f"{ANN} again."
    assert {last(request) for request in model.requests} == {last(model.requests[0])}


def test_a_server_of_mask_tools_has_to_be_there(tmp_path: Any) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, mask_tools=("clok",))
    with pytest.raises(
        SettingsError, match="MASK_TOOLS has clok, which is no server: there is clock"
    ):
        SettingsMasker(settings, None, Servers({"clock": CLOCK}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What of project  NIGHTINGALE?", True),
        ("Ｐroject Night\u200bingale", True),
        ("这份绝密文件", True),
        ("说secret的事", True),
        ("secretary", False),
        ("a project, and a nightingale", False),
        ("", False),
    ],
)
def test_words_are_found_however_they_are_written(text: str, found: bool) -> None:
    assert (text in BlockedWords(["Project Nightingale", "绝密", "secret"])) is found


def test_without_words_nothing_is_blocked() -> None:
    assert "anything" not in BlockedWords([])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            "Tell me of Nightingale.",
            "I can't take this: it has words that must not leave. Ask without them.",
        ),
        ("请说说夜莺计划", "无法接收：消息里有不得外传的词，请去掉后再问。"),
    ],
)
async def test_a_question_with_such_a_word_is_told_so_and_not_asked(asked: str, told: str) -> None:
    blocked = BlockedWords(["nightingale", "夜莺计划"])
    async with a_way(["Never."], intake=IntakeOptions(blocked=blocked)) as way:
        way.connector.ask(asked)
        await way.until(lambda: bool(way.connector.platform.messages) and bool(_said(way)))
        await way.intake.settled()
        assert told in _said(way)
        assert way.provider.requests == []


def _said(way: Way) -> list[str]:
    return way.shown + [str(w) for w in getattr(way.connector, "whispers", ())]


async def test_such_a_word_in_an_attached_text_is_told_too() -> None:
    blocked = BlockedWords(["nightingale"])
    request = RequestOptions("Be brief.", 20, None, caps=Caps(), blocked=blocked)
    async with a_way(["Never."], request=request, connector=MemoryConnector()) as way:
        result = await way.answer("Nightingale")
        assert way.provider.requests == []
        assert result.outcome == "failed"
        assert "it has words that must not leave" in way.shown[0]
