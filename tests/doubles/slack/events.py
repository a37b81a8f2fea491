"""Events on their way: made here, carried by Socket Mode or signed HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.doubles.slack import shapes
from tests.doubles.slack.platform import Platform
from tests.doubles.slack.records import Delivery, Message
from tests.doubles.slack.workspaces import Channel, Workspace


class Carrier(Protocol):
    """A way to the bot."""

    def carry(self, delivery: Delivery) -> None:
        """Takes a delivery; it is under way, in order, when this returns."""
        ...

    def copies(self, delivery: Delivery) -> list[Delivery]:
        """The same for each of the bot's connections."""
        ...

    async def aclose(self) -> None:
        """Ends everything under way."""
        ...


@dataclass(slots=True)
class Events:
    """Tells the bot what happens. `carrier` may be changed at any time."""

    platform: Platform
    carrier: Carrier

    def send(
        self, kind: str, payload: Mapping[str, Any], *, to_all: bool = False
    ) -> list[Delivery]:
        """A payload on its way; with `to_all` every connection gets it: a duplicate."""
        first = Delivery(kind, payload)
        deliveries = self.carrier.copies(first) if to_all else [first]
        for each in deliveries:
            self.platform.deliveries.append(each)
            self.carrier.carry(each)
        return deliveries

    def happened(
        self, workspace: Workspace, name: str, event: Mapping[str, Any], *, to_all: bool = False
    ) -> list[Delivery]:
        """An event of the Events API, shaped like the sample of that name."""
        body = shapes.callback(self.platform, workspace, name, event)
        return self.send("events_api", body, to_all=to_all)

    def posted(self, message: Message, *, to_all: bool = False) -> list[Delivery]:
        """A message was posted, by a person or the bot."""
        workspace, channel = self._home(message)
        said = shapes.message(self.platform, message)
        event = {**said, **_where(channel), "event_ts": message.ts}
        body = shapes.callback(self.platform, workspace, "message", {})
        body["event"] = event
        body["is_ext_shared_channel"] = channel.shared
        return self.send("events_api", body, to_all=to_all)

    def mentioned(self, message: Message, *, to_all: bool = False) -> list[Delivery]:
        """The same message once more, as `app_mention`, with an event_id of its own."""
        workspace, channel = self._home(message)
        said = shapes.message(self.platform, message)
        body = shapes.callback(self.platform, workspace, "app_mention", {})
        event = {**said, "type": "app_mention", "channel": channel.id, "event_ts": message.ts}
        left_out = ("subtype", "files", "upload")  # hermes#77141: the files come with `message`
        body["event"] = {key: each for key, each in event.items() if key not in left_out}
        body["is_ext_shared_channel"] = channel.shared
        return self.send("events_api", body, to_all=to_all)

    def changed(
        self, message: Message, before: Mapping[str, Any], *, to_all: bool = False
    ) -> list[Delivery]:
        """A message shows something else, or only its tombstone."""
        workspace, channel = self._home(message)
        ts = self.platform.new_ts()
        now = shapes.message(self.platform, message)
        if not message.by_bot and not message.tombstone:
            now |= {"source_team": workspace.id, "user_team": message.user_team or workspace.id}
        event = {"message": now, "previous_message": dict(before), "ts": ts, "event_ts": ts}
        return self.happened(workspace, "message_changed", event | _where(channel), to_all=to_all)

    def deleted(
        self, message: Message, before: Mapping[str, Any], *, to_all: bool = False
    ) -> list[Delivery]:
        """A message is gone."""
        workspace, channel = self._home(message)
        ts = self.platform.new_ts()
        event = {"previous_message": dict(before), "deleted_ts": message.ts}
        event |= {"ts": ts, "event_ts": ts} | _where(channel)
        return self.happened(workspace, "message_deleted", event, to_all=to_all)

    def _home(self, message: Message) -> tuple[Workspace, Channel]:
        workspace = self.platform.workspaces[message.workspace]
        return workspace, workspace.channels[message.channel]


def _where(channel: Channel) -> dict[str, str]:
    return {"channel": channel.id, "channel_type": channel.type}
