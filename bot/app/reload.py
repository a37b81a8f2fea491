"""Reading the settings again while the bot runs, on SIGHUP: the new is made and checked beside the
old, and then taken for new answers; those that have begun end with what they began with.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

import structlog

from bot.app.lifecycle import closed, unhurried
from bot.app.models import Answering, make_answering
from bot.app.selftest import ChainBroken, check_chain
from bot.app.wiring import Bot, intake_options, make_languages
from bot.settings import GROUPS, Settings, SettingsError, load_settings, own_fields
from bot.words import typed
from providers.base import ProviderError

log = structlog.get_logger(__name__)

_FIXED_GROUPS = ("slack", "discord", "hosting")
FIXED = frozenset(name for group in _FIXED_GROUPS for name in own_fields(GROUPS[group])) | {
    "conversation_policy", "shutdown_grace", "upload_bytes_per_person", "upload_bytes_total",
    "max_file_bytes", "trace_langchain",
}  # fmt: skip
"""What can't be changed while the bot runs: a restart takes it."""


def changed(old: Settings, new: Settings) -> set[str]:
    """The settings that differ."""
    return {name for name in Settings.model_fields if getattr(old, name) != getattr(new, name)}


class Reloader:
    """Holds what answers are made with now, and exchanges it."""

    def __init__(self, bot: Bot, settings: Settings) -> None:
        self._bot = bot
        self._settings = settings
        self._current = bot.answering
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self) -> Callable[[], None]:
        """Reloads at each SIGHUP; what is returned ends that."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: self._keep(self.reload()))

        def end() -> None:
            loop.remove_signal_handler(signal.SIGHUP)

        return end

    async def reload(self) -> None:
        """Reads the settings and takes them, or says why not; never raises."""
        async with self._lock:
            try:
                await self._reload()
            except (SettingsError, ProviderError, ChainBroken) as error:
                log.error("reload.refused", why=str(error), cure=typed("config check"))
            except Exception:  # the bot runs on with what it has
                log.exception("reload.refused")

    async def aclose(self, patience_s: Callable[[], float] = unhurried) -> None:
        """Closes what answers are made with now, and what of the old is still open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._current.aclose(patience_s)

    async def _reload(self) -> None:
        read = load_settings()
        names = changed(self._settings, read)
        _tell_fixed(names & FIXED)
        kept = {name: getattr(self._settings, name) for name in names & FIXED}
        new = read.model_copy(update=kept)
        new._file = read.file
        made = make_answering(new, self._bot.store, self._bot.metrics.tool_ended)
        try:
            await made.provider.start()
            await check_chain(new, self._bot.store, (), made.provider)
        except BaseException:
            await made.aclose()
            raise
        self._take(made, new, names - FIXED)

    def _take(self, made: Answering, settings: Settings, names: Collection[str]) -> None:
        """From here on new answers are made with the new; nothing is awaited on the way."""
        old, self._current, self._settings = self._current, made, settings
        ended = self._bot.runs.use(
            provider=made.provider, options=made.options, toolbox=made.toolbox, maker=made.maker
        )
        languages = make_languages(settings, made.scopes, self._bot.connectors)
        self._bot.intake.use(intake_options(settings, made.scopes, languages))
        log.info("reload.taken", changed=sorted(name.upper() for name in names))
        self._keep(_closed_after(ended(), old))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _tell_fixed(names: Collection[str]) -> None:
    if names:
        told = ", ".join(sorted(name.upper() for name in names))
        log.warning("reload.needs_restart", settings=told, cure="restart the bot to change them")


async def _closed_after(ended: Awaitable[None], old: Answering) -> None:
    try:
        await ended
    finally:
        await closed(old.aclose)
