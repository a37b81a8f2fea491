"""Slack's messages and streams behind an `Api`, on virtual time: for races and faults.

Rates, lives of streams and errors are those of the server in `tests/doubles/slack`, and so is the
translation of Markdown.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from connectors.base import Unavailable
from connectors.slack.api import Api, BotIdentity, OneToken
from connectors.slack.errors import translated
from tests.doubles.slack.limits import RATES, Limits, Windows
from tests.doubles.slack.markdown import translate
from tests.doubles.slack.platform import with_entities
from tests.doubles.slack.visible import stops, text
from tests.doubles.slack.web_api.method import ApiError
from tests.doubles.slack.web_api.sizes import (
    check_blocks,
    check_drawn,
    check_markdown,
    check_stream,
    check_text,
)

TEAM, BOT_USER, BOT_ID = "T1", "UBOT", "BBOT"
LIFE_S = 300.0

Fault = str | float | None
"""What a call meets: an error's name, "lost" (it took effect), "never" (it did not), or the
seconds of a 429."""


@dataclass
class Message:
    """A message: what its blocks and Markdown say, and whether it is a stream."""

    ts: str
    thread: str
    markdown: str = ""
    blocks: list[Mapping[str, Any]] = field(default_factory=list)
    metadata: Mapping[str, Any] | None = None
    started: float = 0.0
    """When its stream was started, in the loop's time."""
    streaming: bool = False
    stopped_by_user: bool = False
    deleted: bool = False
    seen: list[str] = field(default_factory=list)
    """All that a reader saw, in order."""

    @property
    def live(self) -> bool:
        """Whether appends are taken."""
        return self.streaming and _now() < self.started + LIFE_S

    @property
    def shown(self) -> list[Mapping[str, Any]]:
        """Its blocks as Slack has them."""
        return [*translate(self.markdown), *self.blocks]

    @property
    def visible(self) -> str:
        """What a reader sees of the answer."""
        return text(self.shown)

    @property
    def writing(self) -> bool:
        """It looks unfinished."""
        return not self.deleted and (self.live or stops(self.blocks))


@dataclass
class FakeCall:
    """A call as it came."""

    method: str
    arguments: Mapping[str, Any]
    at: float
    error: str = ""


