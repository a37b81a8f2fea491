"""The bot's own log: a line for each step of a run, with its run_id, and without anybody's text."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bot import logs
from connectors.memory import MemoryConnector
from providers.base import Disconnected
from providers.scripted import Fail, Finish
from tests.doubles.way import a_way

QUESTION = "What is my secret plan?"
ANSWER = "A surprise party."


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


async def one_run(**options: Any) -> str:
    async with a_way([ANSWER, Finish()], **options) as way:
        await way.ask(QUESTION)
        await way.intake.settled()
        return str((await way.store.runs.recent(1))[0].run_id)


async def test_each_step_of_a_run_is_a_line_with_its_run_id(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("debug", "json")
    run_id = await one_run()
    told = lines(capsys)
    assert [line["event"] for line in told] == [
        "intake.kept",
        "run.started",
        "run.first_token",
        "reply.first_text",
        "reply.sent",
        *["run.link"] * 4,
        "run.ended",
    ]
    assert {line["run_id"] for line in told[1:]} == {run_id}
    assert (told[-1]["outcome"], told[-1]["verdict"]) == ("complete", "verified")


async def test_no_line_carries_anybodys_text(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("debug", "json")
    await one_run()
    captured = capsys.readouterr().err
    assert "secret" not in captured
    assert "party" not in captured


async def test_text_is_in_the_log_where_the_operator_wants_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("info", "json")
    await one_run(log_text=True)
    told = lines(capsys)
    assert [line["question"] for line in told if "question" in line] == [QUESTION]
    assert [line["answer"] for line in told if "answer" in line] == [ANSWER]


async def test_a_failure_is_told_at_the_level_of_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("error", "json")
    async with a_way([Fail(Disconnected("gone"))]) as way:
        await way.answer()
    assert [line["event"] for line in lines(capsys)] == ["provider.failed", "run.ended"]


def test_a_library_speaks_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "json")
    logging.getLogger("some.library").warning("careful")
    logging.getLogger("some.library").info("chatter")
    assert [line["event"] for line in lines(capsys)] == ["careful"]


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_traceback_carries_nobodys_text(
    form: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def history(*_args: Any) -> Any:
        raise ValueError("a bug")

    connector = MemoryConnector()
    connector.history = history  # type: ignore[assignment, method-assign]
    logs.set_up("debug", form)
    async with a_way([ANSWER], connector=connector) as way:
        await way.answer(QUESTION)
    captured = capsys.readouterr().err
    assert "a bug" in captured
    assert "secret" not in captured


def test_what_comes_from_outside_cannot_steer_the_operators_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("info", "console")
    structlog.get_logger().info("intake.kept", message="\x1b[2J\nfaked line")
    told = capsys.readouterr().err
    assert "\u241b[2J\u240afaked line" in told
    assert told.count("\n") == 1


def test_a_probe_is_worth_a_line_only_where_something_goes_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The bot tries itself out at every start."""
    logs.set_up("debug", "json")
    log = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(probe="web"):
        log.info("run.started")
        log.error("run.ended")
    log.info("afterwards")
    assert [line["event"] for line in lines(capsys)] == ["run.ended", "afterwards"]
