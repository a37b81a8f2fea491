"""The state of the double: workspaces, messages with their histories, and all that was asked."""

from __future__ import annotations

import asyncio
import html
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.doubles.slack import mrkdwn
from tests.doubles.slack.faults import Faults
from tests.doubles.slack.limits import Limits, Windows
from tests.doubles.slack.markdown import Reading, translate
from tests.doubles.slack.records import Call, Delivery, Message, Refusal, Version
from tests.doubles.slack.workspaces import Channel, Workspace

Blocks = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that somebody uploaded: as Slack describes it, and its content."""

    about: Mapping[str, Any]
    content: bytes
    workspace: str


@dataclass(slots=True)
class PendingUpload:
    """A file that the bot was given an address for: its content once that came."""

    name: str
    length: int
    workspace: str
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a response_url leads: the place, the person and the message it was given for."""

    workspace: Workspace
    channel: str
    user: str
    ts: str = ""
    thread_ts: str = ""


@dataclass(slots=True)
class Platform:
    """All that the Web API, the events and the people share."""

    limits: Limits
    stream_life: float
    workspaces: dict[str, Workspace]
    reading: Reading = Reading()  # noqa: RUF009 - frozen
    """How Markdown is read here."""
    returns: Literal["drawn", "markdown", "newer"] = "drawn"
    """Which blocks answers and history have: those that are drawn, those that were sent, or those
    that are drawn with block and element types that came later than anything else here."""
    messages: dict[str, Message] = field(default_factory=dict)
    """By their ts, in the order in which they were posted."""
    calls: list[Call] = field(default_factory=list)
    rate_limited: list[Refusal] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    statuses: list[tuple[float, str, str, str]] = field(default_factory=list)
    """When, channel, thread and text of each assistant status."""
    sessions: dict[tuple[str, str], str] = field(default_factory=dict)
    """The state of each agent session, by channel and thread: it stays what it was set to."""
    knows_sessions: bool = True
    """False: an older workspace, in which there are no agent sessions."""
    hears_stops: bool = True
    """False: the app is not subscribed to `agent_session_stopped`, and is warned of that."""
    knows_assistants: bool = True
    """False: `assistant.threads.*` has gone away."""
    titles: dict[str, str] = field(default_factory=dict)
    prompts: dict[str, Any] = field(default_factory=dict)
    views: list[dict[str, Any]] = field(default_factory=list)
    """The modals that were opened."""
    files: dict[str, StoredFile] = field(default_factory=dict)
    uploads: dict[str, PendingUpload] = field(default_factory=dict)
    """Files of the bot's that are not completed, by id: `files.info` knows none of them."""
    drops_shares: bool = False
    """Whether files are answered for with `ok` and never shared."""
    strips_files: bool = False
    """Whether what is handed out is not what was uploaded."""
    hooks: dict[str, Hook] = field(default_factory=dict)
    triggers: dict[str, float] = field(default_factory=dict)
    """When each trigger_id was made that opens a modal still: `time.monotonic` seconds."""
    exchanged: set[str] = field(default_factory=set)
    """Those that were used."""
    codes: dict[str, str] = field(default_factory=dict)
    """OAuth codes that were handed out, with their workspaces."""
    windows: Windows = field(default_factory=Windows)
    faults: Faults = field(default_factory=Faults)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    """The root of the server, without a slash at the end."""
    _last_us: int = 0
    _channels: dict[str, list[Message]] = field(default_factory=dict)
    _threads: dict[str, list[Message]] = field(default_factory=dict)
    _status: dict[tuple[str, str], str] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)

    def new_ts(self) -> str:
        """A message's name: the time it is posted at, unique and growing."""
        self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def new_id(self, prefix: str) -> str:
        """An id such as Slack makes them."""
        self._numbers[prefix] += 1
        return f"{prefix}0{self._numbers[prefix]:08d}"

    def number(self, method: str) -> int:
        """How many calls of a method there were, with the one that comes now."""
        self._numbers[f"call:{method}"] += 1
        return self._numbers[f"call:{method}"]

    def trigger(self, workspace: Workspace) -> str:
        """A trigger_id with which a view may be opened."""
        made = f"{self.new_id('').lstrip('0')}.{workspace.id}.trigger"
        self.triggers[made] = time.monotonic()
        return made

    def hook(self, hook: Hook) -> str:
        """A response_url."""
        name = self.new_id("R")
        self.hooks[name] = hook
        return f"{self.url}/response/{name}"

    def home(self, channel: str) -> tuple[Workspace, Channel] | None:
        """The workspace that a channel belongs to."""
        for workspace in self.workspaces.values():
            if channel in workspace.channels:
                return workspace, workspace.channels[channel]
        return None

    def there(self, channel: str, ts: str) -> Message | None:
        """A message that is there and no tombstone."""
        message = self.messages.get(ts)
        if message is None or message.channel != channel or message.deleted or message.to:
            return None
        return message

    def in_channel(self, channel: str) -> Iterator[Message]:
        """What stands in a channel and its threads, oldest first."""
        for message in self._channels.get(channel, ()):
            if not message.deleted or message.tombstone:
                yield message

    def replies(self, root: Message) -> list[Message]:
        """The messages of a thread below its first, oldest first."""
        return [each for each in self._threads.get(root.ts, ()) if not each.deleted]

    def add(self, message: Message) -> Message:
        """A message is posted; its status line, where it has one, goes."""
        self.messages[message.ts] = message
        if message.to:
            return message
        self._channels.setdefault(message.channel, []).append(message)
        if message.is_reply:
            self._threads.setdefault(message.thread_ts, []).append(message)
        if message.by_bot and self._status.get((message.channel, message.thread_ts)):
            self.set_status(message.channel, message.thread_ts, "")
        return message

    def set_session(self, channel: str, thread: str, state: str) -> None:
        """What a thread's agent session is from now on; nothing but this changes it."""
        self.sessions[channel, thread] = state

    def set_status(self, channel: str, thread: str, text: str) -> None:
        """What the assistant's status line says from now on; an empty text clears it."""
        self._status[channel, thread] = text
        self.statuses.append((time.time(), channel, thread, text))

    def blocks(self, sent: Blocks | None, text: str) -> tuple[Mapping[str, Any], ...]:
        """The blocks that a message has then: Markdown translated, each with an id."""
        made: list[Mapping[str, Any]] = []
        for block in sent or ([mrkdwn.rich_text(text)] if text else []):
            if block["type"] == "markdown":
                made += translate(block["text"], self.reading)
            else:
                made.append(block)
        return tuple(self._with_id(block) for block in made)

    def returned(self, version: Version) -> list[dict[str, Any]]:
        """The blocks of a message as answers and history have them."""
        if self.returns == "markdown" and version.sent:
            return [with_entities(dict(self._with_id(block))) for block in version.sent]
        blocks = [with_entities(dict(block)) for block in version.blocks]
        return [_newer(block) for block in blocks] if self.returns == "newer" else blocks

    def _with_id(self, block: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**block, "block_id": block.get("block_id") or self.new_id("B").lower()}


def with_entities(node: Any) -> Any:
    """With entities in text objects, as Slack returns them; rich text is returned as it is."""
    if isinstance(node, list | tuple):
        return [with_entities(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    made = {name: with_entities(each) for name, each in node.items()}
    if made.get("type") in {"plain_text", "mrkdwn"}:
        made["text"] = html.escape(html.unescape(str(made["text"])), quote=False)
    return made


def _newer(block: dict[str, Any]) -> dict[str, Any]:
    """A table as a `data_table` with numbers in it; all else as it is."""
    if block["type"] != "table":
        return block
    rows = [[_newer_cell(cell) for cell in row] for row in block["rows"]]
    return {**block, "type": "data_table", "caption": "", "rows": rows}


def _newer_cell(cell: dict[str, Any]) -> dict[str, Any]:
    text = cell.get("text", "")
    if not text.isdecimal():
        return cell
    return {"type": "raw_number", "value": int(text), "text": text}
