"""Questions about what happened: what is shown, how it grew, who was pinged."""

from __future__ import annotations

from itertools import pairwise

from tests.doubles.slack.board import Board
from tests.doubles.slack.records import Call, Message, Ping, Refusal, Version


class Queries:
    """Reads the record. Times are seconds since the epoch."""

    board: Board

    @property
    def calls(self) -> list[Call]:
        """Every call of the Web API, in order."""
        return self.board.platform.calls

    @property
    def rate_limited(self) -> list[Refusal]:
        """Every 429, those that a fault asked for too."""
        return self.board.platform.rate_limited

    @property
    def statuses(self) -> list[str]:
        """The texts of the assistant's status lines, in order; "" where one was cleared."""
        return [text for _, _, _, text in self.board.platform.statuses]

    @property
    def processing(self) -> list[tuple[str, str]]:
        """Channel and thread of each agent session that looks at work."""
        sessions = self.board.platform.sessions.items()
        return [where for where, state in sessions if state == "processing"]

    def called(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method]

    def messages(
        self, *, by_bot: bool = False, channel: str = "", ephemeral: bool = False
    ) -> list[Message]:
        """Messages that stand somewhere, oldest first; with `ephemeral` those for one person."""
        return [
            each
            for each in self.board.platform.messages.values()
            if not each.deleted
            and bool(each.to) == ephemeral
            and (each.by_bot or not by_bot)
            and channel in {"", each.channel}
        ]

    def message(self, ts: str) -> Message:
        """A message with all that it ever showed, deleted or not."""
        return self.board.platform.messages[ts]

    def shrank(self, ts: str) -> list[tuple[Version, Version]]:
        """Where a message showed less text than before."""
        versions = self.message(ts).versions
        return [(a, b) for a, b in pairwise(versions) if len(b.visible) < len(a.visible)]

    def largest_gap(self, ts: str) -> float:
        """The longest time that a message stood still between its first and last version."""
        versions = self.message(ts).versions
        return max((b.at - a.at for a, b in pairwise(versions)), default=0.0)

    def pinged(self) -> list[Ping]:
        """Everybody whom the bot's messages made Slack notify, version by version."""
        return [
            Ping(version.at, message.ts, who)
            for message in self.board.platform.messages.values()
            if message.by_bot
            for version in message.versions
            for who in version.pings
        ]

    def writing(self) -> list[Message]:
        """Messages that look unfinished: live streams, and those that still show a Stop button."""
        return [each for each in self.board.platform.messages.values() if each.writing]
