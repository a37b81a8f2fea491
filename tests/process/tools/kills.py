"""Kills processes that make a call, with SIGKILL, between two steps, and looks at what was done:
`make toolkills N=200`.

One process imports everything and then only forks: those that are killed or paused, and those that
take the run over. The database is a SQLite file; the server writes down what it does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import bot.tools.session  # noqa: F401 - imported once, before the forks
from bot import logs
from bot.cluster.leases import Leases
from bot.store import AskedCall, CallBinding, CallKey, CallRow, Store, open_store
from bot.store.schema import metadata
from bot.tools import Caller, MadeCall, ServerConfig, Servers, ToolAnswer, binding_of
from bot.tools.caller import token_of
from bot.words import Sentence
from tests.doubles import counting_server
from tests.doubles.stored import start
from tests.doubles.tools import ADA

ENDS: dict[str, tuple[str, int]] = {
    "whole": ("answered", 1),
    "asked": ("refused", 0),
    "waiting": ("answered", 1),
    "pressed": ("answered", 1),
    "paused": ("answered", 1),
    "sending": ("uncertain", 0),
    "counted": ("uncertain", 1),
    "answered": ("uncertain", 1),
}
"""Where a process was killed (`whole`: nowhere; `paused`: it woke after another one took over), and
what has to be true then: the call's last state, and how often it was done. What waits is pressed in
the process that is left.
"""
_PATIENCE_S = 30.0
_SLOW_S = 1.5


class GatedCaller(Caller):
    """Makes calls, and waits at one place to be killed or paused."""

    place = ""
    pipe = 0

    async def reached(self, place: str) -> None:
        """Tells the parent, where this is the place, and waits."""
        if place == self.place:
            os.write(self.pipe, b"!")
            await asyncio.sleep(0.3 if place == "paused" else _PATIENCE_S)

    async def _bound_now(self, row: CallRow) -> CallBinding | None:
        bound = await super()._bound_now(row)
        await self.reached("paused")
        return bound

    async def _sent(self, row: CallRow) -> MadeCall:
        await self.reached("sending")
        return await super()._sent(row)

    async def _answered(self, row: CallRow, answer: ToolAnswer) -> MadeCall:
        await self.reached("answered")
        return await super()._answered(row, answer)


class Round:
    """One run with one call, of which the first process is killed at a place."""

    def __init__(self, folder: Path, place: str) -> None:
        self._folder = folder
        self._place = place
        self._key = CallKey(uuid4(), 0)
        self._config = ServerConfig(
            "counting",
            command=sys.executable,
            args=("-S", counting_server.__file__, str(folder / "counted")),
            tools=("slow",),
        )

    def play(self) -> tuple[str, int]:
        """The call's last state, and how often it was done."""
        read, write = os.pipe()
        first = forked(self._makes(write))
        os.close(write)
        if self._place == "whole":
            os.waitpid(first, 0)
        elif self._place == "counted":
            self._wait_for_the_count()
            os.kill(first, signal.SIGKILL)
        else:
            os.read(read, 1)
            os.kill(first, signal.SIGSTOP if self._place == "paused" else signal.SIGKILL)
        os.close(read)
        os.waitpid(forked(self._takes_over()), 0)
        if self._place == "paused":
            os.kill(first, signal.SIGCONT)
        if self._place != "whole":
            os.waitpid(first, 0)
        return (self._folder / "state").read_text(), self._count()

    def _count(self) -> int:
        file = self._folder / "counted"
        return file.read_text().split().count(token_of(self._key)) if file.exists() else 0

    def _wait_for_the_count(self) -> None:
        until = time.monotonic() + _PATIENCE_S
        while not self._count() and time.monotonic() < until:
            time.sleep(0.005)

    def _opened(self) -> Store:
        return open_store(f"sqlite:///{self._folder}/bot.db")

    async def _makes(self, pipe: int) -> None:
        """Asks, is pressed twice, and makes the call twice."""
        store, key = self._opened(), self._key
        store.runs.begin(start(key.run_id))
        await store.settled(key.run_id, _PATIENCE_S)
        epoch = await store.calls.epoch(key.run_id)
        servers = Servers({"counting": self._config})
        tool = await servers.tool("counting", "slow")
        if tool is None or epoch is None:
            raise RuntimeError("the call can't be made")
        caller = GatedCaller(store.calls, servers)
        caller.place, caller.pipe = self._place, pipe
        text = f'{{"seconds": {_SLOW_S if self._place == "counted" else 0}}}'
        bound = binding_of(text, self._config, tool)
        await store.calls.ask(key, AskedCall("1", "counting", "slow", text, bound))
        await caller.reached("asked")
        await store.calls.wait(key, Sentence("tool.always", {"name": "slow"}), 600)
        await caller.reached("waiting")
        await asyncio.gather(*(store.calls.approve(key, ADA, bound) for _ in range(2)))
        await caller.reached("pressed")
        row = await store.calls.get(key)
        if row is not None:
            await asyncio.gather(*(caller.make(row, epoch) for _ in range(2)))
        await caller.aclose()
        await store.aclose()

    async def _takes_over(self) -> None:
        """Claims the run of a process that is gone, makes its call where it is approved, and writes
        down the last state.
        """
        store, key = self._opened(), self._key
        leases = Leases(store.database, store.me)
        owner = next(o.owner for o in await leases.orphaned_runs([], ["slack"]) if _is(o.row, key))
        await leases.claim_run(key.run_id, owner)
        row, epoch = await store.calls.get(key), await store.calls.epoch(key.run_id)
        if row is not None and row.state == "asked":
            await store.calls.close(key.run_id, Sentence("tool.ended"))
        if row is not None and row.state == "waiting":
            seen = row.asked.binding
            await asyncio.gather(*(store.calls.approve(key, ADA, seen) for _ in range(2)))
            row = await store.calls.get(key)
        if row is not None and row.state == "approved" and epoch is not None:
            caller = Caller(store.calls, Servers({"counting": self._config}))
            await caller.make(row, epoch)
            await caller.aclose()
        row = await store.calls.get(key)
        (self._folder / "state").write_text("none" if row is None else row.state)
        await store.aclose()


