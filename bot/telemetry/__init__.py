"""Metrics, traces and readiness, which cost nothing per token.

`Watch` is told of few events: a run begins, a call to the platform was made, a run ends. Metrics
and traces are made from these. States, such as open runs and waiting rows, are read only when
somebody asks for the metrics.
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
