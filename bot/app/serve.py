"""The bot as a server: opens all, runs until a signal, drains, closes in reverse."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

import structlog

from bot import http
from bot.app.lifecycle import Stopping, close_cluster, closed, living
from bot.app.monitoring import count_hours, watching
from bot.app.reload import Reloader
from bot.app.retention import lapse, retain, tidy
from bot.app.selftest import check_chain
from bot.app.wiring import Bot, Half, make_bot
from bot.imports import uncollected
from bot.intake import Intake
from bot.runs import Runs
from bot.settings import Settings, SettingsError
from bot.store import upgrade
from connectors.base import Connector, ConnectorError, Lacking, Refused

log = structlog.get_logger(__name__)

_PROBE_DEADLINE_S = 10.0
_SETTLE_DEADLINE_S = 1.0

Ready = Callable[[str, Sequence[str]], None]
"""Hears the bot's address and the names of its connectors."""


async def serve(settings: Settings, only: Half | None, ready: Ready) -> int:
    """Runs the bot until a signal; calls `ready` once it answers.

    Returns the exit code: 1 where a part of the bot broke down. Raises `SettingsError`,
    `StoreUnavailable`, `ProviderError` or `ChainBroken` where it can't start.
    """
    stopping = Stopping(settings.shutdown_grace)
    http.raised_file_limit()  # each model call and each reader of the page takes one
    async with AsyncExitStack() as stack:
        listener = None
        if only != "gateway":
            listener = stack.enter_context(_listen(settings.bind_host, settings.bind_port))
        with uncollected():
            await upgrade(settings.database)
            bot = make_bot(settings, only=only)
            reloader = Reloader(bot, settings)
            await _open(bot, reloader, stack, stopping, tolerant=settings.slack_by_oauth)
            await check_chain(settings, bot.store, bot.connectors, bot.answering.provider)
            await _begin(bot)
        recovering = asyncio.create_task(bot.recovery.serve())
        parts = [recovering, *_parts(bot, settings.token_retention_days)]
        for part in parts:
            stack.callback(part.cancel)
        if bot.server is not None and listener is not None:
            serving = asyncio.create_task(bot.server.serve([listener]))
            stack.push_async_callback(_stopped, bot.server, serving, stopping)
            parts.append(serving)
        stack.callback(reloader.listen())
        ready(settings.address, [connector.name for connector in bot.connectors])
        with stopping.listening():
            whole = await _until_stopped(stopping, parts)
        recovering.cancel()  # what is not ended then is the next process's
        standing_by = asyncio.create_task(bot.recovery.stand_by())
        stack.callback(standing_by.cancel)
        await _drain(bot.intake, bot.runs, stopping)
        await asyncio.wait({recovering}, timeout=_SETTLE_DEADLINE_S)
    return 0 if whole else 1


async def _open(
    bot: Bot, reloader: Reloader, stack: AsyncExitStack, stopping: Stopping, *, tolerant: bool
) -> None:
    """Opens the bot's parts, and has the stack close them in reverse; see `_check`."""
    patience_s = stopping.patience_s
    stack.push_async_callback(close_cluster, bot.cluster, stopping.last_s)
    await stack.enter_async_context(watching(bot.metrics, bot.tracer, patience_s))
    await stack.enter_async_context(living(bot.cluster))
    stack.push_async_callback(reloader.aclose, patience_s)
    if bot.sharing is not None:
        stack.push_async_callback(closed, bot.sharing.aclose, patience_s)
    for connector in bot.connectors:
        stack.push_async_callback(closed, connector.aclose, patience_s)
    await asyncio.gather(bot.answering.provider.start(), _check(bot.connectors, tolerant=tolerant))


async def _begin(bot: Bot) -> None:
    """Announces what this process serves and reads what the others serve; they share budgets."""
    serves = [connector.name for connector in bot.connectors]
    if bot.sharing is not None:
        await bot.sharing.begin()
    await bot.cluster.heartbeat.begin(serves, bot.recovery)
    await bot.recovery.look_around()


def _parts(bot: Bot, retention_days: int) -> list[asyncio.Task[None]]:
    """What goes on side by side until the bot is stopped, but for recovery and HTTP."""
    works = [
        retain(bot.store, bot.connectors, retention_days),
        count_hours(bot.store),
        tidy(bot.connectors),
        lapse(bot.store),
        *(bot.intake.serve(connector) for connector in bot.connectors),
    ]
    if bot.runs.call_tools:
        works.append(bot.intake.approvals.serve())
    if bot.sharing is not None:
        works += bot.sharing.parts()
    if bot.server is None:
        works.append(bot.health.tell_for_ever())
    return [asyncio.create_task(work) for work in works]


async def _check(connectors: Sequence[Connector], *, tolerant: bool) -> None:
    """Raises `SettingsError` where a platform refuses the bot; one that is away may come back.

    `tolerant`: a refusal is only reported. With OAuth one workspace may have taken the bot out:
    that is no reason not to start.
    """
    for connector in connectors:
        try:
            async with asyncio.timeout(_PROBE_DEADLINE_S):
                await connector.probe()
        except Lacking as error:
            log.error("connector.lacking", connector=connector.name, error=str(error))
        except Refused as error:
            if not tolerant:
                raise SettingsError(f"{connector.name} refuses the bot:\n{error}") from error
            log.error("connector.refused", connector=connector.name, error=str(error))
        except (ConnectorError, TimeoutError) as error:
            told = str(error) or type(error).__name__
            log.error("connector.not_reached", connector=connector.name, error=told)
        except Exception:  # the platform said what nobody expected: that is no reason not to start
            log.exception("connector.not_understood", connector=connector.name)


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listener = http.listen(host, port)
    except OSError as error:
        raise SettingsError(_cannot_listen(host, port, error)) from error
    with listener:
        yield listener


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Another program uses port {port}. Choose one: HOST={host} PORT={port % 65535 + 1}"
    reason = (error.strerror or str(error)).partition(" (")[0]
    return f"HOST={host} PORT={port} can't be listened on: {reason}"


async def _until_stopped(stopping: Stopping, parts: Sequence[asyncio.Task[None]]) -> bool:
    """Waits for a signal, or for a part that ends by itself; False where one broke down."""
    asked = asyncio.create_task(stopping.asked())
    done, _ = await asyncio.wait({asked, *parts}, return_when=asyncio.FIRST_COMPLETED)
    stopping.begin()
    asked.cancel()
    for part in done - {asked}:
        log.error("app.part_ended", exc_info=part.exception())
    return asked in done


async def _drain(intake: Intake, runs: Runs, stopping: Stopping) -> None:
    """Takes nothing new; running answers get the grace, the last of it to say that they end."""
    intake.close()
    if not await runs.drain(stopping.running_s()):
        log.error("runs.left", runs=len(runs.active))
    settling = asyncio.create_task(intake.settled())
    compared = await runs.late.settled(_SETTLE_DEADLINE_S)
    if not (await asyncio.wait({settling}, timeout=_SETTLE_DEADLINE_S))[0]:
        settling.cancel()
        log.error("intake.unsettled")
    if not compared:
        runs.late.cancel()
        log.error("runs.unproven")


async def _stopped(server: http.Server, serving: asyncio.Task[None], stopping: Stopping) -> None:
    server.should_exit = True
    await asyncio.wait({serving}, timeout=stopping.patience_s())
