"""A lane keeps its handler's troubles to itself."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackHandler

from bot.callbacks import Lane

RUN = uuid4()


class Listening(AsyncCallbackHandler):
    """Notes what it is told; `trouble` decides what goes wrong."""

    def __init__(self, trouble: str = "") -> None:
        self.heard: list[str] = []
        self._trouble = trouble

    async def on_llm_new_token(self, token: Any, **_kwargs: Any) -> None:
        if self._trouble == "raises" and token == "b":
            raise ValueError("no")
        if self._trouble == "hangs" and token == "b":
            await asyncio.Event().wait()
        if self._trouble == "slow once" and token == "b":
            await asyncio.sleep(0)
            await asyncio.sleep(0.1)
        if self._trouble == "raises late" and token == "b":
            await asyncio.sleep(0.1)
            raise ValueError("no")
        if self._trouble == "cancelled" and token == "b":
            raise asyncio.CancelledError
        if self._trouble == "slow":
            await asyncio.sleep(0.1)
        self.heard.append(token)


async def _say(lane: Lane, text: str) -> None:
    for token in text:
        await lane.on_llm_new_token(token, run_id=RUN)


async def test_a_handler_hears_every_token_in_order() -> None:
    handler = Listening()
    lane = Lane(handler, "test")
    await _say(lane, "abc")
    await lane.finish(1.0)
    assert handler.heard == ["a", "b", "c"]
    assert lane.fault is None


async def test_a_callback_never_waits_for_its_handler() -> None:
    lane = Lane(Listening("hangs"), "test")
    before = asyncio.get_running_loop().time()
    await _say(lane, "abc")
    assert asyncio.get_running_loop().time() == before
    await lane.finish(1.0)


async def test_a_handler_that_raises_goes_on_with_the_next_token_and_is_blamed() -> None:
    handler = Listening("raises")
    lane = Lane(handler, "test")
    await _say(lane, "abc")
    await lane.finish(1.0)
    assert handler.heard == ["a", "c"]
    assert lane.fault == "on_llm_new_token raised ValueError"


async def test_a_handler_that_hangs_is_ended_at_the_deadline_and_blamed() -> None:
    handler = Listening("hangs")
    lane = Lane(handler, "test")
    await _say(lane, "abc")
    before = asyncio.get_running_loop().time()
    await lane.finish(2.0)
    assert asyncio.get_running_loop().time() - before == 2.0
    assert handler.heard == ["a"]
    assert lane.fault is not None
    assert lane.fault.startswith("hung")


async def test_a_slow_handler_gets_everything_when_it_is_within_the_deadline() -> None:
    handler = Listening("slow")
    lane = Lane(handler, "test")
    await _say(lane, "abc")
    await lane.finish(1.0)
    assert handler.heard == ["a", "b", "c"]


async def test_a_handler_hears_a_token_at_once_and_those_behind_one_that_waits_in_order() -> None:
    handler = Listening("slow once")
    lane = Lane(handler, "test")
    await _say(lane, "a")
    assert handler.heard == ["a"]
    await _say(lane, "bcd")
    assert handler.heard == ["a"]
    await asyncio.sleep(0.2)
    assert handler.heard == ["a", "b", "c", "d"]
    await _say(lane, "e")
    assert handler.heard == ["a", "b", "c", "d", "e"]
    await lane.finish(1.0)
    assert lane.fault is None


async def test_a_handler_that_raises_after_it_has_waited_is_blamed_too() -> None:
    handler = Listening("raises late")
    lane = Lane(handler, "test")
    await _say(lane, "abc")
    await lane.finish(1.0)
    assert handler.heard == ["a", "c"]
    assert lane.fault == "on_llm_new_token raised ValueError"


async def test_a_handler_that_is_cancelled_cancels_nobody_else() -> None:
    handler = Listening("cancelled")
    lane = Lane(handler, "test")
    await _say(lane, "abc")
    await lane.finish(1.0)
    assert handler.heard == ["a", "c"]
    assert lane.fault == "on_llm_new_token raised CancelledError"


async def test_a_handler_that_does_not_care_for_the_start_is_no_fault() -> None:
    lane = Lane(Listening(), "test")
    await lane.on_chat_model_start({}, [[]], run_id=RUN)
    await lane.finish(1.0)
    assert lane.fault is None
