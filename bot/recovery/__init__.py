"""What a process that died left behind is ended or answered by another one."""

from bot.recovery.heart import Heart
from bot.recovery.machine import this_seat
from bot.recovery.recovery import Door, Recovery

__all__ = ["Door", "Heart", "Recovery", "this_seat"]
