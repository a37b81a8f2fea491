"""Watching: what happened is counted, traced and served, off the tokens' way.

`Watch` hears of few things: a run that begins, a call to the platform, a run that ends. Metrics
and traces are made of these. What is a state rather than an event (open runs, waiting rows) is
asked for when somebody looks.
"""

from bot.watch.facts import UNWATCHED, Watch, Watchers
from bot.watch.loop import watch_loop
from bot.watch.metrics import Metrics
from bot.watch.readiness import Readiness
from bot.watch.routes import MetricsAccess, routes

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
