"""A chain is a provider like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from providers.failover import ChainProvider
from tests.contract.provider import LONG_STALL, Stage, WireStep
from tests.contract.providers import test_scripted


class TestContract(test_scripted.TestContract):
    """The contract, with the scripted model in a chain."""

    @asynccontextmanager
    async def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AsyncIterator[Stage]:
        async with super().opened(*script, stall_seconds=stall_seconds) as stage:
            yield Stage(ChainProvider([stage.provider]), stage.left)
