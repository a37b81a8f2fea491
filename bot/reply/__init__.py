"""The growing answer: its parts, one edit in flight, the last edit always made."""

from bot.reply.reply import Reply
from bot.reply.screen import Ending

__all__ = ["Ending", "Reply"]
