"""Slack's doors, walked by people who may not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from connectors.base import DECIDING, Control
from connectors.slack.commands import ASK_ABOUT, FIELD
from connectors.slack.options import Prompt
from providers.base import Disconnected
from providers.scripted import CallTool, Fail, Pause
from tests.doubles.slack import ALICE, BOB, Slack
from tests.doubles.slack.limits import Limits
from tests.doubles.slack.records import Call
from tests.doubles.slack.server import slack_server
from tests.doubles.slack.shapes import sample
from tests.doubles.slack_way import LIVELY, Way, slack_way
from tests.doubles.slow_clock import REMEMBERED, SlowClock, a_toolbox
from tests.doubles.waiting import still, until
from tests.wire.doors.walks import SLACK, Seen, Who, options

pytestmark = pytest.mark.real_time

READS = ("auth.", "users.", "conversations.", "apps.", "bots.", "team.", "files.")
"""Methods that change nothing."""


@dataclass
class Scene:
    """Alice has asked four times: one answer is whole, one was cut, one waits for her to allow a
    call, one is being written.
    """

    the: Way
    slack: Slack
    walker: str
    whole: str
    cut: str
    waiting: str
    growing: str
    thread: str
    direct: str


Door = Callable[[Scene], Awaitable[object]]


async def quiet(at: Scene) -> None:
    """Waits until the bot does nothing more that it does because of somebody."""
    await still(lambda: len(at.slack.board.platform.calls))


async def acted(deliveries: object) -> None:
    """Waits until Slack was told that it arrived."""
    await deliveries.acknowledged()  # type: ignore[attr-defined]  # an `Acted`


def say(text: str, *, direct: bool = False, follow: bool = False) -> Door:
    """A message."""

    async def act(at: Scene) -> None:
        if follow:
            await acted(at.slack.say(text, thread_ts=at.thread, user=at.walker))
        elif direct:
            await acted(at.slack.ask(text, channel=at.direct, user=at.walker))
        else:
            await acted(at.slack.ask(text, user=at.walker))

    return act


def command(text: str, *, direct: bool = False) -> Door:
    """A slash command."""

    async def act(at: Scene) -> object:
        where = {"channel": at.direct} if direct else {}
        given = at.slack.command(text, user=at.walker, **where)
        await acted(given)
        return given.response

    return act


def press(control: str) -> Door:
    """A button below an answer."""

    async def act(at: Scene) -> None:
        below = {"stop": at.growing, "retry": at.cut, "continue": at.cut}.get(control, at.whole)
        below = at.waiting if control in (*DECIDING, Control.DETAILS) else below
        await acted(at.slack.press(below, control, user=at.walker))

    return act


async def edit(at: Scene) -> None:
    """A change of one's own message, which asked something."""
    asked = at.slack.ask("First?", user=at.walker)
    await acted(asked)
    await quiet(at)
    at.slack.board.platform.calls.clear()
    await acted(at.slack.edit(asked.ts, f"{at.slack.mention} Second?"))


async def shortcut(at: Scene) -> None:
    """The menu of a message."""
    await acted(at.slack.shortcut(at.whole, ASK_ABOUT, user=at.walker))


async def modal(at: Scene) -> object:
    """A form that was opened while its person still might."""
    await acted(at.slack.shortcut(at.whole, ASK_ABOUT, user=at.walker))
    if not at.slack.board.platform.views:
        walker, users = at.walker, at.slack.workspace.users
        mine, users[ALICE] = users[ALICE], replace(users[ALICE], team=at.slack.workspace.id)
        await acted(at.slack.shortcut(at.whole, ASK_ABOUT, user=ALICE))
        await until(lambda: at.slack.board.platform.views)
        users[ALICE] = mine
        assert walker
    await quiet(at)
    at.slack.board.platform.calls.clear()
    sent = at.slack.submit_view({FIELD: {FIELD: {"value": "Why?"}}}, user=at.walker)
    await acted(sent)
    return sent.response


async def assistant(at: Scene) -> None:
    """A new thread with the assistant."""
    await acted(at.slack.open_assistant(user=at.walker))


async def home(at: Scene) -> None:
    """The app's own page."""
    body = sample("message")
    body["event"] = {
        "type": "app_home_opened", "tab": "messages", "user": at.walker, "channel": at.direct,
    }  # fmt: skip
    (delivery,) = at.slack.board.events.send("events_api", body)
    await delivery.settled()


