"""What comes in from Discord: messages, commands and presses."""

from connectors.discord.inbound.inbound import Inbound
from connectors.discord.inbound.interactions import Interaction, Interactions

__all__ = ["Inbound", "Interaction", "Interactions"]
