"""Schedules of processes that share one budget, on virtual time: `make budgets N=10000`.

The script runs in a real Redis; what fails, when and for whom is drawn from the schedule's number.
No window may hold more calls than the budget, and whoever can reach anything goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import redis
import structlog

from bot.cluster import budget_keeper
from bot.pacing.redis_scripts import SCRIPT
from bot.pacing.shared_limiter import SharedLimiter
from connectors.base import Budget
from tests.doubles.clock import VirtualTimeLoop
from tests.doubles.redis import redis_server
from tests.doubles.sharing import Deployment, Server, Spender

DISCORD = Budget("shared/C", 5, 5.25)
_SECONDS = 40.0
_EVENTS = (
    "restart", "evict", "evict", "away", "back", "cut", "offline", "join", "kill", "idle", "clock",
    "end",
)  # fmt: skip
_LEASE_S = 10.0
_CLOCKS_S = (-3600.0, -10.0, 0.0, 10.0, 3600.0)
"""By how much Redis' clock may be wrong."""
_CALM_S = 12.0
"""Seconds at a schedule's end in which all is well again."""


@dataclass(frozen=True)
class Course:
    """What came of a schedule."""

    most: int
    late: int
    """Calls in the calm at its end."""
    events: tuple[str, ...]

    @property
    def wrong(self) -> str:
        """What should not be; empty where nothing is."""
        if self.most > DISCORD.calls:
            return f"{self.most} calls in a window"
        return "" if self.late else "nobody goes on"


Schedule = Callable[[random.Random, Server], Awaitable[Course]]


def play(
    number: int,
    client: redis.Redis,
    script: str = SCRIPT,
    schedule: Schedule | None = None,
) -> Course:
    """One schedule: any, or of a certain kind."""
    chance = random.Random(number)  # noqa: S311 - moments
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(_run(schedule or anything, chance, Server(client, script)))


async def _run(schedule: Schedule, chance: random.Random, server: Server) -> Course:
    return await schedule(chance, server)


async def parted(chance: random.Random, server: Server) -> Course:
    """One process loses Redis while another one can't read that it is not used any more."""
    world = Deployment(DISCORD, chance, server, latency_s=0.02)
    leaves = await world.start(replies=2)
    stays = await world.start(replies=2)
    await asyncio.sleep(8.0 + chance.uniform(0.0, 5.0))
    assert leaves.wire is not None
    stays.line.cut = leaves.wire.cut = True
    await asyncio.sleep(_LEASE_S - 2.0)
    stays.line.cut = False
    before = len(world.counted)
    await asyncio.sleep(_CALM_S)
    late = len(world.counted) - before
    await world.aclose()
    return Course(world.most(), late, ())


async def anything(chance: random.Random, server: Server) -> Course:
    """What is drawn."""
    world = Deployment(DISCORD, chance, server, latency_s=chance.choice((0.0, 0.02, 0.2)))
    for _ in range(chance.randint(2, 4)):
        await world.start(busy=chance.random() < 0.8, replies=2)
    events: list[str] = []
    at = 4.0 + chance.uniform(0.0, 4.0)
    await asyncio.sleep(at)
    while at < _SECONDS - _CALM_S:
        events.append(f"{at:.2f} {await _happens(world, server, chance)}")
        later = chance.expovariate(0.5)
        at += later
        await asyncio.sleep(later)
    _mend(world, server)
    await asyncio.sleep(_CALM_S / 2)
    before = len(world.counted)
    await asyncio.sleep(_CALM_S / 2)
    late = len(world.counted) - before
    await world.aclose()
    return Course(world.most(), late, tuple(events))


async def _happens(world: Deployment, server: Server, chance: random.Random) -> str:
    """One thing that goes wrong, or right again."""
    some = chance.choice(world.processes)
    what = chance.choice(_EVENTS)
    if what == "restart":
        server.restart()
    elif what == "evict":
        server.evict(chance)
    elif what in ("away", "back"):
        server.away = what == "away"
    elif what == "cut" and some.wire is not None:
        some.wire.cut = not some.wire.cut
    elif what == "offline":
        _take_the_database_from(some, chance)
    elif what == "clock":
        server.skew_s = chance.choice(_CLOCKS_S)
    elif what == "idle":
        some.busy = not some.busy
    else:
        await _comes_or_goes(world, some, what)
    return f"{what} {some.name}"