async def own_stop(at: Scene) -> None:
    """Slack's own button to stop an agent."""
    body = sample("message")
    body["event"] = {
        "type": "agent_session_stopped", "channel": "C0GENERAL1", "user": at.walker,
        "user_team": at.slack.workspace.users[at.walker].team, "thread_ts": at.thread,
        "event_ts": at.slack.board.platform.new_ts(),
    }  # fmt: skip
    (delivery,) = at.slack.board.events.send("events_api", body)
    await delivery.settled()


DOORS: dict[str, Door] = {
    "mention": say("Why?"),
    "follow-up in a thread": say("And why?", follow=True),
    "direct message": say("Psst?", direct=True),
    "edit": edit,
    "/everytoken ask": command("ask Why?"),
    "/everytoken new": command("new", direct=True),
    "/everytoken stop": command("stop"),
    "/everytoken tools off": command("tools off"),
    "/everytoken tools on": command("Tools  ON"),
    "/everytoken settings": command("settings"),
    "/everytoken settings model=x": command("settings model=x"),
    "/everytoken pause": command("pause"),
    "/everytoken resume": command("resume"),
    "/everytoken help": command("help"),
    "message shortcut": shortcut,
    "modal": modal,
    **{
        f"press: {name}": press(name)
        for name in ("stop", "retry", "continue", "up", "down", *DECIDING, Control.DETAILS)
    },
    "assistant opened": assistant,
    "app home opened": home,
    "Slack's own stop": own_stop,
}


def seen_in(calls: list[Call], response: object, at: Scene) -> Seen:
    """What the bot's calls and its response show, and to whom."""
    made = [call for call in calls if not call.method.startswith(READS)]
    alone = [
        call.method == "chat.postEphemeral"
        or call.args.get("channel", call.args.get("channel_id")) == at.direct
        or call.method == "views.open"
        for call in made
    ]
    if not all(alone):
        return Seen.ALL
    return Seen.ALONE if made or response else Seen.NOTHING


@asynccontextmanager
async def scene(who: Who) -> AsyncIterator[Scene]:
    """The three answers, and who walks."""
    walker = ALICE if who is Who.NAMESAKE else BOB
    scripts = (
        ["Whole."], ["Half", Fail(Disconnected("gone"))], [CallTool("clock__set", {})],
        ["Long", Pause(120), "."],
    )  # fmt: skip
    toolbox = a_toolbox(SlowClock(), REMEMBERED)
    intake = options("slack", ALICE, walker, who)
    more = {"prompts": (Prompt("Ask", "Why?"),), "greeting": "Hello."}
    async with (
        slack_server(limits=Limits().unmetered()) as slack,
        slack_way(slack, *scripts, intake=intake, toolbox=toolbox, **{**LIVELY, **more}) as the,
    ):
        thread = slack.ask("Why?").ts
        await the.rows(1)
        slack.ask("And?")
        await the.rows(2)
        slack.ask("Set it?")
        await the.rows(3)
        slack.ask("Long?")
        await the.until(lambda: len(the.answers) == 4)
        whole, cut, waiting, growing = (answer.ts for answer in the.answers)
        direct = slack.dm(walker)
        if who is Who.NAMESAKE:
            users = slack.workspace.users
            users[ALICE] = replace(users[ALICE], team="T0OTHER001")
        yield Scene(the, slack, walker, whole, cut, waiting, growing, thread, direct)


@pytest.mark.parametrize("who", list(Who))
async def test_nobody_else_sees_anything_of_what_somebody_does_who_may_not(who: Who) -> None:
    found: dict[str, Seen] = {}
    async with scene(who) as at:
        before = {answer.ts: answer.now for answer in at.the.answers}
        runs = len(await at.the.store.runs.recent(100))
        for name, door in DOORS.items():
            if who not in SLACK[name]:
                continue
            at.slack.board.platform.calls.clear()
            response = await door(at)
            await quiet(at)
            found[name] = seen_in(list(at.slack.board.platform.calls), response, at)
        assert len(await at.the.store.runs.recent(100)) == runs, "nobody has asked the model"
        assert len(at.the.runs.active) == 1, "the answer that was being written still is"
        after = {answer.ts: answer.now for answer in at.the.answers if answer.ts in before}
        assert after == before, "no answer has changed"
    assert found == {name: seen[who] for name, seen in SLACK.items() if who in seen}
    assert DOORS.keys() == SLACK.keys()
