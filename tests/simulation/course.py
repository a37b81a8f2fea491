"""One simulation from its seed to its verdict."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import text

from tests.doubles.clock import VirtualTimeLoop
from tests.simulation.calling import Turn
from tests.simulation.calls import CallInvariants
from tests.simulation.chance import seeded
from tests.simulation.database import OpenDatabase
from tests.simulation.invariants import Invariants
from tests.simulation.people import People
from tests.simulation.plan import TROUBLE_S, Plan, planned_for
from tests.simulation.watch import Watch
from tests.simulation.world import World

REST_S = 400.0
"""So long all may take to come to rest once nothing goes wrong any more."""
_OPEN_CALLS = text(
    "SELECT count(*) FROM tool_calls WHERE restate_us IS NOT NULL"
    " OR state IN ('asked', 'waiting', 'approved', 'sending')"
)
_OPEN = text(
    "SELECT (SELECT count(*) FROM runs WHERE ended_us IS NULL)"
    " + (SELECT count(*) FROM inbox WHERE state IN ('waiting', 'running'))"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a seed."""

    seed: int
    plan: Plan
    broken: list[str]
    trace: list[str]
    digest: str


@cache
def _database() -> OpenDatabase:
    """One for one simulation after the other: emptied, not made anew."""
    return OpenDatabase()


def simulate(seed: int) -> Verdict:
    """Plays a seed."""
    watch = Watch()
    collecting = gc.isenabled()
    gc.disable()  # a collection closes what was left behind: it has to come at the same time
    database = _database()
    database.forget()
    try:
        with seeded(seed) as chance, watch.logs():
            plan = planned_for(seed, chance)
            with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                loop = runner.get_loop()
                loop.set_task_factory(watch.make_task)  # type: ignore[arg-type]
                world = World(plan, chance, watch, database)
                if world.bell is not None:
                    database.on_step = partial(_step, world)
                runner.run(_played(world))
    finally:
        if collecting:
            gc.enable()
    return Verdict(seed, plan, watch.broken, watch.trace, watch.digest)


def _step(world: World, state: Any) -> None:
    world.watch.note(f"p{world.watch.process} call {state}")
    world.moment(state, world.watch.process)


async def _played(world: World) -> None:
    people = People(world)
    invariants = Invariants(world, people)
    world.watch.after_effect = invariants.after_effect
    world.watch.verdict = invariants.at_verdict
    try:
        for _ in range(world.plan.processes):
            world.start()
        if world.plan.calling is not None:
            world.watch.beyond(people.decide())
            for at, turn in world.plan.calling.turns:
                world.watch.beyond(_turned(people, at, turn))
        for at, act in world.plan.acts:
            await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
            people.do(act)
        await asyncio.sleep(min(TROUBLE_S, world.plan.acts[-1][0] + 2.0) - _now())
        people.clear_up()
        await _rest(world, people)
        invariants.at_the_end()
        if world.bell is not None:
            CallInvariants(world, people, world.bell).at_the_end()
    finally:
        for process in world.processes:
            world.kill(process)


async def _turned(people: People, at: float, turn: Turn) -> None:
    await asyncio.sleep(at)
    await people.turn(turn)


async def _rest(world: World, people: People) -> None:
    """Until nothing is under way, twice in a row."""
    quiet, until = 0, _now() + REST_S
    while quiet < 3 and _now() < until:
        await asyncio.sleep(0.7)
        quiet = quiet + 1 if _resting(world, people) else 0
    if quiet < 3:
        world.watch.breach("unrest: something is still under way")


def _resting(world: World, people: People) -> bool:
    if any(not request.kept for request in people.requests):
        return False
    if _now() < max(world.weather.away_until, world.weather.full_until, world.skies.away_until):
        return False
    for process in world.living:
        if process.store.journal.pending or process.runs.active or process.intake.waiting:
            return False
        if process.runs.late._tasks:
            return False
        if any(estate.task is not None for estate in process.recovery._estates.values()):
            return False
    with world.database._engine.connect() as connection:
        calls = world.bell is not None and connection.scalar(_OPEN_CALLS)
        return not calls and not connection.scalar(_OPEN)


def _now() -> float:
    return asyncio.get_running_loop().time()
