"""The growing answer: its parts, one edit in flight, the last edit always made."""

from bot.reply.calls import Hearer, Taken
from bot.reply.files import not_shown
from bot.reply.reply import Reply
from bot.reply.screen import Ending, Mark, Message
from bot.reply.state import Begun

__all__ = [
    "Begun",
    "Ending",
    "Hearer",
    "Mark",
    "Message",
    "Reply",
    "Taken",
    "not_shown",
]