class FakeApi(Api):
    """An `Api` without a network. `fault` is asked before every call that no queue has one for."""

    def __init__(self, latency: float = 0.05, limits: Limits | None = None) -> None:
        super().__init__("http://slack.invalid/api/", OneToken("xoxb-test"))
        self.latency = latency
        self.messages: dict[str, Message] = {}
        self.calls: list[FakeCall] = []
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.fault: Callable[[FakeCall], Fault] = lambda _call: None
        self.says_message = True
        """Whether `chat.stopStream` answers with the message."""
        self._limits = limits or Limits()
        self._windows = Windows()
        self._ids = 0
        self._begun = time.time()

    # What a test does and asks.

    def now(self) -> float:
        """Seconds since the epoch: the real ones when it was made, and virtual time."""
        return self._begun + _now()

    def say(self, thread: str, markdown: str) -> Message:
        """A message of the bot's that nobody here knows of: without metadata, and live."""
        message = self._new(thread, streaming=True)
        return self._show(message, markdown)

    def named(self, method: str) -> list[FakeCall]:
        """The calls of a method."""
        return [call for call in self.calls if call.method == method]

    @property
    def refused(self) -> list[FakeCall]:
        """The calls over a rate, but for those that a fault asked for."""
        return [call for call in self.calls if call.error == "over the rate"]

    @property
    def shown(self) -> list[str]:
        """What a reader sees of the messages that are there."""
        return [each.visible for each in self.messages.values() if not each.deleted]

    # The Api.

    async def call(self, team: str, method: str, **arguments: Any) -> dict[str, Any]:
        assert team == TEAM
        given = {name: value for name, value in arguments.items() if value is not None}
        call = FakeCall(method, given, _now())
        self.calls.append(call)
        queue = self.faults[method]
        fault = queue.popleft() if queue else self.fault(call)
        await asyncio.sleep(self.latency / 2)
        with translated(method):
            if fault == "never":
                raise Unavailable("the call was lost")
            answer = self._carry_out(call, None if fault == "lost" else fault)
        await asyncio.sleep(self.latency / 2)
        if fault == "lost":
            raise Unavailable("the answer was lost")
        return answer

    async def look_up(self, team: str, method: str, **arguments: Any) -> dict[str, Any]:
        return await self.call(team, method, **arguments)

    async def identity(self, team: str) -> BotIdentity:
        return BotIdentity(team, BOT_USER, BOT_ID, "everytoken")

    # Slack.

    def _carry_out(self, call: FakeCall, fault: Fault) -> dict[str, Any]:
        if isinstance(fault, float):
            self._refuse(call, "ratelimited", fault)
        if fault:
            self._refuse(call, str(fault))
        rate = getattr(self._limits, RATES[call.method])
        scope = call.arguments["channel"] if RATES[call.method] == "post" else ""
        if rate and (wait := self._windows.spend(f"{call.method}{scope}", rate, _now() + 1e-6)):
            self._refuse(call, "ratelimited", float(wait), noted="over the rate")
        name = call.method.partition(".")[2]
        answer: dict[str, Any] = {}
        try:
            answer = getattr(self, f"_{name}")(call)
        except ApiError as error:
            self._refuse(call, error.error)
        return {"ok": True, **answer}

    def _postMessage(self, call: FakeCall) -> dict[str, Any]:  # noqa: N802 - Slack's name
        return self._replace(self._new(call.arguments.get("thread_ts", "")), call)

    def _update(self, call: FakeCall) -> dict[str, Any]:
        message = self._there(call)
        if message.live:
            self._refuse(call, "streaming_state_conflict")
        check_text(call.arguments["text"], self._limits.update_text)
        message.streaming = False
        return self._replace(message, call)

    def _startStream(self, call: FakeCall) -> dict[str, Any]:  # noqa: N802 - Slack's name
        assert call.arguments["thread_ts"]
        if not call.arguments["channel"].startswith("D"):
            assert call.arguments["recipient_user_id"]
            assert call.arguments["recipient_team_id"]
        message = self._new(call.arguments["thread_ts"], streaming=True)
        self._append(message, call.arguments["markdown_text"])
        return {"channel": call.arguments["channel"], "ts": message.ts}

    def _appendStream(self, call: FakeCall) -> dict[str, Any]:  # noqa: N802 - Slack's name
        message = self._there(call)
        if not message.live:
            by_user = "stopped_by_user" if message.stopped_by_user else ""
            self._refuse(call, by_user or "message_not_in_streaming_state")
        assert call.arguments["markdown_text"]
        self._append(message, message.markdown + call.arguments["markdown_text"])
        return {"channel": call.arguments["channel"], "ts": message.ts}

    def _stopStream(self, call: FakeCall) -> dict[str, Any]:  # noqa: N802 - Slack's name
        message = self._there(call)
        if not message.live:
            self._refuse(call, "message_not_in_streaming_state")
        below = list(call.arguments.get("blocks", ()))
        check_blocks(below, self._limits)
        self._append(message, message.markdown + call.arguments.get("markdown_text", ""), below)
        message.streaming = False
        message.metadata = call.arguments.get("metadata")
        said = {"message": self._json(message)} if self.says_message else {}
        return {"channel": call.arguments["channel"], "ts": message.ts} | said

    def _replies(self, call: FakeCall) -> dict[str, Any]:
        oldest, latest = call.arguments.get("oldest", "0"), call.arguments.get("latest", "9")
        root = {"ts": call.arguments["ts"], "user": "UALICE", "text": "?"}
        found = [
            self._json(each)
            for each in self.messages.values()
            if each.thread == root["ts"] and not each.deleted and oldest <= each.ts <= latest
        ]
        return {"messages": [root, *found], "has_more": False}

    def _new(self, thread: str, *, streaming: bool = False) -> Message:
        self._ids += 1
        ts = f"{self.now():.3f}{self._ids:03d}"
        self.messages[ts] = Message(ts, thread, started=_now(), streaming=streaming)
        return self.messages[ts]

    def _there(self, call: FakeCall) -> Message:
        message = self.messages.get(call.arguments["ts"])
        if message is None or message.deleted:
            self._refuse(call, "message_not_found")
        assert message is not None
        return message

    def _replace(self, message: Message, call: FakeCall) -> dict[str, Any]:
        sent: Sequence[Mapping[str, Any]] = call.arguments["blocks"]
        check_blocks(sent, self._limits)
        message.blocks = [block for block in sent if block["type"] != "markdown"]
        message.metadata = call.arguments.get("metadata")
        markdown = "\n\n".join(block["text"] for block in sent if block["type"] == "markdown")
        self._show(message, markdown)
        return {"channel": "", "ts": message.ts, "message": self._json(message)}

    def _append(
        self, message: Message, markdown: str, below: list[Mapping[str, Any]] | None = None
    ) -> None:
        check_markdown(markdown[len(message.markdown) :], self._limits)
        check_stream(markdown, self._limits)
        message.blocks = below or []
        self._show(message, markdown)

    def _show(self, message: Message, markdown: str) -> Message:
        message.markdown = markdown
        sent = [{"type": "markdown", "text": markdown}] if markdown else []
        check_drawn([*sent, *message.blocks], message.shown, self._limits)
        message.seen.append(message.visible)
        return message

    def _json(self, message: Message) -> dict[str, Any]:
        metadata = {"metadata": message.metadata} if message.metadata else {}
        about = {
            "ts": message.ts,
            "user": BOT_USER,
            "bot_id": BOT_ID,
            "blocks": with_entities(message.shown),
        }
        return about | {"thread_ts": message.thread} | metadata

    def _refuse(
        self, call: FakeCall, error: str, retry_after: float | None = None, noted: str = ""
    ) -> None:
        call.error = noted or error
        response: Any = AsyncSlackResponse(
            client=AsyncWebClient(),
            http_verb="POST",
            api_url="",
            req_args={},
            data={"ok": False, "error": error},
            headers={} if retry_after is None else {"Retry-After": str(int(retry_after))},
            status_code=200 if retry_after is None else 429,
        )
        raise SlackApiError(error, response)  # type: ignore[no-untyped-call]


def _now() -> float:
    return asyncio.get_running_loop().time()
