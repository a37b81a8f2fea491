"""Slack tells of a mention twice: the event without files waits for the one that has them."""

from __future__ import annotations

import asyncio

import pytest

from connectors.slack.events import _REMEMBERED, PATIENCE_S, Twins


def told(kind: str, ts: str = "1.0", *, files: bool = False) -> dict[str, object]:
    """One of the two events."""
    return {"type": kind, "channel": "C1", "ts": ts} | ({"files": [{"id": "F1"}]} if files else {})


async def taken(twins: Twins, *events: dict[str, object]) -> float:
    """Seconds until all of these are taken, which come one after the other."""
    began = asyncio.get_running_loop().time()
    for event in events:
        await twins.awaited(event)
    return asyncio.get_running_loop().time() - began


async def test_a_mention_waits_until_its_message_comes_or_its_patience_ends() -> None:
    twins = Twins()
    waiting = [asyncio.create_task(taken(twins, told("app_mention"))) for _ in range(2)]
    await asyncio.sleep(0.1)
    assert await taken(twins, told("message", "2.0")) == 0, "another text's"
    assert await taken(twins, told("message")) == 0
    assert await asyncio.gather(*waiting) == [pytest.approx(0.1)] * 2
    assert await taken(twins, told("app_mention", "3.0")) == pytest.approx(PATIENCE_S)


async def test_what_has_come_before_or_has_files_is_not_waited_for() -> None:
    twins = Twins()
    assert await taken(twins, told("message"), told("app_mention"), told("app_mention")) == 0
    assert await taken(twins, told("app_mention", "2.0", files=True)) == 0


async def test_a_mention_that_nobody_followed_waits_again_when_it_is_delivered_again() -> None:
    twins = Twins()
    mention = told("app_mention")
    assert await taken(twins, mention, mention) == pytest.approx(2 * PATIENCE_S)
    assert await taken(twins, told("message"), mention) == 0


async def test_little_is_remembered_and_nothing_that_is_waited_for_no_more() -> None:
    twins = Twins()
    for n in range(2 * _REMEMBERED):
        await twins.awaited(told("message", f"{n}.0"))
    await twins.awaited(told("app_mention", "x"))
    assert 0 < len(twins._came) <= _REMEMBERED
    assert set(twins._came.values()) == {None}
