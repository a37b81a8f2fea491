"""The real bot with 1,024 files, and nearly two thousand connections that want its attention.

1,200 say nothing, 200 hold the body of a request back, and come again whenever they are let go; 500
are open pages. Slack, Discord and the page go on answering:
`python -m tests.process.faults.waiting` prints how long a first text takes without them and
with them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

from tests.doubles.commands import Bot, Page, Shell, asks, whole
from tests.doubles.discord import DiscordServer, discord_server
from tests.doubles.openai import OpenAIServer
from tests.doubles.slack import Limits, Slack, slack_server
from tests.process.commands.test_discord import on
from tests.process.commands.test_slack import by_socket
from tests.process.faults.two import QUICK

FILES = 1024
_BODY = (
    "POST /login HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nContent-Length: 100\r\n\r\n"
    "password="
)
_SAID_S = 60.0
_BACK_S = 5.0
"""After which a connection that was let go comes again."""
_LOOK_S = 0.005


@dataclass
class Times:
    """Seconds from a question to the first text, by platform."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, platform: str, seconds: float) -> None:
        """One more."""
        self.seconds.setdefault(platform, []).append(seconds)

    def median(self, platform: str) -> float:
        """The one in the middle."""
        return statistics.median(self.seconds[platform])


class Crowd:
    """Connections from many addresses of loopback, each of which comes again when it is let go."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._tasks: list[asyncio.Task[None]] = []
        self.let_go: Counter[str] = Counter()
        self.open: Counter[str] = Counter()

    def join(self, kind: str, count: int, says: bytes) -> None:
        """So many that say this, and wait."""
        for n in range(count):
            address = f"127.{1 + n // 60 % 200}.{n % 60}.{2 + n % 3}"
            self._tasks.append(asyncio.create_task(self._wait(kind, address, says)))

    async def aclose(self) -> None:
        """All go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait(self, kind: str, address: str, says: bytes) -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self._port, local_addr=(address, 0)
                )
                self.open[kind] += 1
                try:
                    writer.write(says)
                    await reader.read()
                finally:
                    self.open[kind] -= 1
                    writer.close()
                self.let_go[kind] += 1
            await asyncio.sleep(_BACK_S)


