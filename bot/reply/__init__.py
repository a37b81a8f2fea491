"""The growing answer: its parts, one edit in flight, the last edit always made."""

from bot.reply.ladder import Taken
from bot.reply.record import Hearer
from bot.reply.reply import Begun, Reply
from bot.reply.screen import Ending, Mark, Message
from bot.reply.telling import SEAM, Buffer, Reasoning, Telling

__all__ = [
    "SEAM",
    "Begun",
    "Buffer",
    "Ending",
    "Hearer",
    "Mark",
    "Message",
    "Reasoning",
    "Reply",
    "Taken",
    "Telling",
]
