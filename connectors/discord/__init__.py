"""Discord: `DiscordConnector` and what an operator can choose about it."""

from connectors.discord.connector import DiscordConnector
from connectors.discord.options import DiscordOptions, Shards

__all__ = ["DiscordConnector", "DiscordOptions", "Shards"]
