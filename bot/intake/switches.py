"""What admins turn off and on for all: `/everytoken tools off` and `on`."""

from __future__ import annotations

from typing import Final

import structlog

from bot.identity import Account
from bot.intake import notices
from bot.intake.notices import Refusal
from bot.store import BrakeStore
from bot.words import Sentence
from connectors.base import Commanded, Switch

log = structlog.get_logger(__name__)

OF_TOOLS: Final[dict[Switch, bool]] = {"tools off": True, "tools on": False}
"""Whether each puts the brake on."""


def refusal(event: Commanded, *, admin: bool) -> Refusal | None:
    """What somebody is told who may not give that command."""
    return None if admin or event.command not in OF_TOOLS else Refusal(notices.NOT_AN_ADMIN)


async def turn(brakes: BrakeStore, switch: Switch, by: Account) -> Sentence:
    """Puts the brake on or takes it off, and says how it is now. Raises `StoreUnavailable`."""
    off = OF_TOOLS[switch]
    changed = await (brakes.put_on("tools", by) if off else brakes.take_off("tools"))
    log.warning("tools.switched", off=off, changed=changed)
    return Sentence("notice.tools_off" if off else "notice.tools_on")
