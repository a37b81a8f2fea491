"""Streams and edits over a Slack without a network, on virtual time, and answers shown by them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal
from uuid import UUID

from bot.pacing import Pacing
from bot.runs import Question, RequestOptions, Result, RunOptions, Runs
from bot.store import memory_store
from connectors.base import (
    AnswerText,
    Asked,
    Budget,
    Control,
    Inflow,
    Limits,
    MessageRef,
    Part,
    Person,
    Place,
    Said,
    Shown,
    Status,
    Unavailable,
)
from connectors.markdown import form
from connectors.slack.options import SlackOptions
from connectors.slack.people import Recipients
from connectors.slack.streams import Streams
from connectors.slack.writer import SlackWriter
from providers.scripted import ScriptedProvider
from tests.doubles.said import Spoken
from tests.unit.slack.fake_api import TEAM, FakeApi, Message

FULL = "Once upon a time there was a stream, and it ended well."
RUN = UUID("00000000-0000-4000-8000-000000000001")
ALICE = Person("UALICE", "Alice")
_START_US = 1_700_000_000_000_000

PLACE = Place("slack", TEAM, "D1", "1699999999.000001")
CHANNEL = Place("slack", TEAM, "C1", "1699999999.000001")


def growing(text: str, closers: str = "") -> Part:
    """A part that is still being written; `closers` only close it for the moment."""
    return Part(RUN, 0, AnswerText(text + closers), controls=(Control.STOP,), firm=len(text))


def whole(text: str) -> Part:
    """The last part of an answer, as it ends."""
    return Part(
        RUN,
        0,
        AnswerText(text),
        controls=(Control.UP, Control.DOWN),
        footer=Spoken("verified"),
        last=True,
    )


class Desk:
    """As much of the connector as shows answers, with its Slack in `api`."""

    name = "slack"

    def __init__(self, api: FakeApi | None = None, **options: Any) -> None:
        self.api = api or FakeApi()
        self.limits = Limits(length=10_000)
        self.inflow = Inflow()
        self.recipients = Recipients()
        self.options = SlackOptions(bot_token="xoxb-test", **options)
        self.streams = Streams(
            self.api, self.options, self.recipients, self.inflow, clock=self.api.now
        )
        self.writer = SlackWriter(self.api, self.options, self.streams)

    @property
    def message(self) -> Message:
        """The bot's only message."""
        (message,) = self.api.messages.values()
        return message

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:
        return self.writer.budget(place, call)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        return await self.writer.post(place, part, key)

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        return await self.writer.edit(ref, part)

    async def read(self, ref: MessageRef) -> Shown:
        return await self.writer.read(ref)

    async def history(self, *_where: object, **_limit: object) -> Sequence[Said]:
        return []

    async def signal(self, place: Place, status: Status) -> None:
        """Nobody looks at it here."""


def clock_us() -> int:
    """Virtual time as microseconds since the epoch."""
    return _START_US + int(asyncio.get_running_loop().time() * 1_000_000)


@asynccontextmanager
async def a_core(*scripts: Any, **choices: Any) -> AsyncIterator[Runs]:
    """The bot between a question and its answer; the model plays `scripts`."""
    store = memory_store()
    options = RunOptions(RequestOptions("Be brief.", 0, None), run_seconds=3600, **choices)
    try:
        yield Runs(
            provider=ScriptedProvider(*scripts),
            store=store,
            pacing=Pacing(),
            options=options,
            now_us=clock_us,
        )
    finally:
        await store.aclose()


async def answered(runs: Runs, desk: Any, place: Place = PLACE) -> Result:
    """Asks in a place, and waits until the run has settled."""
    question = Asked(MessageRef(place, place.thread), ALICE, "Why?")
    return await runs.answer(Question(question), desk)


async def started(desk: Desk, text: str = "Once upon a") -> MessageRef:
    """A stream that shows the beginning of a text."""
    return (await desk.post(PLACE, growing(text), "key")).ref


async def ended(desk: Desk, ref: MessageRef, part: Part) -> Shown:
    """Edits until the message shows the part, as the core does."""
    for _ in range(5):
        try:
            shown = await desk.edit(ref, part)
        except Unavailable:
            continue
        if shown.text == form(part.text):
            return shown
    raise AssertionError("the message does not show the part")


def methods(desk: Desk) -> list[str]:
    """The calls of Slack, in order, without their families."""
    return [call.method.partition(".")[2] for call in desk.api.calls]


def sent(desk: Desk) -> list[str]:
    """The Markdown of all streaming calls, in order."""
    streaming = [call for call in desk.api.calls if "Stream" in call.method]
    return [call.arguments.get("markdown_text", "") for call in streaming]
