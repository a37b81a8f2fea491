"""What a process that died left behind is ended or answered by another one."""

from __future__ import annotations

from bot.cluster.cluster import Cluster
from bot.cluster.heartbeat import Heartbeat, this_seat
from bot.cluster.recovery import Recovery, RecoveryIntake

__all__ = ["Cluster", "Heartbeat", "Recovery", "RecoveryIntake", "this_seat"]
