"""What a process that died left behind is ended or answered by another one."""

from __future__ import annotations

from bot.cluster.budget_keeper import BudgetKeeper
from bot.cluster.cluster import Cluster
from bot.cluster.heartbeat import Heartbeat, this_seat
from bot.cluster.recovery import Recovery, RecoveryIntake
from bot.cluster.takeover import Takeover
from bot.cluster.wakes import Wakes

__all__ = [
    "BudgetKeeper",
    "Cluster",
    "Heartbeat",
    "Recovery",
    "RecoveryIntake",
    "Takeover",
    "Wakes",
    "this_seat",
]
