"""The growing answer: its parts, one edit in flight, the last edit always made."""

from bot.reply.ladder import Taken
from bot.reply.record import Hearer
from bot.reply.reply import Begun, Reply
from bot.reply.screen import Ending, Mark, Message

__all__ = [
    "Begun",
    "Ending",
    "Hearer",
    "Mark",
    "Message",
    "Reply",
    "Taken",
]