@asynccontextmanager
async def crowding(address: str, silent: int, held: int) -> AsyncIterator[None]:
    """The crowd as a process of its own: its work is not to slow those who ask."""
    arguments = ("--crowd", address, "--silent", str(silent), "--held", str(held))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.process.faults.waiting",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
    )
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def crowd(address: str, silent: int, held: int) -> None:
    """Waits with all of them until nobody wants it any more; prints what became of them."""
    crowd = Crowd(int(address.rpartition(":")[2]))
    crowd.join("silent", silent // 2, b"")
    crowd.join("half a head", silent - silent // 2, b"GET / HTTP/1.1\r\nHost: x")
    crowd.join("held body", held, _BODY.format(address).encode())
    await asyncio.to_thread(sys.stdin.read)
    print(f"open at the end: {dict(crowd.open)}; let go: {dict(crowd.let_go)}")  # noqa: T201
    await crowd.aclose()


@dataclass
class Site:
    """The bot, and where its questions come from."""

    bot: Bot
    slack: Slack
    discord: DiscordServer
    page: Page

    async def ask_everywhere(self, times: Times) -> None:
        """One question on each platform, one after the other."""
        before = len(self.slack.messages(by_bot=True))
        self.slack.ask("Why?")
        seen = await _seen(lambda: len(self.slack.messages(by_bot=True)) > before)
        times.add("slack", seen)
        people, record = self.discord.people, self.discord.record
        posted = len(record.messages(by_bot=True))
        people.say(f"{people.mention} Why?")
        times.add("discord", await _seen(lambda: len(record.messages(by_bot=True)) > posted))
        began = time.monotonic()
        await self.page.ask("Why?", uuid4().hex)
        await self.page.shown(lambda message: "ecause" in message["html"])
        times.add("page", time.monotonic() - began)
        await asyncio.sleep(1.3)  # Discord's pace of a channel is no part of this


async def _seen(so: Callable[[], bool]) -> float:
    began = time.monotonic()
    async with asyncio.timeout(_SAID_S):
        while not so():  # noqa: ASYNC110 - what is measured changes it
            await asyncio.sleep(_LOOK_S)
    return time.monotonic() - began


@asynccontextmanager
async def site(folder: Path, files: int) -> AsyncIterator[Site]:
    """The bot, which may have so many files open."""
    limits = Limits().unmetered()
    async with (
        slack_server(limits=limits) as slack,
        discord_server() as discord,
        OpenAIServer(whole("Be", "cause.")) as model,
    ):
        settings = asks(model) | by_socket(slack) | on(discord) | QUICK
        more = {"LOG_LEVEL": "warning", "HTTP_CONNECTIONS_PER_ADDRESS": "600"}
        async with Shell(folder, settings | more, files).bot() as bot:
            await discord.record.until(lambda: discord.gateway.connected)
            async with bot.page() as page:
                yield Site(bot, slack, discord, page)


async def pages(stack: AsyncExitStack, address: str, count: int) -> int:
    """Opens so many pages, each with a conversation; how many stand."""
    origin: Any = f"http://{address}"

    async def one(number: int) -> bool:
        local = (f"127.0.{1 + number // 100}.{1 + number % 100}", 0)
        for _ in range(20):
            try:
                socket = await connect(
                    f"ws://{address}/ws", origin=origin, proxy=None, local_addr=local
                )
            except (OSError, InvalidHandshake):  # a page comes again by itself
                await asyncio.sleep(0.5)
                continue
            await stack.enter_async_context(socket)
            await socket.send(json.dumps({"type": "open", "conversation": f"talk-{number:05}"}))
            await asyncio.wait_for(socket.recv(), _SAID_S)
            return True
        return False

    opened = 0
    for first in range(0, count, 50):
        opened += sum(await asyncio.gather(*map(one, range(first, min(first + 50, count)))))
    return opened


async def measured(
    folder: Path, questions: int, silent: int, held: int, sockets: int, files: int = FILES
) -> tuple[int, float]:
    """Prints what was seen; how many pages are open, and how much longer first texts took at most.

    Raises `TimeoutError` where a question had no answer.
    """
    alone, crowded = Times(), Times()
    async with site(folder, files) as place, AsyncExitStack() as stack:
        await place.ask_everywhere(Times())
        for _ in range(questions):
            await place.ask_everywhere(alone)
        await stack.enter_async_context(crowding(place.bot.address, silent, held))
        await asyncio.sleep(3)
        opened = await pages(stack, place.bot.address, sockets)
        for _ in range(questions):
            await place.ask_everywhere(crowded)
        held_open = len(os.listdir(f"/proc/{place.bot.child.process.pid}/fd"))
        status = await _health(place.bot.address)
        print(f"pages open: {opened}; files of the bot: {held_open} of {files}; /healthz: {status}")  # noqa: T201
        print(place.bot.child.err)  # noqa: T201
    return opened, _ratio(alone, crowded)


async def _health(address: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}/healthz") as told:
        return told.status


def _ratio(alone: Times, crowded: Times) -> float:
    worst = 0.0
    for platform in alone.seconds:
        without, among = alone.median(platform), crowded.median(platform)
        worst = max(worst, among / without)
        times = f"{without:.3f} s alone, {among:.3f} s among them"
        print(f"{platform}: {times}: x{among / without:.2f}")  # noqa: T201
    return worst


def main() -> int:
    """Prints the figures; 1 where they are worse than they may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=7)
    parser.add_argument("--silent", type=int, default=1200)
    parser.add_argument("--held", type=int, default=200)
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--crowd", metavar="ADDRESS", help="be the crowd, until the input ends")
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if given.crowd:
        asyncio.run(crowd(given.crowd, given.silent, given.held))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        work = measured(Path(folder), given.questions, given.silent, given.held, given.sockets)
        opened, ratio = asyncio.run(work)
        return 0 if opened == given.sockets and ratio <= 2 else 1


if __name__ == "__main__":
    raise SystemExit(main())
