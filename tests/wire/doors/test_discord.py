"""Discord's doors, walked by people who may not. Questions open threads here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from connectors.discord import commands
from connectors.discord import commands as asking
from providers.base import Disconnected
from providers.scripted import CallTool, Fail, Pause
from tests.doubles.discord import CallbackType, DiscordServer, Interaction, discord_server
from tests.doubles.discord.record import Call
from tests.doubles.discord_way import FREE, Way, discord_way
from tests.doubles.slow_clock import REMEMBERED, SlowClock, a_toolbox
from tests.doubles.waiting import still, until
from tests.wire.doors.walks import DECISIONS as ALLOWING
from tests.wire.doors.walks import DISCORD, Seen, Who, options

pytestmark = pytest.mark.real_time

_EPHEMERAL = 1 << 6


@dataclass
class Scene:
    """Alice has asked four times, each in a thread of its own; one answer waits for a press."""

    the: Way
    server: DiscordServer
    whole: str
    cut: str
    waiting: str
    growing: str
    thread: str
    direct: str


DECISIONS = ("Allow", "Allow in this thread", "Deny", "Details")
Door = Callable[[Scene], Awaitable[Interaction | None]]


def say(text: str, *, direct: bool = False, follow: bool = False) -> Door:
    """A message."""

    async def act(at: Scene) -> None:
        people = at.server.people
        if direct:
            people.dm(text, user=people.bob)
        elif follow:
            people.say(f"{people.mention} {text}", thread=at.thread, user=people.bob)
        else:
            people.say(f"{people.mention} {text}", user=people.bob)

    return act


async def edit(at: Scene) -> None:
    """A change of one's own message, which asked something."""
    people = at.server.people
    asked = people.say(f"{people.mention} First?", user=people.bob)
    await quiet(at)
    at.server.record.calls.clear()
    people.edit(asked, f"{people.mention} Second?")


def command(name: str, **given: str) -> Door:
    """A slash command, in the thread of an answer."""

    async def act(at: Scene) -> Interaction:
        people = at.server.people
        return people.command(name, given, channel=at.thread, user=people.bob)

    return act


async def menu(at: Scene) -> Interaction:
    """The menu of a message."""
    people = at.server.people
    return people.message_command(commands.Command.ABOUT, at.whole, user=people.bob)


async def form(at: Scene) -> Interaction:
    """A form that was opened while its person still might."""
    people = at.server.people
    fields = {commands.QUESTION: "Why?"}
    return people.submit(f"{asking._FORM}:{at.whole}", fields, channel=at.thread, user=people.bob)


def press(label: str) -> Door:
    """A button below an answer."""

    async def act(at: Scene) -> Interaction:
        below = {"Stop": at.growing, "Retry": at.cut, "Continue": at.cut}.get(label, at.whole)
        below = at.waiting if label in DECISIONS else below
        return at.server.people.press(below, label, user=at.server.people.bob)

    return act


DOORS: dict[str, Door] = {
    "mention": say("Why?"),
    "follow-up in a thread": say("And why?", follow=True),
    "direct message": say("Psst?", direct=True),
    "edit": edit,
    "/ask": command("ask", question="Why?"),
    "/new": command("new"),
    "/stop": command("stop"),
    "/retry": command("retry", model="deep"),
    "/tools": command("tools", turn="off"),
    "/settings": command("settings"),
    "/pause": command("pause"),
    "/resume": command("resume"),
    "/help": command("help"),
    "Ask about this message": menu,
    "form": form,
    "press: stop": press("Stop"),
    "press: retry": press("Retry"),
    "press: continue": press("Continue"),
    "press: up": press("👍"),
    "press: down": press("👎"),
    **dict(zip(ALLOWING, map(press, DECISIONS), strict=True)),
}


async def quiet(at: Scene) -> None:
    """Waits until the bot does nothing more that it does because of somebody."""
    await still(lambda: len(at.server.record.calls))


def alone(call: Call, at: Scene) -> bool:
    """Whether a call shows something to the person alone, or to nobody yet."""
    body = call.body if isinstance(call.body, dict) else {}
    data = body.get("data") or {}
    private = int(data.get("flags", body.get("flags", 0)) or 0) & _EPHEMERAL
    unseen = body.get("type") in (CallbackType.DEFERRED_UPDATE, CallbackType.MODAL)
    return bool(private or unseen or at.direct in call.path or "@me/channels" in call.path)


def seen_in(calls: list[Call], at: Scene) -> Seen:
    """What the bot's calls show, and to whom."""
    made = [call for call in calls if call.method != "GET"]
    # What a response that was promised to the person alone becomes is theirs alone, too.
    promised = any(
        (call.body or {}).get("type") == CallbackType.DEFERRED_MESSAGE and alone(call, at)
        for call in made
    )
    if not all(alone(call, at) or (promised and "@original" in call.path) for call in made):
        return Seen.ALL
    noted = [call for call in made if (call.body or {}).get("type") != CallbackType.DEFERRED_UPDATE]
    return Seen.ALONE if noted else Seen.NOTHING


@asynccontextmanager
async def scene(who: Who) -> AsyncIterator[Scene]:
    """The three answers."""
    scripts = (
        ["Whole."], ["Half", Fail(Disconnected("gone"))], [CallTool("clock__set", {})],
        ["Long", Pause(120), "."],
    )  # fmt: skip
    toolbox = a_toolbox(SlowClock(), REMEMBERED)
    async with discord_server(limits=FREE) as server:
        people = server.people
        intake = options("discord", people.alice.id, people.bob.id, who)
        async with discord_way(
            server, *scripts, intake=intake, toolbox=toolbox, threads=True
        ) as the:
            asked = people.say(f"{people.mention} Why?")
            await the.rows(1)
            people.say(f"{people.mention} And?")
            await the.rows(2)
            people.say(f"{people.mention} Set it?")
            await the.rows(3)
            people.say(f"{people.mention} Long?")
            await until(lambda: len(the.answers) == 4)
            whole, cut, waiting, growing = (answer.id for answer in the.answers)
            direct = server.platform.direct_channel(people.bob).id
            yield Scene(the, server, whole, cut, waiting, growing, asked, direct)


@pytest.mark.parametrize("who", [who for who in Who if who is not Who.NAMESAKE])
async def test_nobody_else_sees_anything_of_what_somebody_does_who_may_not(who: Who) -> None:
    found: dict[str, Seen] = {}
    async with scene(who) as at:
        await quiet(at)
        before = {answer.id: answer.now for answer in at.the.answers}
        for name, door in DOORS.items():
            at.server.record.calls.clear()
            given = await door(at)
            if given is not None and name != "press: up":
                await given.callback()
            await quiet(at)
            found[name] = seen_in(list(at.server.record.calls), at)
        assert len(await at.the.store.runs.recent(100)) == 4, "nobody has asked the model"
        assert len(at.the.runs.active) == 1, "the answer that was being written still is"
        after = {answer.id: answer.now for answer in at.the.answers if answer.id in before}
        assert after == before, "no answer has changed"
    assert found == {name: expected[who] for name, expected in DISCORD.items()}
    assert DOORS.keys() == DISCORD.keys()
