"""The platforms over sockets: what the real SDKs cost, and twenty answers at once.

`python -m benchmarks.platforms NAME` is one connector in a process of its own, set up by the
environment; it counts events until it has had so many, or edits one message so often.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import twenty_on_discord, twenty_on_slack
from benchmarks.arguments import Load
from benchmarks.figures import Figure
from benchmarks.processes import child, post, server
from bot.logs import set_up
from connectors.base import AnswerText, Asked, Connector, Part, Place

_WARM = 20
_QUIET_S = 0.5
_ASK_S = 0.005
_ENOUGH = "enough"
"""A file: no more questions are needed."""


def measure(*, short: bool = False) -> list[Figure]:
    """CPU per event and per edit, then both platforms' twenty at once, side by side."""
    rounds, count = (1, 5) if short else (3, 300)
    figures = [*_costs("slack", rounds, count), *_costs("discord", rounds, count)]
    given = Load(2, 20, 50.0) if short else Load()
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(each.measure, given) for each in (twenty_on_slack, twenty_on_discord)]
        return [*figures, *(figure for each in both for figure in each.result())]


def _costs(name: str, rounds: int, count: int) -> list[Figure]:
    found: dict[str, list[float]] = {"event": [], "edit": []}
    for _ in range(rounds):
        for what, values in found.items():
            with _double(name) as double:
                values.append(_child(name, what, count, double))
    return [
        Figure(f"{name}_cpu_per_{what}_us", round(median(values)), "us")
        for what, values in found.items()
    ]


@dataclass(frozen=True)
class _Double:
    """The settings for a platform, a person's question, and the wait for a bot."""

    settings: Mapping[str, str]
    ask: Callable[[], object]
    connected: Callable[[], object]


@contextmanager
def _double(name: str) -> Iterator[_Double]:
    """A platform without rate limits."""
    usual = {"MODEL": "compatible:none", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    if name == "slack":
        with server("tests.doubles.slack", "--unmetered") as slack:
            post(f"{slack['control']}channel", id="C001")
            settings = {
                "SLACK_BOT_TOKEN": slack["bot_token"],
                "SLACK_APP_TOKEN": slack["app_token"],
                "SLACK_API_URL": slack["url"],
                "SLACK_STREAMING": "edit",
            }
            ask = partial(post, f"{slack['control']}ask", text="Question", channel="C001")
            waiting = partial(post, f"{slack['control']}sockets", wait=1)
            yield _Double(usual | settings, ask, waiting)
    else:
        with server("tests.doubles.discord", "--unlimited") as discord:
            settings = {
                "DISCORD_TOKEN": discord["token"],
                "DISCORD_API_URL": discord["rest"],
                "DISCORD_GATEWAY_URL": discord["gateway"],
            }
            text, channel = f"<@{discord['bot']}> Question", discord["channels"][0]
            ask = partial(post, f"{discord['control']}/say", text=text, channel=channel)
            report = partial(post, f"{discord['control']}/report")

            def connected() -> None:
                while not report()["result"]["connected"]:
                    time.sleep(0.05)

            yield _Double(usual | settings, ask, connected)


def _child(name: str, what: str, count: int, double: _Double) -> float:
    """CPU microseconds of one event or edit."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        own = {**double.settings, "DATA_DIR": folder}
        command = ["benchmarks.platforms", name, what, str(count)]
        measuring = pool.submit(child, *command, settings=own)
        double.connected()
        # A question may come before the connector listens, so ask until it has enough; slower
        # once it should have, for what is asked too much is measured with the rest.
        asked = 0
        while not (measuring.done() or (Path(folder) / _ENOUGH).exists()):
            double.ask()
            asked += 1
            time.sleep(_ASK_S if asked < _WARM + count else 10 * _ASK_S)
        return float(measuring.result()["cpu_us"])


# In a process of its own.


@asynccontextmanager
async def _opened(name: str) -> AsyncIterator[Connector]:
    from bot.app.lifecycle import opened_store
    from bot.app.wiring import make_connectors
    from bot.settings import Settings

    settings = Settings()
    async with opened_store(settings) as store:
        connectors = make_connectors(settings, store)
        try:
            yield next(each for each in connectors if each.name == name)
        finally:
            for each in connectors:
                await each.aclose()


async def _measure(name: str, what: str, count: int) -> float:
    async with _opened(name) as connector:
        if what == "event":
            return await _events(connector, count)
        return await _edits(connector, count)


async def _events(connector: Connector, count: int) -> float:
    """CPU seconds for one event, from its frame to its acknowledgement."""
    seen, began = 0, 0.0
    async for incoming in connector.events():
        incoming.accept()
        seen += isinstance(incoming.event, Asked)
        if seen == _WARM and not began:
            began = time.process_time()
        if seen == _WARM + count:
            break
    spent = time.process_time() - began
    _enough()
    return spent / count


async def _edits(connector: Connector, count: int) -> float:
    """CPU seconds for one edit of a message of up to 1,500 characters."""
    place = await anext(_places(connector))
    _enough()
    listening = asyncio.create_task(_listen(connector))
    shown = await connector.post(place, Part(None, 0, AnswerText("word")), key="bench")
    await asyncio.sleep(_QUIET_S)  # the questions that were on their way
    began = 0.0
    for number in range(_WARM + count):
        if number == _WARM:
            began = time.process_time()
        await connector.edit(
            shown.ref, Part(None, 0, AnswerText("word " * (10 + number % 30 * 10)))
        )
    spent = time.process_time() - began
    listening.cancel()
    return spent / count


async def _places(connector: Connector) -> AsyncIterator[Place]:
    """Where questions are asked."""
    async for incoming in connector.events():
        incoming.accept()
        if isinstance(incoming.event, Asked):
            yield incoming.event.message.place


async def _listen(connector: Connector) -> None:
    async for incoming in connector.events():
        incoming.accept()


def _enough() -> None:
    (Path(os.environ["DATA_DIR"]) / _ENOUGH).touch()


def main() -> None:
    """Measures one connector and prints what it found as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.platforms", description=__doc__)
    parser.add_argument("name", choices=["slack", "discord"])
    parser.add_argument("what", choices=["event", "edit"])
    parser.add_argument("count", type=int)
    given = parser.parse_args()
    set_up("error", "json")
    cost = asyncio.run(_measure(given.name, given.what, given.count))
    told: dict[str, Any] = {"cpu_us": cost * 1e6}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
