"""What a process that died left behind is ended or answered by another one."""

from __future__ import annotations

from bot.cluster.cluster import Cluster
from bot.cluster.heartbeat import Heart, this_seat
from bot.cluster.recovery import Recovery, RecoveryIntake

__all__ = ["Cluster", "Heart", "Recovery", "RecoveryIntake", "this_seat"]
