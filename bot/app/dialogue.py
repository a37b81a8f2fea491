"""Questions and answers at a terminal, without a server: one, or a conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.app.deciding import Allows, answered, nothing
from bot.app.lifecycle import closed, living, opened_cluster
from bot.app.models import make_provider, make_tools
from bot.app.selftest import TERMINAL, alone
from bot.runs import Question, Result, Runs
from bot.settings import Settings
from bot.store import RunRow, Store
from bot.words import Languages, system_language
from connectors.base import File, MessageRef, Person, Place, Said
from connectors.terminal import Output, TerminalConnector

_TOOLS_S = 20.0
"""The most seconds that a question waits for the servers of tools."""
_PERSON = "operator"


class NothingToGoOnWith(Exception):
    """There is no conversation that could be gone on with; the message says why."""


class Dialogue:
    """A conversation at the terminal: one question after the other."""

    def __init__(
        self,
        runs: Runs,
        store: Store,
        terminal: TerminalConnector,
        allows: Allows,
        languages: Languages,
    ) -> None:
        self._languages = languages
        self._runs = runs
        self._store = store
        self._terminal = terminal
        self._allows = allows

    @property
    def left(self) -> bool:
        """Whether nobody reads what is written any more."""
        return self._terminal.left

    async def ask(self, text: str, attached: Mapping[File, bytes] | None = None) -> Result:
        """Answers a question; `attached` are files with their content."""
        who = Person(_PERSON, language=system_language())
        language = await self._languages.of(self._terminal.place, who, text)
        question = Question(self._terminal.asked(text, who, attached), language=language)
        return await answered(self._runs, self._store, question, self._terminal, self._allows)

    def stop(self) -> None:
        """Ends the answer that is being written."""
        self._runs.stop_in(self._terminal.place)

    def forget(self) -> None:
        """Starts a new conversation: the model is told nothing of what was said before."""
        self._terminal.forget()


@asynccontextmanager
async def dialogue(
    settings: Settings,
    out: Output | None,
    allows: Allows = nothing,
    *,
    goes_on: bool = False,
    folder: Path | None = None,
) -> AsyncIterator[Dialogue]:
    """A conversation at the terminal, which is `out`, or nothing but memory.

    `allows` decides about tool calls that wait for somebody. Files of answers go to `folder`.
    `goes_on`: it is the last one. Raises `NothingToGoOnWith`, `StoreUnavailable`, `ProviderError`.
    """
    async with opened_cluster(settings) as cluster:
        channel, before = "", list[Said]()
        if goes_on:
            channel, before = await _last(cluster.store, settings.history_messages)
        terminal = TerminalConnector(out, TERMINAL, channel, before, folder)
        caller, toolbox = make_tools(settings, cluster.store)
        provider = make_provider(settings)
        try:
            if toolbox is not None and not toolbox.options.off:
                await toolbox.servers.ready(_TOOLS_S)
            await provider.start()
            async with living(cluster):
                runs = alone(provider, cluster.store, settings, toolbox)
                languages = Languages(settings.language)
                yield Dialogue(runs, cluster.store, terminal, allows, languages)
        finally:
            await closed(terminal.aclose)
            await closed(provider.aclose)
            await closed(caller.aclose)


async def _last(store: Store, limit: int) -> tuple[str, list[Said]]:
    """The newest conversation at a terminal: its channel, and what was said in it."""
    newest = await store.runs.recent(1, connector=TERMINAL)
    if not newest:
        raise NothingToGoOnWith("There is no conversation yet that could be gone on with.")
    (row,) = newest
    if row.text_deleted_us is not None or not row.start.question:
        raise NothingToGoOnWith("The last conversation's text is not kept: see LOG_TEXT.")
    place = row.start.place
    if place.channel == TERMINAL:  # written before each conversation had a place of its own
        rows: Sequence[RunRow] = newest
    else:
        rows = await store.runs.before(place, row.start.started_us + 1, limit)
    said = [entry for each in rows for entry in await _said(each, place, store)]
    return place.channel, said


async def _said(row: RunRow, place: Place, store: Store) -> list[Said]:
    """A question and its answer."""
    start = row.start
    asked = MessageRef(place, start.question_id)
    answer = [
        Said(message.ref, Person(TERMINAL), "", by_bot=True, at_us=start.started_us + 1)
        for message in await store.messages.read(row.run_id)
    ]
    return [Said(asked, start.person, start.question, False, start.started_us), *answer]
