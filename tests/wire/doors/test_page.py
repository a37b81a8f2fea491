"""The page's doors, walked by visitors who may not, with somebody else looking on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.cluster import Cluster
from bot.intake import Intake
from bot.pacing import Pacing
from bot.runs import RequestOptions, RunOptions, Runs
from bot.store import Store, memory_store
from connectors.base import DECIDING, Control
from connectors.web import WebConnector
from connectors.web.access import PURPOSE, VISITOR_COOKIE
from connectors.web.files import web_files
from connectors.web.messages import metadata, web_messages
from connectors.web.signing import signed
from providers.base import Disconnected
from providers.scripted import CallTool, Fail, Pause, ScriptedProvider
from tests.doubles.page import ABOUT, SECRET_KEY, serving
from tests.doubles.slack_way import now_us
from tests.doubles.slow_clock import REMEMBERED, SlowClock, a_toolbox
from tests.wire.doors.walks import PAGE, Seen, Who, options
from tests.wire.web.test_access import Answer, call
from tests.wire.web.test_socket import Visitor, visit

pytestmark = pytest.mark.real_time

ASKER, WALKER, TALK = "person-ann", "person-ben", "conversation-1"


@dataclass
class Scene:
    """The asker has four answers: one whole, one cut, one that waits, one being written.

    Others look on.
    """

    address: str
    engine: AsyncEngine
    store: Store
    runs: Runs
    visitor: Visitor
    onlooker: Visitor
    answers: dict[str, str]
    """The answers' messages, by how they stand."""

    async def heard(self, by: Visitor) -> list[dict[str, Any]]:
        """What a page has been told since, until it is told nothing more."""
        frames = []
        while True:
            try:
                frames.append(json.loads(await asyncio.wait_for(by.connection.recv(), 0.4)))
            except TimeoutError:
                return frames

    async def rows(self) -> tuple[int, int, int]:
        """How many messages and files are kept, and how many runs there were."""
        async with self.engine.connect() as connection:
            counts = [
                await connection.scalar(select(func.count()).select_from(table)) or 0
                for table in (web_messages, web_files)
            ]
        return counts[0], counts[1], len(await self.store.runs.recent(100))


TOLD_THERE = ("press: stop", "press: allow")
"""What is told to who may not is kept for them alone."""
Door = Callable[[Scene], Awaitable[Answer | None]]


def say(text: str) -> Door:
    """A message, or a command."""

    async def act(at: Scene) -> None:
        await at.visitor.say(type="ask", id=f"mine-{abs(hash(text))}", text=text)

    return act


def press(control: str) -> Door:
    """A control below an answer."""

    async def act(at: Scene) -> None:
        which = {"stop": "growing", "retry": "cut", "continue": "cut"}.get(control, "whole")
        which = "waiting" if control in (*DECIDING, Control.DETAILS) else which
        await at.visitor.say(type="press", message=at.answers[which], control=control)

    return act


async def delete(at: Scene) -> None:
    """Takes an answer off everybody's screen."""
    await at.visitor.say(type="delete", message=at.answers["cut"])


async def clear(at: Scene) -> None:
    """Deletes what is one's own of a conversation."""
    await at.visitor.say(type="clear", conversation=TALK)


async def look(at: Scene) -> None:
    """Opens a conversation."""
    await at.visitor.say(type="open", conversation=TALK)
    assert (await at.visitor.hear("snapshot"))["conversation"] == TALK


async def upload(at: Scene) -> Answer:
    """Attaches a file."""
    headers = {
        "Origin": f"http://{at.address}",
        "Cookie": f"{VISITOR_COOKIE}={signed(SECRET_KEY, PURPOSE, WALKER)}",
    }
    return await call(at.address, "POST", f"/files/{TALK}?name=a.txt", headers, "some text")


def panel(method: str, body: str = "") -> Door:
    """The panel of what is set: read, or changed."""

    async def act(at: Scene) -> Answer:
        headers = {
            "Origin": f"http://{at.address}",
            "Cookie": f"{VISITOR_COOKIE}={signed(SECRET_KEY, PURPOSE, WALKER)}",
        }
        return await call(at.address, method, f"/settings/{TALK}?where=channel", headers, body)

    return act


