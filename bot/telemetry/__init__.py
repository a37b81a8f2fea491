"""Watching: what happened is counted, traced and served, off the tokens' way.

`Watch` hears of few things: a run that begins, a call to the platform, a run that ends. Metrics
and traces are made of these. What is a state rather than an event (open runs, waiting rows) is
asked for when somebody looks.
"""

from __future__ import annotations

from bot.telemetry.metrics import UNWATCHED, Metrics, Watch, Watchers, watch_loop
from bot.telemetry.routes import MetricsAccess, Readiness, routes

__all__ = [
    "UNWATCHED",
    "Metrics",
    "MetricsAccess",
    "Readiness",
    "Watch",
    "Watchers",
    "routes",
    "watch_loop",
]
