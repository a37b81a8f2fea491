"""Whether the bot can do its work now, and if not, what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[str | None]]
"""Returns what is wrong, in one line for the operator, or None."""

DEADLINE_S = 2.0
"""A check that takes longer has failed."""
FRESH_S = 2.0
"""So long an answer stands: however many ask, each check is made once in that time."""


class Readiness:
    """Looks at everything side by side. Belongs to one event loop."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._clock = asyncio.get_running_loop().time
        self._looked_at = float("-inf")
        self._found: dict[str, str | None] = {}
        self._looking = asyncio.Lock()

    async def look(self) -> dict[str, str | None]:
        """What is wrong with each thing; None where it is well."""
        async with self._looking:
            if self._clock() - self._looked_at > FRESH_S:
                before = self.missing(self._found)
                wrongs = await asyncio.gather(*map(_checked, self._checks.values()))
                self._found = dict(zip(self._checks, wrongs, strict=True))
                self._looked_at = self._clock()
                self._tell(before)
            return self._found

    def _tell(self, before: Mapping[str, str]) -> None:
        missing = self.missing(self._found)
        if missing.keys() != before.keys():
            (log.warning if missing else log.info)("app.readiness", ready=not missing, **missing)

    @staticmethod
    def missing(found: Mapping[str, str | None]) -> dict[str, str]:
        """Only what is wrong."""
        return {name: wrong for name, wrong in found.items() if wrong is not None}


async def _checked(check: Check) -> str | None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await check()
    except TimeoutError:
        return f"no answer within {DEADLINE_S:g} s"
    except Exception as error:
        log.exception("watch.broke")
        return type(error).__name__
