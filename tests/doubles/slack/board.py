"""Posting, changing and deleting: the same for the bot and for people, with the events of each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.doubles.slack import mrkdwn, shapes, visible
from tests.doubles.slack.events import Events
from tests.doubles.slack.platform import Platform
from tests.doubles.slack.records import Delivery, Message, Version
from tests.doubles.slack.workspaces import Workspace

Blocks = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Board:
    """Where messages stand, and who is told of them."""

    platform: Platform
    events: Events

    def version(
        self,
        text: str,
        blocks: Blocks | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        live: bool = False,
    ) -> Version:
        """What a message shows from now on; a text that is missing is read off the blocks."""
        made = self.platform.blocks(blocks, text)
        text = text or mrkdwn.escaped(visible.text(made))
        return Version(time.time(), text, made, metadata, live, tuple(blocks or ()))

    def post(
        self, workspace: Workspace, channel: str, user: str, version: Version, **more: Any
    ) -> Message:
        """A new message; nobody is told yet."""
        message = Message(
            workspace=workspace.id,
            channel=channel,
            ts=self.platform.new_ts(),
            user=user,
            by_bot=user == workspace.bot_user,
            versions=[version],
            **more,
        )
        return self.platform.add(message)

    def change(
        self,
        message: Message,
        version: Version,
        *,
        edited_by: str = "",
        to_all: bool = False,
    ) -> list[Delivery]:
        """A message shows something else; `edited_by` marks it as edited."""
        before = shapes.message(self.platform, message)
        message.versions.append(version)
        if edited_by:
            message.edited = {"user": edited_by, "ts": f"{int(time.time())}.000000"}
        return self.events.changed(message, before, to_all=to_all)

    def delete(self, message: Message, *, to_all: bool = False) -> list[Delivery]:
        """A message goes; where it has replies, a tombstone stays in its place."""
        before = shapes.message(self.platform, message)
        message.deleted = True
        message.tombstone = bool(self.platform.replies(message))
        if message.tombstone:
            return self.events.changed(message, before, to_all=to_all)
        return self.events.deleted(message, before, to_all=to_all)
