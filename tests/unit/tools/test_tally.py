"""A receipt's line of calls says what the record says, and a result that was changed is found."""

from __future__ import annotations

from typing import Any

import pytest

from providers.scripted import CallTool
from tests.unit.tools.test_loop import Clock, a_clock_way


async def test_an_answer_with_calls_says_that_all_of_them_came_to_their_end() -> None:
    calls = [CallTool("clock__now", {}), CallTool("clock__now", {})]
    async with a_clock_way(calls, ["Noon."], clock=Clock()) as way:
        result = await way.answer()
        assert result.receipt.calls is not None
        assert result.receipt.calls.whole
        assert result.receipt.calls.asked == 2


async def test_a_result_that_is_not_given_as_it_is_recorded_breaks_the_receipt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_clock_way([CallTool("clock__now", {})], ["Noon."], clock=Clock()) as way:
        answer = way.store.calls.answer

        async def otherwise(key: Any, result: Any) -> bool:
            return await answer(key, type(result)("another", result.sha256, result.bytes))

        monkeypatch.setattr(way.store.calls, "answer", otherwise)
        result = await way.answer()
        assert result.receipt.verdict == "broken"
        assert [fault.link for fault in result.receipt.faults] == ["tools"]
