"""This machine's processes: whether another one of them lives is known at once, and surely.

Elsewhere than on Linux, and across containers, silence for a lease's length has to do.
"""

from __future__ import annotations

import os
from pathlib import Path

from bot.store import Seat

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def this_seat() -> Seat | None:
    """Where this process runs; None where a process can't be told from another machine's.

    The boot's id and the namespace of the process ids: who has the same sees the same processes.
    """
    try:
        machine = f"{_BOOT.read_text().strip()}/{os.readlink(_NAMESPACE)}"
    except OSError:
        return None
    return Seat(machine, os.getpid())


def surely_dead(seat: Seat | None, here: Seat | None) -> bool:
    """Whether who sat there is dead, as far as can be seen from here."""
    if seat is None or here is None or seat.machine != here.machine:
        return False
    return seat.pid == here.pid or not _lives(seat.pid)


def _lives(pid: int) -> bool:
    """Whether there is such a process; one that is dead and not buried yet does not count."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    except (OSError, IndexError):
        return True
    return state not in ("Z", "X")
