"""What is kept can be found again: each table, on each kind of database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.identity import Account
from bot.store import AmbiguousRun, Answer, InboxId, Recorded, RunRow, Store, TokenRow
from connectors.base import MessageRef, Place
from providers.base import TokenKind
from tests.doubles.stored import (
    HOSTILE,
    MENDED,
    PLACE,
    add_tokens,
    edit,
    end,
    message,
    question,
    start,
)

pytestmark = pytest.mark.real_time

RUN = UUID("11111111-2222-4333-8444-555555555555")


async def begin(store: Store, run_id: UUID, started_us: int, **changes: Any) -> None:
    """A run that began, durable."""
    store.runs.begin(start(run_id, started_us, **changes))
    await store.settled(run_id, 10)


async def test_a_question_is_kept_once(store: Store) -> None:
    first = await store.inbox.add(question("1"), 5)
    assert first is not None
    assert await store.inbox.add(question("1", "edited"), 6) is None
    [kept] = await store.inbox.unanswered()
    assert (kept.id, kept.asked, kept.received_us, kept.state) == (
        first, question("1"), 5, "waiting",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "written"),
    [
        (InboxId("asked", "171.1"), "171.1"),
        (InboxId("asked", "m:171.1"), "m:171.1"),
        (InboxId("edited", "171.1", "files"), "edited:171.1:files"),
        (InboxId("retry", str(RUN)), f"retry:{RUN}"),
        (InboxId("continue", str(RUN)), f"continue:{RUN}"),
    ],
)
def test_what_a_kept_question_is_can_be_read_from_its_id(key: InboxId, written: str) -> None:
    """Processes of an earlier version read and write the same."""
    assert key.written == written
    assert InboxId.read(written) == key


async def test_a_question_delivered_many_times_at_once_is_kept_once(store: Store) -> None:
    ids = await asyncio.gather(*(store.inbox.add(question("1"), 5) for _ in range(20)))
    assert len([kept for kept in ids if kept is not None]) == 1


async def test_the_same_message_id_in_another_place_is_another_question(store: Store) -> None:
    places = [PLACE, replace(PLACE, thread="9"), replace(PLACE, channel="9"),
              replace(PLACE, workspace="9"), replace(PLACE, connector="9")]  # fmt: skip
    ids = [await store.inbox.add(question("1", place=place), 5) for place in places]
    assert None not in ids
    assert len(set(ids)) == len(places)


async def test_a_message_of_discords_is_one_question_whichever_thread_answers_it(
    store: Store,
) -> None:
    """Two processes may not agree whether its answer gets a thread."""
    channel = replace(PLACE, connector="discord", thread="reply:1")
    ids = await asyncio.gather(
        *(
            store.inbox.add(question("1", place=place), 5)
            for place in (channel, replace(channel, thread="1"))
        )
    )
    assert len([kept for kept in ids if kept is not None]) == 1


async def test_questions_that_no_run_has_ended_are_unanswered_oldest_first(store: Store) -> None:
    ids = [await store.inbox.add(question(str(n)), n) for n in range(5)]
    assert all(ids)
    await store.inbox.mark(ids[1] or 0, "running", RUN)
    await store.inbox.mark(ids[2] or 0, "done", RUN)
    await store.inbox.mark(ids[3] or 0, "refused")
    left = await store.inbox.unanswered()
    assert [(kept.id, kept.state, kept.run_id) for kept in left] == [
        (ids[0], "waiting", None),
        (ids[1], "running", RUN),
        (ids[4], "waiting", None),
    ]


async def test_a_new_state_keeps_the_run_of_a_question(store: Store) -> None:
    kept = await store.inbox.add(question(), 5)
    assert kept is not None
    await store.inbox.mark(kept, "running", RUN)
    await store.inbox.mark(kept, "waiting")
    assert [found.run_id for found in await store.inbox.unanswered()] == [RUN]


async def test_a_run_is_read_back_as_it_began_and_as_it_ended(store: Store) -> None:
    began = start(RUN, kind="retry", parent_run_id=uuid4())
    await begin(store, RUN, 1_000, kind="retry", parent_run_id=began.parent_run_id)
    assert await store.runs.get(RUN) == RunRow(began, None, None)
    ended = end(
        verdict="verified",
        receipt={"generated": {"length": 7, "sha256": "ab"}, "ok": True, "at": None},
        first_token_us=2_000,
        first_text_us=3_000,
        finish_reason="stop",
        error="Disconnected: it broke",
        input_tokens=2**40,
        output_tokens=7,
    )
    store.runs.end(RUN, ended)
    await store.settled(RUN, 10)
    assert await store.runs.get(RUN) == RunRow(began, ended, None)


async def test_a_run_that_nobody_began_is_not_there(store: Store) -> None:
    assert await store.runs.get(RUN) is None


async def test_an_answer_of_a_megabyte_is_kept_whole(store: Store) -> None:
    text = "é😀x" * 250_000
    await begin(store, RUN, 1)
    store.runs.end(RUN, end(generated_text=text))
    add_tokens(store, RUN, [text])
    await store.settled(RUN, 10)
    row = await store.runs.get(RUN)
    assert row is not None
    assert row.end is not None
    assert row.end.generated_text == text
    assert (await store.tokens.recorded(RUN)).text == text


async def test_a_unique_prefix_names_a_run(store: Store) -> None:
    other = UUID("11111111-2222-4333-8444-666666666666")
    await begin(store, RUN, 1)
    await begin(store, other, 2)
    for prefix in (str(RUN), str(RUN)[:25], str(RUN)[:25].upper()):
        found = await store.runs.find(prefix)
        assert found is not None
        assert found.run_id == RUN


async def test_an_ambiguous_prefix_names_the_runs_it_could_mean(store: Store) -> None:
    other = UUID("11111111-2222-4333-8444-666666666666")
    await begin(store, RUN, 1)
    await begin(store, other, 2)
    with pytest.raises(AmbiguousRun, match=str(RUN)) as raised:
        await store.runs.find("1111")
    assert raised.value.run_ids == [other, RUN]


@pytest.mark.parametrize("prefix", ["2", "%", "_", "1111%", "'", "\\", HOSTILE])
async def test_a_prefix_of_no_run_finds_none(store: Store, prefix: str) -> None:
    await begin(store, RUN, 1)
    assert await store.runs.find(prefix) is None


async def test_recent_runs_come_newest_first_and_in_pages(store: Store) -> None:
    ids = [uuid4() for _ in range(5)]
    for n, run_id in enumerate(ids):
        await begin(store, run_id, n)
    assert [row.run_id for row in await store.runs.recent(2)] == [ids[4], ids[3]]
    assert [row.run_id for row in await store.runs.recent(2, before_us=3)] == [ids[2], ids[1]]


async def test_recent_runs_can_be_narrowed(store: Store) -> None:
    stopped, failed, discord = uuid4(), uuid4(), uuid4()
    await begin(store, stopped, 1)
    await begin(store, failed, 2)
    await begin(store, discord, 3, place=Place("discord", "w", "c"))
    store.runs.end(stopped, end(outcome="stopped"))
    store.runs.end(failed, end(outcome="failed"))
    await store.settled(failed, 10)
    assert [row.run_id for row in await store.runs.recent(9, outcome="stopped")] == [stopped]
    assert [row.run_id for row in await store.runs.recent(9, connector="discord")] == [discord]


async def test_runs_that_have_not_ended_are_open_oldest_first(store: Store) -> None:
    newer, older, ended = uuid4(), uuid4(), uuid4()
    for started_us, run_id in ((3, newer), (1, older), (2, ended)):
        await begin(store, run_id, started_us)
    store.runs.end(ended, end())
    await store.settled(ended, 10)
    assert [row.run_id for row in await store.runs.open()] == [older, newer]


async def test_tokens_are_read_in_order_with_their_times_and_kinds(store: Store) -> None:
    store.tokens.add(RUN, 1, 2_000, "b", "text")
    store.tokens.add(RUN, 0, 1_000, "hm", "reasoning")
    add_tokens(store, uuid4(), ["another run's"])
    await store.settled(RUN, 10)
    assert await store.tokens.read(RUN) == [
        TokenRow(0, 1_000, "hm", "reasoning"),
        TokenRow(1, 2_000, "b", "text"),
    ]


async def test_the_recorded_answer_is_its_text_and_refusals(store: Store) -> None:
    kinds: tuple[TokenKind, ...] = ("reasoning", "text", "tool", "refusal", "text")
    for seq, kind in enumerate(kinds):
        store.tokens.add(RUN, seq, seq, f"{seq}", kind)
    await store.settled(RUN, 10)
    assert await store.tokens.recorded(RUN) == Recorded("134", 5, None)


@pytest.mark.parametrize(
    ("numbers", "missing"), [((0, 1, 2), None), ((), None), ((1, 2), 0), ((0, 1, 3, 5), 2)]
)
async def test_the_first_token_that_lacks_is_named(
    store: Store, numbers: tuple[int, ...], missing: int | None
) -> None:
    for seq in numbers:
        store.tokens.add(RUN, seq, seq, "x", "text")
    await store.settled(RUN, 10)
    assert await store.tokens.recorded(RUN) == Recorded("x" * len(numbers), len(numbers), missing)


async def test_tokens_of_many_runs_are_not_mixed_up(store: Store) -> None:
    ids = [uuid4() for _ in range(20)]
    for seq in range(50):
        for n, run_id in enumerate(ids):
            add_tokens(store, run_id, [f"{n}.{seq} "], first=seq)
    await store.settled(ids[-1], 10)
    for n, run_id in enumerate(ids):
        recorded = await store.tokens.recorded(run_id)
        assert recorded.text == "".join(f"{n}.{seq} " for seq in range(50))


async def test_edits_are_read_in_order(store: Store) -> None:
    made = [edit(1, error="RateLimited"), edit(0, call="post", position=2**40), edit(2, part=1)]
    for one in made:
        store.edits.add(RUN, one)
    await store.settled(RUN, 10)
    assert await store.edits.read(RUN) == [made[1], made[0], made[2]]


async def test_a_later_layout_of_a_part_replaces_the_earlier_one(store: Store) -> None:
    store.messages.add(RUN, message(1, "m2"))
    store.messages.add(RUN, message(0, "m1"))
    store.messages.add(RUN, message(0, "m1", tail="\n```"))
    await store.settled(RUN, 10)
    assert await store.messages.read(RUN) == [message(0, "m1", tail="\n```"), message(1, "m2")]


async def test_a_message_of_the_bots_leads_to_its_run(store: Store) -> None:
    store.messages.add(RUN, message(0, "m1"))
    await store.settled(RUN, 10)
    assert await store.messages.run_of(MessageRef(PLACE, "m1")) == RUN
    assert await store.messages.run_of(MessageRef(PLACE, "m2")) is None
    assert await store.messages.run_of(MessageRef(replace(PLACE, thread=""), "m1")) is None


async def test_earlier_answers_are_found_by_the_messages_that_show_them(store: Store) -> None:
    other, elsewhere = uuid4(), Place("discord", "", "9")
    await begin(store, RUN, 1)
    await begin(store, other, 2)
    store.messages.add(RUN, message(0, "m1"))
    store.messages.add(RUN, message(1, "m2"))
    store.messages.add(other, message(0, "m1", elsewhere))
    store.runs.end(RUN, end(generated_text="because"))
    await store.settled(RUN, 10)
    first, second = MessageRef(PLACE, "m1"), MessageRef(PLACE, "m2")
    there, unknown = MessageRef(elsewhere, "m1"), MessageRef(elsewhere, "m2")
    assert await store.messages.answers([first, second, there, unknown]) == {
        first: Answer(RUN, 0, "because"),
        second: Answer(RUN, 1, "because"),
        there: Answer(other, 0, ""),
    }
    assert await store.messages.answers([]) == {}


async def test_each_person_has_one_feedback_for_a_run(store: Store) -> None:
    ada, stranger = Account("slack", "T1", "U1"), Account("slack", "T2", "U1")
    await store.feedback.set(RUN, ada, 1, 1)
    await store.feedback.set(RUN, stranger, 1, 2)
    await store.feedback.set(RUN, ada, -1, 3)
    assert await store.feedback.read(RUN) == {"T1/U1": -1, "T2/U1": 1}
    assert await store.feedback.read(uuid4()) == {}


async def test_the_last_feedback_counts_in_whichever_order_it_is_written(store: Store) -> None:
    ada = Account("slack", "T1", "U1")
    await store.feedback.set(RUN, ada, -1, 7)
    await store.feedback.set(RUN, ada, 1, 6)
    assert await store.feedback.read(RUN) == {"T1/U1": -1}
    await store.feedback.set(RUN, ada, 1, 7)
    assert await store.feedback.read(RUN) == {"T1/U1": 1}


async def test_a_conversation_counts_from_when_it_was_last_forgotten(store: Store) -> None:
    assert await store.conversations.forgotten_us(PLACE) == 0
    await store.conversations.forget(PLACE, 7)
    await store.conversations.forget(PLACE, 5)
    assert await store.conversations.forgotten_us(PLACE) == 7
    assert await store.conversations.forgotten_us(replace(PLACE, channel="9")) == 0


async def test_hostile_text_is_stored_everywhere_and_harms_nothing(store: Store) -> None:
    place = Place(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    assert await store.inbox.add(question(HOSTILE, HOSTILE, place), 1) is not None
    assert await store.inbox.add(question(HOSTILE, HOSTILE, place), 1) is None
    store.runs.begin(start(RUN, place=place, question=HOSTILE, model=HOSTILE))
    add_tokens(store, RUN, [HOSTILE])
    store.messages.add(RUN, message(0, HOSTILE, place, tail=HOSTILE))
    store.edits.add(RUN, edit(error=HOSTILE))
    store.runs.end(RUN, end(generated_text=HOSTILE, error=HOSTILE, receipt={HOSTILE: HOSTILE}))
    await store.feedback.set(RUN, Account("slack", "", HOSTILE), 1, 1)
    await store.conversations.forget(place, 7)
    await store.settled(RUN, 10)
    assert store.lost(RUN) == 0
    row = await store.runs.get(RUN)
    assert row is not None
    assert row.end is not None
    assert (row.start.question, row.end.generated_text, row.end.error) == (MENDED,) * 3
    assert (await store.tokens.recorded(RUN)).text == MENDED
    assert [found.asked.text for found in await store.inbox.unanswered()] == [MENDED]
    assert await store.messages.run_of(MessageRef(place, HOSTILE)) == RUN
    assert await store.feedback.read(RUN) == {MENDED: 1}
    assert await store.conversations.forgotten_us(place) == 7
