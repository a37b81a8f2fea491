"""The growing answer: its parts, one edit in flight, the last edit always made."""

from bot.reply.reply import Begun, Reply
from bot.reply.screen import Ending, Message

__all__ = ["Begun", "Ending", "Message", "Reply"]
