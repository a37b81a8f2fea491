"""The process is gone before its host kills it, whatever hangs."""

from __future__ import annotations

import os
import threading

import structlog

log = structlog.get_logger(__name__)

MARGIN_S = 4.0
"""So long after the grace the process ends, closed or not. Heroku kills 30 s after the signal."""
OVERDUE = 70
"""The exit code then: sysexits' "internal software error"."""


def end_in(seconds: float) -> None:
    """Ends the process then, if it still runs: from a thread, for the event loop may be what hangs.

    There is no way back. The thread is a daemon: who ends in time does not wait for it.
    """
    timer = threading.Timer(seconds, _end)
    timer.daemon = True
    timer.start()


def _end() -> None:
    log.error("app.overdue")
    os._exit(OVERDUE)
