"""The record of calls, on both databases: the ways between states, and who may go them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import product
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from bot.identity import Account
from bot.store import (
    CallBinding,
    CallKey,
    CallResult,
    CallState,
    RuleScope,
    Store,
    open_store,
)
from bot.store.call_rows import WAYS
from bot.store.schema import tool_calls
from bot.words import Sentence
from tests.doubles.stored import end, leases_of, question, start
from tests.doubles.tools import ADA, PLACE, asked

pytestmark = pytest.mark.real_time

BOUND = asked().binding
OTHER = CallBinding("0" * 64, BOUND.config, BOUND.tool)
WHY = Sentence("tool.writes", {"name": "send"})
RESULT = CallResult("done", "a" * 64, 4)

Step = Callable[[Store, CallKey], Awaitable[bool]]
STEPS: dict[CallState, list[Step]] = {
    "refused": [lambda store, key: store.calls.refuse(key, WHY)],
    "waiting": [lambda store, key: store.calls.wait(key, WHY, 60)],
    "approved": [
        lambda store, key: store.calls.allow(key, WHY),
        lambda store, key: store.calls.approve(key, ADA, BOUND),
    ],
    "denied": [lambda store, key: store.calls.deny(key, ADA)],
    "lapsed": [lambda store, key: store.calls.lapse(key)],
    "withdrawn": [lambda store, key: store.calls.withdraw(key, WHY)],
    "sending": [lambda store, key: store.calls.send(key, 0, BOUND)],
    "answered": [lambda store, key: store.calls.answer(key, RESULT)],
    "failed": [lambda store, key: store.calls.fail(key, WHY, "no")],
    "uncertain": [lambda store, key: store.calls.lose(key, WHY)],
}
"""By the state that it leads to."""
STATES: tuple[CallState, ...] = ("asked", *STEPS)


@pytest.fixture
async def other(url: str, store: Store) -> AsyncIterator[Store]:
    """Another process on the database of the first."""
    assert store.me
    other = open_store(url)
    yield other
    await other.aclose()


async def begun(store: Store) -> UUID:
    run = start()
    store.runs.begin(run)
    await store.settled(run.run_id, 10)
    return run.run_id


async def a_call(store: Store, run_id: UUID | None = None, n: int = 0) -> CallKey:
    """A call that was asked for."""
    key = CallKey(run_id or await begun(store), n)
    await store.calls.ask(key, asked())
    return key


async def put(store: Store, key: CallKey, state: CallState, until_us: int = 2**60) -> None:
    """Puts a call into a state, by no way at all."""
    values = {"state": state, "until_us": until_us, "owner": store.me}
    change = update(tool_calls).where(tool_calls.c.run_id == str(key.run_id)).values(values)
    await store.database.run(lambda connection: connection.execute(change))


async def state_of(store: Store, key: CallKey) -> CallState:
    row = await store.calls.get(key)
    assert row is not None
    return row.state


async def test_there_are_these_ways_between_states_and_no_others(store: Store) -> None:
    key = await a_call(store)
    gone = set()
    steps = [(after, step) for after, steps in STEPS.items() for step in steps]
    for before, (after, step) in product(STATES, steps):
        await put(store, key, before, until_us=1 if after == "lapsed" else 2**60)
        went = await step(store, key)
        assert await state_of(store, key) == (after if went else before)
        if went:
            gone.add((before, after))
    assert gone == {(before, after) for before, ways in WAYS.items() for after in ways}


async def test_a_call_is_kept_once_by_run_and_number(store: Store, other: Store) -> None:
    key = await a_call(store)
    again = await other.calls.ask(key, asked('{"to": "somebody else"}'))
    assert again.asked == asked()
    await a_call(store, key.run_id, 1)
    assert [row.key.n for row in await store.calls.of_run(key.run_id)] == [0, 1]


async def test_a_whole_call_leaves_its_times_hashes_and_reason(store: Store) -> None:
    key = await a_call(store)
    await store.calls.wait(key, WHY, 60)
    await store.calls.approve(key, ADA, BOUND)
    await store.calls.send(key, 0, BOUND)
    assert await store.calls.answer(key, RESULT)
    row = await store.calls.get(key)
    assert row is not None
    assert (row.asked, row.result, row.approver, row.reason) == (asked(), RESULT, str(ADA), WHY)
    order = [
        row.times[f"{name}_us"] or 0 for name in ("asked", "decided", "approved", "sent", "ended")
    ]
    assert order == sorted(order)
    assert 0 < order[-1] - order[0] < 60_000_000
    assert (row.until_us or 0) - order[1] == pytest.approx(60_000_000, abs=5_000_000)


async def test_of_many_who_press_and_send_at_once_one_does(store: Store, other: Store) -> None:
    key = await a_call(store)
    await store.calls.wait(key, WHY, 60)
    both = (store, other)
    pressed = await asyncio.gather(*(each.calls.approve(key, ADA, BOUND) for each in both * 4))
    assert sum(pressed) == 1
    sent = await asyncio.gather(*(each.calls.send(key, 0, BOUND) for each in both * 4))
    assert sum(sent) == 1
    assert not any(sent[1::2]), "the run is not theirs"


async def test_an_approval_is_of_what_was_seen_and_in_time(store: Store) -> None:
    key = await a_call(store)
    await store.calls.wait(key, WHY, 60)
    assert not await store.calls.approve(key, ADA, OTHER)
    assert not await store.calls.lapse(key)
    await put(store, key, "waiting", until_us=1)
    assert not await store.calls.approve(key, ADA, BOUND)
    assert await store.calls.lapse(key)


async def test_what_waits_too_long_is_found(store: Store) -> None:
    keys = [await a_call(store) for _ in range(3)]
    for key in keys:
        await store.calls.wait(key, WHY, 60)
    await put(store, keys[0], "waiting", until_us=2)
    await put(store, keys[2], "waiting", until_us=1)
    assert await store.waiting.overdue() == [keys[2], keys[0]]
    assert await store.calls.lapse(keys[2])
    assert await store.waiting.overdue() == [keys[0]]


async def test_what_is_sent_is_what_was_approved_and_in_time(store: Store) -> None:
    key = await a_call(store)
    await put(store, key, "approved", until_us=1)
    assert not await store.calls.send(key, 0, BOUND)
    await put(store, key, "approved")
    assert not await store.calls.send(key, 0, OTHER)
    assert await store.calls.send(key, 0, BOUND)


async def test_a_takeover_raises_the_epoch_and_leaves_what_was_sent_uncertain(
    store: Store, other: Store
) -> None:
    key = await a_call(store)
    waiting = await a_call(store, key.run_id, 1)
    assert await store.calls.epoch(key.run_id) == 0
    for each in (key, waiting):
        await store.calls.allow(each, WHY)
    assert await store.calls.send(key, 0, BOUND)
    assert await leases_of(other).claim_run(key.run_id, store.me)
    assert await leases_of(other).claim_run(key.run_id, store.me), "its answer was lost"
    assert (await store.calls.epoch(key.run_id), await other.calls.epoch(key.run_id)) == (None, 1)
    row = await other.calls.get(key)
    assert row is not None
    assert (row.state, row.reason) == ("uncertain", Sentence("tool.owner_lost"))
    assert await other.calls.doubted([key.run_id], "mail", "send")
    assert not await store.calls.answer(key, RESULT), "too late"
    assert await store.calls.late(key, RESULT)
    assert not await store.calls.late(key, RESULT)
    row = await other.calls.get(key)
    assert row is not None
    assert (row.state, row.late) == ("uncertain", CallResult("", RESULT.sha256, RESULT.bytes))
    assert not await store.calls.send(waiting, 0, BOUND), "the former owner"
    assert not await other.calls.send(waiting, 0, BOUND), "an epoch of before"
    assert await other.calls.send(waiting, 1, BOUND)


async def test_who_claims_a_run_again_does_not_go_on_with_what_began_before(
    store: Store, other: Store
) -> None:
    key = await a_call(store)
    await store.calls.allow(key, WHY)
    assert await leases_of(other).claim_run(key.run_id, store.me)
    assert await leases_of(store).claim_run(key.run_id, other.me)
    assert not await store.calls.send(key, 0, BOUND)
    assert await store.calls.send(key, 2, BOUND)


async def test_a_takeover_and_a_send_at_once_leave_one_of_two_orders(
    store: Store, other: Store
) -> None:
    """Sent before, and uncertain; or claimed before, and not sent."""
    for _ in range(20):
        key = await a_call(store)
        await store.calls.allow(key, WHY)
        sent, claimed = await asyncio.gather(
            store.calls.send(key, 0, BOUND), leases_of(other).claim_run(key.run_id, store.me)
        )
        assert claimed
        assert await state_of(store, key) == ("uncertain" if sent else "approved")


async def test_a_run_whose_question_was_taken_sends_nothing(store: Store, other: Store) -> None:
    """Its row was written by a process that had paused before."""
    run_id = uuid4()
    inbox_id = await store.inbox.add(question(), 5, run_id) or 0
    assert await leases_of(other).claim_question(inbox_id, store.me)
    store.runs.begin(start(run_id))
    await store.settled(run_id, 10)
    key = await a_call(store, run_id)
    await store.calls.allow(key, WHY)
    assert not await store.calls.send(key, 0, BOUND)


async def test_a_run_that_has_ended_sends_nothing(store: Store) -> None:
    key = await a_call(store)
    await store.calls.allow(key, WHY)
    store.runs.end(key.run_id, end())
    await store.settled(key.run_id, 10)
    assert await store.calls.epoch(key.run_id) is None
    assert not await store.calls.send(key, 0, BOUND)


async def test_texts_go_with_the_retention_and_hashes_stay(store: Store) -> None:
    key = await a_call(store)
    await put(store, key, "sending")
    await store.calls.answer(key, RESULT)
    await store.retention.delete_before(10**15, now_us=10**15)
    row = await store.calls.get(key)
    assert row is not None
    assert (row.asked.arguments, row.asked.binding) == ("", BOUND)
    assert row.result == CallResult("", RESULT.sha256, RESULT.bytes)


SCOPE = RuleScope(PLACE, ADA, "mail", "send", BOUND.config, BOUND.tool)


async def test_a_rule_holds_for_what_it_was_made_for_until_it_ends(store: Store) -> None:
    rule_id = await store.rules.add(SCOPE, ADA, 60)
    await store.rules.add(RuleScope(PLACE, ADA, "mail", "old", "c", "t"), ADA, -1)
    (rule,) = await store.rules.in_force()
    assert (rule.id, rule.scope, rule.approver) == (rule_id, SCOPE, str(ADA))
    assert await store.rules.holding(SCOPE) == rule
    others = [
        RuleScope(PLACE, Account("slack", "T2", ADA.id), "mail", "send", BOUND.config, BOUND.tool),
        RuleScope(PLACE, ADA, "mail", "send", BOUND.config, "another"),
        RuleScope(PLACE, ADA, "mail", "send", "another", BOUND.tool),
        RuleScope(PLACE, ADA, "mail", "old", "c", "t"),
    ]
    assert [await store.rules.holding(each) for each in others] == [None] * 4
    assert await store.rules.revoke(rule_id)
    assert not await store.rules.revoke(rule_id)
    assert await store.rules.holding(SCOPE) is None
