"""How much a call does, counted and not timed: the same on a busy machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def work(call: Callable[[], object]) -> int:
    """Lines of Python that a call runs, and built-in functions that these call.

    What a built-in function does itself is not seen: `python -m benchmarks.linear` times that.
    """
    done = 0

    def traced(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal done
        done += event == "line"
        return traced

    def profiled(_frame: FrameType, event: str, _arg: Any) -> None:
        nonlocal done
        done += event == "c_call"

    tracing, profiling = sys.gettrace(), sys.getprofile()
    sys.settrace(traced)
    sys.setprofile(profiled)
    try:
        call()
    finally:
        sys.setprofile(profiling)
        sys.settrace(tracing)
    return done


def is_linear(call: Callable[[str], object], unit: str, times: int = 300) -> bool:
    """Whether of twice as much text a call makes no more than about twice as much work."""
    call(unit)  # what is only done once
    once, twice = (work(lambda n=n: call(unit * n)) for n in (times, 2 * times))  # type: ignore[misc]
    return twice < 2.5 * once + 500
