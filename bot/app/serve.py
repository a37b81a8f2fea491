"""The bot as a server: opens all, runs until a signal, drains, closes in reverse."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

import structlog
from starlette.routing import BaseRoute

from bot import http
from bot.app.assembly import intake_options, load_prices, make_runs
from bot.app.lifecycle import Stopping, closed, living, now_us, opened_store
from bot.app.models import make_provider
from bot.app.monitoring import Health, count_hours, make_inspector, watching
from bot.app.retention import lapse, retain, tidy
from bot.app.selftest import UNATTENDED, check_chain
from bot.app.wiring import Half, chosen, make_connectors, routes
from bot.cluster import Heart, Recovery
from bot.intake import Intake
from bot.pacing import Pacing
from bot.runs import Runs
from bot.settings import Settings, SettingsError
from bot.store import Store
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
        listener = None if only == "gateway" else stack.enter_context(_listen(settings))
        load_prices(settings)
        store = await stack.enter_async_context(opened_store(settings, stopping.last_s))
        seen = await stack.enter_async_context(watching(settings, stopping.patience_s))
        store.journal.on_written = seen.metrics.written
        heart = await stack.enter_async_context(living(store))
        provider = make_provider(settings)
        stack.push_async_callback(closed, provider.aclose, stopping.patience_s)
        connectors = chosen(make_connectors(settings, store), only)
        for connector in connectors:
            stack.push_async_callback(closed, connector.aclose, stopping.patience_s)
        pacing = Pacing()
        runs = make_runs(settings, provider, store, pacing, seen.watch)
        intake = Intake(store, runs, pacing, intake_options(settings), now_us)
        await asyncio.gather(provider.start(), _check(settings, connectors))
        await check_chain(settings, store, connectors, provider)
        recovery = Recovery(
            store, runs, pacing, connectors, intake, heart, now_us, UNATTENDED, seen.watch,
            reasoning=settings.reasoning,
        )  # fmt: skip
        await _begin(store, connectors, heart, recovery)
        recovering = asyncio.create_task(recovery.serve())
        retaining = asyncio.create_task(retain(store, connectors, settings.token_retention_days))
        parts = [recovering, retaining, asyncio.create_task(count_hours(store))]
        parts += [asyncio.create_task(tidy(connectors)), asyncio.create_task(lapse(store))]
        parts += [asyncio.create_task(intake.serve(connector)) for connector in connectors]
        for part in parts:
            stack.callback(part.cancel)
        health = Health(seen.metrics, store, runs, intake, connectors)
        if listener is None:
            parts.append(asyncio.create_task(health.tell_for_ever()))
            stack.callback(parts[-1].cancel)
        else:
            inspector = make_inspector(settings, store, connectors)
            served = [*health.routes(settings), *inspector.routes(), *routes(connectors)]
            parts.append(_serving(settings, served, listener, stack, stopping))
        gc.freeze()  # what was made so far stays: collections need not look through it again
        ready(_address(settings), [connector.name for connector in connectors])
        with stopping.listening():
            whole = await _until_stopped(stopping, parts)
        recovering.cancel()  # what is not ended then is the next process's
        standing_by = asyncio.create_task(recovery.stand_by())
        stack.callback(standing_by.cancel)
        await _drain(intake, runs, stopping)
        await asyncio.wait({recovering}, timeout=_SETTLE_DEADLINE_S)
    return 0 if whole else 1


async def _begin(
    store: Store, connectors: Sequence[Connector], heart: Heart, recovery: Recovery
) -> None:
    """Tells the other processes what this one serves, and hears it of them: they share budgets."""
    store.leases.serves = tuple(connector.name for connector in connectors)
    await heart.begin()
    await recovery.look_around()


def _serving(
    settings: Settings,
    served: Sequence[BaseRoute],
    listener: socket.socket,
    stack: AsyncExitStack,
    stopping: Stopping,
) -> asyncio.Task[None]:
    """Serves HTTP until the stack is closed."""
    limits = http.limits_for(settings.http_connections, settings.http_connections_per_address)
    proxies = http.Proxies(settings.trusted_proxies)
    server = http.serve(http.build(served), limits, proxies, settings.sign_in_header)
    serving = asyncio.create_task(server.serve([listener]))
    stack.push_async_callback(_stopped, server, serving, stopping)
    return serving


async def _check(settings: Settings, connectors: Sequence[Connector]) -> None:
    """Raises `SettingsError` where a platform refuses the bot; one that is away may come back.

    With OAuth one workspace may have taken the bot out: that is no reason not to start.
    """
    for connector in connectors:
        try:
            async with asyncio.timeout(_PROBE_DEADLINE_S):
                await connector.probe()
        except Lacking as error:
            log.error("connector.lacking", connector=connector.name, error=str(error))
        except Refused as error:
            if not settings.slack_by_oauth:
                raise SettingsError(f"{connector.name} refuses the bot:\n{error}") from error
            log.error("connector.refused", connector=connector.name, error=str(error))
        except (ConnectorError, TimeoutError) as error:
            told = str(error) or type(error).__name__
            log.error("connector.not_reached", connector=connector.name, error=told)
        except Exception:  # the platform said what nobody expected: that is no reason not to start
            log.exception("connector.not_understood", connector=connector.name)


@contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    host, port = settings.bind_host, settings.bind_port
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


def _address(settings: Settings) -> str:
    host = settings.bind_host
    shown = "127.0.0.1" if settings.public else host
    return settings.public_url or f"http://{shown}:{settings.bind_port}"


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
