"""One call made: each way in which it can end, and what is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import update

from bot.identity import Named
from bot.store import CallKey, CallRow, CallState, CallStore, InlineDatabase, StoreUnavailable
from bot.store.people import PersonStore
from bot.store.schema import runs
from bot.tools import (
    CallDeclined,
    Caller,
    CallLost,
    CallNotSent,
    ServerConfig,
    ServerDown,
    Servers,
    ToolAnswer,
    ToolInfo,
)
from bot.tools.caller import token_of
from bot.tools.connection import OnLate
from bot.words import Sentence, english
from tests.doubles.tools import (
    ADA,
    ARGUMENTS,
    CONFIG,
    SEND,
    VIRTUAL_NOW,
    a_run,
    answered,
    asked,
    virtual_database,
)

MAIL = {"server": "mail"}


@dataclass
class Mail:
    """A server that does what the test says."""

    tool: ToolInfo = SEND
    ending: ToolAnswer | Exception | None = None
    """None: it never answers."""
    down: bool = False
    ended: bool = False
    changed: bool = False
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    late: OnLate | None = None

    async def tools(self) -> list[ToolInfo]:
        if self.down:
            raise ServerDown(Sentence("mcp.silent", MAIL), Sentence("cure.mcp.silent"))
        return [self.tool]

    async def call(self, token: str, _tool: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        self.asked.append((token, arguments))
        if self.ending is None:
            await asyncio.sleep(1e6)
        if isinstance(self.ending, Exception):
            raise self.ending
        assert self.ending is not None
        return self.ending

    async def aclose(self) -> None:
        """Nothing."""


@dataclass
class Scene:
    """An approved call, and what makes it."""

    mail: Mail
    calls: CallStore
    caller: Caller
    key: CallKey
    database: InlineDatabase
    ends: list[tuple[str, CallState]]

    async def row(self) -> CallRow:
        found = await self.calls.get(self.key)
        assert found is not None
        return found


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    loop = asyncio.get_running_loop()
    database = await virtual_database(lambda: round(loop.time() * 1e6))
    mail = Mail(ending=answered())
    ends: list[tuple[str, CallState]] = []
    calls = CallStore(database, "me", VIRTUAL_NOW)

    async def connect(_config: ServerConfig, late: OnLate) -> Mail:
        mail.late = late
        return mail

    servers = Servers({"mail": replace(CONFIG, output=20)}, connect=connect)
    caller = Caller(calls, servers, lambda call: ends.append((call.server, call.state)))
    key = CallKey(await a_run(database, "me"), 0)
    await calls.ask(key, asked())
    await calls.wait(key, Sentence("tool.writes", {"name": "send"}), 300)
    await calls.approve(key, ADA, asked().binding)
    yield Scene(mail, calls, caller, key, database, ends)
    await caller.aclose()
    await database.aclose()


async def test_an_answer_is_kept_and_given(scene: Scene) -> None:
    made = await scene.caller.make(await scene.row(), 0)
    assert (made.state, made.result and made.result.text) == ("answered", "sent")
    assert scene.mail.asked == [(token_of(scene.key), {"to": "bob"})]
    assert (await scene.row()).result == made.result
    assert scene.ends == [("mail", "answered")]
    again = await scene.caller.make(await scene.row(), 0)
    assert again.state == "answered"
    assert len(scene.mail.asked) == 1, "an approval is used once"


@pytest.mark.parametrize(
    ("ending", "state", "reason"),
    [
        (CallNotSent(), "failed", "tool.not_sent"),
        (CallDeclined("no such person"), "failed", "tool.error"),
        (replace(answered("no such person"), is_error=True), "failed", "tool.error"),
        (CallLost(Sentence("tool.broke_off", MAIL)), "uncertain", "tool.broke_off"),
    ],
)
async def test_an_end_without_an_answer_says_what_is_known(
    scene: Scene, ending: ToolAnswer | Exception, state: str, reason: str
) -> None:
    scene.mail.ending = ending
    made = await scene.caller.make(await scene.row(), 0)
    assert made.reason is not None
    assert (made.state, made.reason.id) == (state, reason)
    assert english(made.reason)
    row = await scene.row()
    assert (row.state, row.reason) == (state, made.reason)
    if reason == "tool.error":
        assert row.error == "no such person"
    assert await scene.calls.doubted([scene.key.run_id], "mail", "send") == (state == "uncertain")


async def test_a_call_that_is_stopped_on_its_way_is_uncertain(scene: Scene) -> None:
    scene.mail.ending = None
    making = asyncio.create_task(scene.caller.make(await scene.row(), 0))
    await asyncio.sleep(1)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    row = await scene.row()
    assert (row.state, row.reason) == ("uncertain", Sentence("tool.cancelled", MAIL))
    assert scene.ends == [("mail", "uncertain")]


@pytest.mark.parametrize("change", ["tool", "arguments", "config", "gone"])
async def test_what_is_not_what_was_approved_is_withdrawn(scene: Scene, change: str) -> None:
    row = await scene.row()
    if change == "tool":
        scene.mail.tool = replace(SEND, description="Sends it to everybody.")
    elif change == "arguments":
        row = replace(row, asked=replace(row.asked, arguments='{"to": "all"}'))
    elif change == "config":
        scene.caller._servers._places["mail"].config = replace(CONFIG, sha256="d" * 64)
    else:
        scene.mail.tool = replace(SEND, name="post")
    made = await scene.caller.make(row, 0)
    assert (made.state, made.reason and made.reason.id) == ("withdrawn", "tool.changed")
    assert scene.mail.asked == []


async def test_a_description_that_changed_unnoticed_is_read_again_after_a_press(
    scene: Scene,
) -> None:
    await scene.caller._servers.tools("mail")
    scene.mail.tool = replace(SEND, description="Sends it to everybody.")
    assert (await scene.caller.make(await scene.row(), 0)).state == "withdrawn"


async def test_a_server_that_is_down_is_sent_nothing(scene: Scene) -> None:
    scene.mail.down = True
    made = await scene.caller.make(await scene.row(), 0)
    assert (made.state, scene.mail.asked) == ("withdrawn", [])


async def test_an_approval_that_came_too_long_ago_sends_nothing(scene: Scene) -> None:
    await asyncio.sleep(301)
    made = await scene.caller.make(await scene.row(), 0)
    assert (made.state, made.reason) == ("withdrawn", Sentence("tool.too_late"))
    assert scene.mail.asked == []


async def test_who_has_lost_the_run_leaves_its_calls_to_who_has_it(scene: Scene) -> None:
    await scene.database.run(lambda c: c.execute(update(runs).values(owner="another", epoch=1)))
    made = await scene.caller.make(await scene.row(), 0)
    assert (made.state, scene.mail.asked, scene.ends) == ("approved", [], [])


async def test_nothing_is_sent_where_the_database_is_away(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await scene.row()

    async def away(_work: Any) -> Any:
        raise StoreUnavailable("away")

    monkeypatch.setattr(scene.database, "run", away)
    with pytest.raises(StoreUnavailable):
        await scene.caller.make(row, 0)
    assert scene.mail.asked == []


async def test_a_late_answer_is_noted_and_the_call_stays_uncertain(scene: Scene) -> None:
    scene.mail.ending = CallLost(Sentence("tool.broke_off", MAIL))
    await scene.caller.make(await scene.row(), 0)
    assert scene.mail.late is not None
    scene.mail.late(token_of(scene.key), answered())
    await scene.caller.aclose()
    row = await scene.row()
    assert row.state == "uncertain"
    assert row.late is not None
    assert row.late.bytes > 0


async def test_who_allowed_a_call_is_found_by_their_name(scene: Scene) -> None:
    """Also an admin who has asked nothing."""
    people = PersonStore(scene.database)
    assert await people.find(Named(ADA.id)) == {ADA}
    found = await people.data(ADA)
    assert [row["arguments"] for row in found["tool_calls"]] == [ARGUMENTS]