def _take_the_database_from(some: Spender, chance: random.Random) -> None:
    """For less than a lease: later the others take it for dead, and what it holds for free."""
    some.line.cut = True
    later = chance.uniform(0.0, _LEASE_S - 2.0)
    asyncio.get_running_loop().call_later(later, setattr, some.line, "cut", False)


async def _comes_or_goes(world: Deployment, some: Spender, what: str) -> None:
    if what == "join" and len(world.processes) < 6:
        await world.start(replies=2)
    elif what == "kill" and len(world.processes) > 1:
        await world.stop(some)
    elif what == "end":
        for each in world.processes:
            each.busy = True


def _mend(world: Deployment, server: Server) -> None:
    server.away, server.skew_s = False, 0.0
    for each in world.processes:
        each.busy, each.line.cut = True, False
        if each.wire is not None:
            each.wire.cut = False


# Bugs that schedules have to find.

_FULL = (
    "redis.call('HSET', registry, 'run', asked.run, 'generation', now, 'full', now + asked.beat)"
)
_ANSWERED = "keep(told[1], now - told[2] + window)"
_UNANSWERED = "local till = now + asked.deadline + window"
_TIME = "  ahead = now - server\n"

SCRIPT_BUGS: dict[str, Callable[[str], str]] = {
    "an empty key is taken for an empty window": lambda s: s.replace(
        "'full', now + asked.beat", "'full', 0"
    ).replace("asked.counted", "{}"),
    "a slot is free at its grant": lambda s: s.replace(_UNANSWERED, "local till = now").replace(
        _ANSWERED, "keep(told[1], now)"
    ),
    "the clock goes backwards": lambda s: s.replace(_TIME, "  now = server\n"),
}


@contextmanager
def two_modes_at_once() -> Iterator[None]:
    """Who leaves Redis holds all that it spent, whatever Redis grants meanwhile."""
    hold = SharedLimiter.hold_what_was_spent

    def hold_all(self: SharedLimiter, clear_at: float) -> None:  # noqa: ARG001 - that is the bug
        hold(self, -math.inf)

    SharedLimiter.hold_what_was_spent = hold_all  # type: ignore[method-assign]
    try:
        yield
    finally:
        SharedLimiter.hold_what_was_spent = hold  # type: ignore[method-assign]


def found(
    number: range, client: redis.Redis, script: str = SCRIPT, schedule: Schedule = anything
) -> int | None:
    """The first schedule that shows something wrong."""
    return next((each for each in number if play(each, client, script, schedule).wrong), None)


def main() -> int:
    """Plays schedules, or looks for the planted bugs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--bugs", action="store_true")
    told = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    budget_keeper.log = structlog.get_logger()
    numbers = range(told.first, told.first + told.schedules)
    with (
        redis_server() as server,
        redis.Redis.from_url(server.url, decode_responses=True) as client,
    ):
        return _bugs(numbers, client) if told.bugs else _all(numbers, client)


def _all(numbers: range, client: redis.Redis) -> int:
    began, wrong = time.monotonic(), 0
    for done, number in enumerate(numbers, 1):
        course = play(number, client)
        if course.wrong:
            wrong += 1
            told = "\n".join(course.events)
            sys.stdout.write(f"schedule {number}: {course.wrong}\n{told}\n")
        if done % 500 == 0 or done == len(numbers):
            took = time.monotonic() - began
            sys.stdout.write(f"{done} schedules, {wrong} wrong, {took:.0f} s\n")
            sys.stdout.flush()
    return 1 if wrong else 0


def _bugs(numbers: range, client: redis.Redis) -> int:
    missed = 0
    for name, planted in SCRIPT_BUGS.items():
        first = found(numbers, client, planted(SCRIPT))
        missed += first is None
        sys.stdout.write(f"{name}: {first}\n")
    with two_modes_at_once():
        first = found(numbers, client, schedule=parted)
    missed += first is None
    sys.stdout.write(f"two modes at once: {first}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
