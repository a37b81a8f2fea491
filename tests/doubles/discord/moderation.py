"""AutoMod: what a server's moderators let nobody write there, the bot neither."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.doubles.discord import errors
from tests.doubles.discord.model import Channel


@dataclass(slots=True)
class Moderation:
    """Words that are blocked in servers. Direct messages are nobody's to moderate."""

    words: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    def check(self, channel: Channel, text: str) -> None:
        """Raises what a message with a blocked word in it gets, posted or edited."""
        if channel.guild_id and any(word in text.casefold() for word in self.words):
            raise errors.blocked()

    def check_title(self, name: str) -> None:
        """Raises what a thread with a blocked word in its name gets."""
        if any(word in name.casefold() for word in self.titles):
            raise errors.title_blocked()
