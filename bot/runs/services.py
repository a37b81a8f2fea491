"""What all runs of a process share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.pacing import Pacing
from bot.runs.making import Maker, RunOptions
from bot.runs.record import Late
from bot.store import Store
from bot.telemetry import UNWATCHED, Watch
from bot.tools import Toolbox
from providers.base import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class RunServices:
    """What all runs of a process share. `late` makes comparisons that can't be made at the end.

    `maker` says what holds in a place; without one it is the same everywhere.
    """

    provider: Provider
    store: Store
    pacing: Pacing
    options: RunOptions
    now_us: Callable[[], int]
    late: Late
    watch: Watch = UNWATCHED
    toolbox: Toolbox | None = None
    """None where no tools are configured."""
    maker: Maker | None = None
