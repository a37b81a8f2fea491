"""One question without a server: at the terminal, or to see that all works."""

from __future__ import annotations

from typing import TextIO

from bot.app.closing import closed
from bot.app.making import make_runs
from bot.app.models import make_provider
from bot.app.opening import living, opened_store
from bot.app.probing import PROBE, PROBED_AS
from bot.pacing import Pacing
from bot.runs import Question, Result
from bot.settings import Settings
from bot.store import Store
from connectors.base import Asked, Connector, MessageRef, Person, Place
from connectors.memory import MemoryConnector
from connectors.terminal import TerminalConnector

UNATTENDED = ("terminal", PROBED_AS)
"""The connectors of runs that have no message any more once their process is gone."""


async def ask(settings: Settings, question: str, out: TextIO | None) -> Result:
    """Answers one question at the terminal, which is `out`, or nothing but memory."""
    async with opened_store(settings) as store:
        terminal = TerminalConnector(out, UNATTENDED[0])
        return await _one_run(settings, store, terminal, terminal.place, question)


async def probe(settings: Settings, store: Store) -> Result:
    """Sends a question the whole way: model, handlers, log, and a platform in memory."""
    memory = MemoryConnector(PROBED_AS)
    return await _one_run(settings, store, memory, memory.place, PROBE)


async def _one_run(
    settings: Settings, store: Store, connector: Connector, place: Place, question: str
) -> Result:
    asked = Asked(MessageRef(place, "0"), Person("operator"), question)
    provider = make_provider(settings)
    try:
        await provider.start()
        runs = make_runs(settings, provider, store, Pacing())
        async with living(store):
            return await runs.answer(Question(asked), connector)
    finally:
        await closed(connector.aclose)
        await closed(provider.aclose)
