"""What a process that died left behind is ended or answered by another one."""

from __future__ import annotations

from bot.cluster.heartbeat import Heart, this_seat
from bot.cluster.recovery import Door, Recovery

__all__ = ["Door", "Heart", "Recovery", "this_seat"]