CHANGE = json.dumps({"where": "channel", "seen": {}, "written": {"persona": "Pirate"}})
DOORS: dict[str, Door] = {
    "open": look,
    "ask": say("Why?"),
    "upload": upload,
    "look at the settings": panel("GET"),
    "change the settings": panel("POST", CHANGE),
    "clear": clear,
    **{
        f"press: {name}": press(name)
        for name in ("stop", "retry", "continue", "up", "down", *DECIDING, Control.DETAILS)
    },
    "/stop": say("/stop"),
    "/new": say("/new"),
    "/tools off": say("/tools off"),
    "/tools on": say("/tools on"),
    "delete an answer": delete,
}


OF_THE_ANSWER = ("accepted", "status")
"""Frames that say how the asker's answer gets on."""


async def seen(at: Scene, door: Door) -> Seen:
    """What others see of what the visitor does, or the visitor alone."""
    answer = await door(at)
    shown = [
        each for each in await at.heard(at.onlooker) if each["type"] not in ("accepted", "status")
    ]
    told = [each for each in await at.heard(at.visitor) if to_one(each)]
    if shown:
        return Seen.ALL
    return Seen.ALONE if told or (answer and answer.status in (403, 409)) else Seen.NOTHING


def to_one(frame: dict[str, Any]) -> bool:
    """Whether a frame tells its visitor something alone."""
    return frame["type"] == "refused" or bool(frame.get("message", {}).get("alone"))


@asynccontextmanager
async def scene(who: Who, folder: Path) -> AsyncIterator[Scene]:
    """A page with a bot behind it, and two who look at the same conversation."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'web.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    connector = WebConnector(engine, about=ABOUT, secret_keys=(SECRET_KEY,))
    model = ScriptedProvider(
        ["Whole."], ["Half", Fail(Disconnected("gone"))], [CallTool("clock__set", {})],
        ["Long", Pause(120)],
    )  # fmt: skip
    store, pacing = memory_store(), Pacing()
    runs = Runs(
        provider=model,
        store=store,
        pacing=pacing,
        options=RunOptions(RequestOptions("Be brief.", 20, None)),
        now_us=now_us,
        toolbox=a_toolbox(SlowClock(), REMEMBERED)(store),
    )
    intake = Intake(
        Cluster(store, now_us), runs, pacing, options("web", ASKER, WALKER, who), now_us
    )
    taking = asyncio.create_task(intake.serve(connector))
    async with serving(connector) as address:
        try:
            async with (
                visit(address, ASKER) as asker,
                visit(address, "person-eve") as onlooker,
                visit(address, WALKER) as visitor,
            ):
                answers = await four_answers(asker)
                for each in (onlooker, visitor):
                    await each.open(TALK)
                at = Scene(address, engine, store, runs, visitor, onlooker, answers)
                await at.heard(onlooker)
                await at.heard(visitor)
                yield at
        finally:
            for run in runs.active:
                run.stop()
            await asyncio.wait_for(intake.settled(), 20)
    await taking
    await store.aclose()
    await engine.dispose()


async def four_answers(asker: Visitor) -> dict[str, str]:
    """Asks four times; the messages that answer, by how they stand."""
    await asker.open(TALK)
    found = {}
    for number, (name, control) in enumerate(
        {"whole": "up", "cut": "retry", "waiting": "allow", "growing": "stop"}.items()
    ):
        await asker.say(type="ask", id=f"question-{number}", text=f"{name}?")
        async with asyncio.timeout(20):
            while True:
                frame = json.loads(await asker.connection.recv())
                message = frame.get("message", {})
                if message.get("by_bot") and control in message["controls"]:
                    found[name] = message["id"]
                    break
    return found


@pytest.mark.parametrize("who", [who for who in Who if who is not Who.NAMESAKE])
async def test_nobody_else_sees_anything_of_what_somebody_does_who_may_not(
    who: Who, tmp_path: Path
) -> None:
    found: dict[str, Seen] = {}
    async with scene(who, tmp_path) as at:
        before = await at.rows()
        standing = {each["id"] for each in await at.onlooker.open(TALK)}
        for name, door in DOORS.items():
            found[name] = await seen(at, door)
            if PAGE[name][who] is not Seen.ALL and name not in TOLD_THERE:  # the line to them is
                assert await at.rows() == before, f"{name}: something was kept"
            before = await at.rows()
        assert len(at.runs.active) == 1, "the answer that was being written still is"
        shown = {each["id"] for each in await at.onlooker.open(TALK)}
        assert standing <= shown, "no answer is off the screens"
        assert before[1:] == (0, 4), "no file was kept, and nobody has asked the model"
    assert found == {name: expected[who] for name, expected in PAGE.items()}
    assert DOORS.keys() == PAGE.keys()