def _is(row: Any, key: CallKey) -> bool:
    found: UUID = row.run_id
    return found == key.run_id


def forked(work: Coroutine[Any, Any, None]) -> int:
    """Does the work in a process of its own; its id."""
    pid = os.fork()
    if pid:
        work.close()
        return pid
    code = 1
    try:
        asyncio.run(work)
        code = 0
    finally:
        os._exit(code)


async def _tables(folder: Path) -> None:
    store = open_store(f"sqlite:///{folder}/bot.db")
    await store.database.run(metadata.create_all)
    await store.aclose()


def kill(rounds: int, folder: Path) -> Counter[tuple[str, str, int]]:
    """How often each place, last state and count came together."""
    os.waitpid(forked(_tables(folder)), 0)
    places = list(ENDS)
    found: Counter[tuple[str, str, int]] = Counter()
    for number in range(rounds):
        place = places[number % len(places)]
        found[(place, *Round(folder, place).play())] += 1
    return found


def main() -> int:
    """Prints what was found; 1 where it isn't what has to be."""
    logs.set_up("error", "console")
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=60)
    with tempfile.TemporaryDirectory() as folder:
        found = kill(parser.parse_args().kills, Path(folder))
    for (place, state, count), times in sorted(found.items()):
        right = ENDS[place] == (state, count)
        line = f"{place:<9} {state:<10} done {count} times: {times}{'' if right else '  WRONG'}\n"
        sys.stdout.write(line)
    return int(any(ENDS[place] != (state, count) for place, state, count in found))


if __name__ == "__main__":
    sys.exit(main())
