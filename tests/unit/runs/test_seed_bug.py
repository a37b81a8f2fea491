"""The bug that this project began with, planted; its mirror image; and handlers that hang."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.callbacks import DeliveryHandler, RecordingHandler
from bot.runs import Outcome
from bot.runs.receipts import Verdict
from providers.scripted import Finish, Pause
from tests.doubles.way import a_way, words

TEXT = "Every token was logged and none was shown."


async def _nothing(_self: Any, _token: Any, **_kwargs: Any) -> None:
    """What a refactoring left of a handler."""


async def _for_ever(_self: Any, _token: Any, **_kwargs: Any) -> None:
    await asyncio.Event().wait()


async def _raise(_self: Any, _token: Any, **_kwargs: Any) -> None:
    raise ValueError("a bug")


BROKEN = pytest.mark.parametrize("broken", [_nothing, _for_ever, _raise])


@BROKEN
async def test_a_delivery_that_loses_everything_is_mended_by_the_last_edit(
    monkeypatch: pytest.MonkeyPatch, broken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(DeliveryHandler, "on_llm_new_token", broken)
    async with a_way([*words(TEXT), Finish()]) as way:
        result = await way.answer()
        recorded = await way.store.tokens.recorded(result.run_id)
    assert way.shown == [TEXT]
    assert recorded.text == TEXT
    assert result.outcome is Outcome.COMPLETE
    assert result.receipt.verdict is Verdict.MENDED
    assert [(fault.link, fault.position) for fault in result.receipt.faults] == [("delivered", 0)]
    assert "delivered at character 0" in capsys.readouterr().out


@BROKEN
async def test_a_recording_that_loses_everything_costs_the_reader_nothing_and_is_named(
    monkeypatch: pytest.MonkeyPatch, broken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(RecordingHandler, "on_llm_new_token", broken)
    async with a_way([*words(TEXT), Finish()]) as way:
        result = await way.answer()
    assert way.shown == [TEXT]
    assert result.outcome is Outcome.COMPLETE
    assert result.receipt.verdict is Verdict.BROKEN
    assert [(fault.link, fault.position) for fault in result.receipt.faults] == [("recorded", 0)]
    assert "recorded at character 0" in capsys.readouterr().out


@pytest.mark.parametrize("hangs", [DeliveryHandler, RecordingHandler])
@pytest.mark.parametrize("where", ["on_llm_new_token", "on_llm_end", "on_chat_model_start"])
async def test_a_handler_that_hangs_for_ever_holds_up_neither_the_other_nor_the_end(
    monkeypatch: pytest.MonkeyPatch, hangs: type, where: str
) -> None:
    async def hang(_self: Any, *_args: Any, **_kwargs: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(hangs, where, hang)
    async with a_way([*words(TEXT), Pause(1), Finish()]) as way:
        result = await way.answer()
        assert asyncio.get_running_loop().time() < 10
    assert way.shown == [TEXT]
    assert way.writing() == []
    assert result.outcome is Outcome.COMPLETE


async def test_one_token_lost_in_the_middle_is_found_at_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = RecordingHandler.on_llm_new_token

    async def loses_one(self: Any, token: Any, **kwargs: Any) -> None:
        if token != " logged":
            await whole(self, token, **kwargs)

    monkeypatch.setattr(RecordingHandler, "on_llm_new_token", loses_one)
    async with a_way([*words(TEXT), Finish()]) as way:
        result = await way.answer()
    assert str(result.receipt.faults[0]).startswith(f"recorded at character {TEXT.index('logged')}")
