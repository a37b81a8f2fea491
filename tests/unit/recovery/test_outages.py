"""The database goes away, for all or for one: nobody loses a run but to a process that is alone."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from uuid import uuid4

import pytest

from bot.cluster.heartbeat import LEASE_S, FailureDetector, Heartbeat
from bot.cluster.leases import Process, Seat, Snapshot
from bot.runs import outcomes
from bot.store import Store, StoreUnavailable
from bot.words import small
from connectors.base import AnswerText, Asked, Limits, MessageRef, Part, Place, Shown
from connectors.memory import ALICE, MemoryConnector
from providers.scripted import Hang, Pause
from tests.doubles.way import clock_us, words
from tests.unit.recovery.world import a_world

NOTE = small(outcomes.INTERRUPTED.note)
COUNT = " ".join(str(n) for n in range(100))
SLOW = [step for word in words(COUNT) for step in (word, Pause(1.0))]


async def test_after_an_outage_for_all_nobody_claims_and_every_answer_is_whole() -> None:
    async with a_world() as world:
        processes = [await world.start(SLOW) for _ in range(3)]
        for number, process in enumerate(processes):
            await process.ask(thread=str(number))
        await asyncio.sleep(3)
        for process in processes:
            process.line.cut = True
        await asyncio.sleep(30)
        for process in processes:
            process.line.cut = False
            await asyncio.sleep(1.7)  # the last to come back has not beaten when others look
        await asyncio.sleep(200)
        assert await world.outcomes() == ["complete"] * 3
        assert world.shown == [COUNT] * 3


async def test_after_an_outage_nobody_takes_the_parts_of_those_that_only_seem_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_world() as world:
        processes = [await world.start() for _ in range(3)]
        await asyncio.sleep(5)
        for process in processes:
            process.line.cut = True
        await asyncio.sleep(30)
        shared: list[int] = []
        for process in processes:
            monkeypatch.setattr(
                process.runs._services.pacing, "divide", lambda _name, count: shared.append(count)
            )
        for process in processes:
            process.line.cut = False
            await asyncio.sleep(3)  # the others have not beaten while this one looks
        await asyncio.sleep(30)
        assert set(shared) == {3}


async def test_a_process_that_starts_in_the_moment_the_database_is_back_claims_nothing() -> None:
    async with a_world() as world:
        first = await world.start(SLOW)
        await first.ask()
        await asyncio.sleep(3)
        first.line.cut = True
        await asyncio.sleep(30.5)
        await world.start()
        await asyncio.sleep(1.1)
        first.line.cut = False
        await asyncio.sleep(200)
        assert await world.outcomes() == ["complete"]
        assert world.shown == [COUNT]


async def test_an_owner_that_lost_its_run_stops_and_the_answer_is_ended_once_more() -> None:
    """It was cut off alone, and has edited over the end that another process had shown."""
    async with a_world() as world:
        first, _ = await world.start(SLOW), await world.start()
        await first.ask()
        await asyncio.sleep(3)
        first.line.cut = True
        await world.until(lambda: NOTE in world.shown[0])
        await world.until(lambda: world.writing)
        assert await world.outcomes() == ["interrupted"]
        first.line.cut = False
        await asyncio.sleep(10)
        assert first.runs.active == []
        row = await world.row()
        assert row.end is not None
        assert row.end.outcome == "interrupted"
        assert world.shown == [f"{row.end.generated_text}\n\n{NOTE}"]
        tokens = await first.store.tokens.read(row.run_id)
        recorded = "".join(token.text for token in tokens)
        assert row.end.generated_text.startswith(recorded)  # nothing is recorded after that
        edits = len(world.platform.calls)
        await asyncio.sleep(100)
        assert len(world.platform.calls) == edits


async def test_an_owner_that_is_back_while_its_unrecorded_run_is_ended_elsewhere_gives_it_up() -> (
    None
):
    """Only the question tells that the run was taken: its own row was never written."""
    async with a_world() as world:
        first = await world.start(SLOW)
        second = await world.start(latency=4.0)
        await first.ask()
        first.line.cut = True
        await world.until(lambda: world.shown)
        await world.until(lambda: any(call.name == "find" for call in world.platform.calls))
        first.line.cut = False
        await world.recovered()
        await asyncio.sleep(100)
        assert [process.runs.active for process in (first, second)] == [[], []]
        row = await world.row()
        assert row.end is not None
        assert row.end.outcome == "interrupted"
        assert world.shown == [f"{row.end.generated_text}\n\n{NOTE}"]
        assert world.writing == []


async def test_a_question_that_waits_in_a_process_that_was_cut_off_is_answered_once() -> None:
    async with a_world() as world:
        first = await world.start([*words("One two"), Hang()], ["Twice!"])
        await world.start(["Once."])
        await first.ask()
        await asyncio.sleep(3)
        await first.ask("And then?")
        first.line.cut = True
        await world.until(lambda: "Once." in world.shown)
        first.line.cut = False
        await asyncio.sleep(30)
        assert [text for text in world.shown if NOTE not in text] == ["Once."]
        assert sorted(await world.outcomes()) == ["complete", "interrupted"]


async def test_a_claim_whose_answer_was_lost_is_this_process_own() -> None:
    async with a_world() as world:
        first = await world.start([*words("One two"), Hang()])
        await first.ask()
        await asyncio.sleep(3)
        world.kill(first)
        second = await world.start()
        claim = second.cluster.leases.claim_run
        lost = [True]

        async def lose(*arguments: object) -> bool:
            done = await claim(*arguments)  # type: ignore[arg-type]
            if lost:
                lost.pop()
                raise StoreUnavailable("lost")
            return done

        second.cluster.leases.claim_run = lose  # type: ignore[assignment, method-assign]
        await world.recovered()
        assert lost == []
        assert await world.outcomes() == ["interrupted"]
        assert world.writing == []


HERE = Seat("machine", 1)


def living(
    detector: FailureDetector, *beats: float, now: float, seat: Seat | None = None
) -> set[str]:
    """Who lives, of processes that last beat at these seconds."""
    processes = [Process(str(n), int(at * 1e6), seat) for n, at in enumerate(beats)]
    return detector.living(processes, int(now * 1e6), now)


def test_a_process_is_dead_once_its_lease_ran_out_and_its_silence_was_seen_for_a_while() -> None:
    detector = FailureDetector("me", None)
    assert living(detector, 100.0, now=100.0) == {"0"}
    assert living(detector, 100.0, now=100.0 + LEASE_S) == {"0"}
    assert living(detector, 100.0, now=100.1 + LEASE_S) == set()


def test_a_process_that_has_only_just_been_seen_is_given_time_to_beat() -> None:
    detector = FailureDetector("me", None)
    assert living(detector, 100.0, now=200.0) == {"0"}
    assert living(detector, 100.0, now=200.0 + LEASE_S / 2) == set()


def test_a_process_whose_clock_is_behind_lives_as_long_as_it_beats() -> None:
    detector = FailureDetector("me", None)
    for second in range(60):
        assert living(detector, float(second), now=second + 3600.0) == {"0"}


def test_this_process_never_takes_itself_for_dead() -> None:
    detector = FailureDetector("0", HERE)
    assert living(detector, 0.0, now=1000.0, seat=HERE) == {"0"}
    assert living(detector, 0.0, now=2000.0, seat=HERE) == {"0"}


@pytest.mark.parametrize(
    ("seat", "alive"),
    [
        (None, True),
        (Seat("another machine", 4_000_000), True),
        (Seat("machine", 4_000_000), False),
        (HERE, False),
    ],
)
def test_on_the_same_machine_a_dead_process_is_known_at_once(
    seat: Seat | None, alive: bool
) -> None:
    """Whoever had the number that is ours now is gone as well."""
    assert living(FailureDetector("me", HERE), 100.0, now=100.0, seat=seat) == (
        {"0"} if alive else set()
    )


async def test_a_process_that_begins_while_another_looks_is_not_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who lives was read before it had beaten, what is unfinished after it had taken a question.

    What is unfinished is read only where something was left: here by one that nobody knows.
    """
    async with a_world() as world:
        first = await world.start()
        await asyncio.sleep(5)
        leases = first.cluster.leases
        known = leases.snapshot

        async def slow() -> Snapshot:
            if len(world.processes) > 1:
                return await known()
            left = Asked(MessageRef(Place("terminal", "", "1"), "1"), ALICE, "Left?")
            await Store(first.line).inbox.add(left, clock_us(), uuid4())
            found = await known()
            second = await world.start(["One.", Pause(5.0), " Two."])
            await second.ask()
            await asyncio.sleep(1)  # its run has begun
            return found

        monkeypatch.setattr(leases, "snapshot", slow)
        await world.until(lambda: world.shown)
        await world.recovered()
        assert first.provider.requests == []
        assert world.shown == ["One. Two."]
        assert await world.outcomes() == ["complete"]


