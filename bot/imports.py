"""Imports without garbage collection, which would take a third of their time and find nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is collected meanwhile, and what was made is never looked through again.

    For what makes things that stay until the process ends: importing, and making the bot.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