async def test_a_part_that_the_old_owner_posts_while_its_run_is_ended_is_not_posted_again() -> None:
    """It was taken for dead, and had a post on its way."""
    async with a_world(Limits(120)) as world:
        first = await world.start(["word " * 60, Hang()])
        await first.ask()
        await world.until(lambda: len(world.messages) == 2)
        run = (await world.row()).start.run_id
        world.kill(first)
        second = await world.start()
        edit, posted = second.connector.edit, list[MessageRef]()

        async def late(ref: MessageRef, part: Part) -> Shown:
            if not posted:
                posted.append(ref)
                key = f"{id(first.connector)}/{run}:2"
                await MemoryConnector.post(
                    second.connector, ref.place, Part(run, 2, AnswerText("word")), key
                )
            return await edit(ref, part)

        second.connector.edit = late  # type: ignore[method-assign]
        await world.recovered()
        parts = [message.versions[0].part for message in world.messages]
        assert [part.index for part in parts if part is not None] == [0, 1, 2, 3]


async def test_a_process_beats_while_it_looks_for_what_was_taken_from_it() -> None:
    """The database may be slow after an outage; a silent process would lose what it still has."""
    beats: list[float] = []

    class Slow:
        async def beat(self, _now_us: int, _seat: Seat | None, *_said: object) -> None:
            beats.append(asyncio.get_running_loop().time())

        async def give_up_what_was_taken(self) -> None:
            await asyncio.sleep(3 * LEASE_S)

    slow = Slow()
    heart = Heartbeat(slow, clock_us)  # type: ignore[arg-type]
    await heart.begin([], slow)
    await asyncio.sleep(LEASE_S)
    await heart.beat()
    pauses = [later - before for before, later in pairwise(beats[1:])]
    assert sum(pauses) > 2 * LEASE_S
    assert max(pauses) < LEASE_S / 2
