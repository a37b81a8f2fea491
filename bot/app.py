"""The only place that names concrete connectors and providers.

Opens the store, the model and the connectors; drains; closes in reverse.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Literal, TextIO

import structlog
from pydantic import SecretStr
from starlette.routing import BaseRoute

from bot import http
from bot.intake import Access, Intake, IntakeOptions
from bot.pacing import Pacing
from bot.runs import Question, RequestOptions, Result, RunOptions, Runs
from bot.settings import Settings, SettingsError
from bot.store import SqlDatabase, Store, StoreUnavailable, open_store, upgrade
from connectors.base import Asked, Connector, MessageRef, Person, Place
from connectors.memory import MemoryConnector
from connectors.terminal import TerminalConnector
from connectors.web import WebConnector
from providers.base import Provider

log = structlog.get_logger(__name__)

Half = Literal["http", "gateway"]

_CLOSE_DEADLINE_S = 5.0
_LAST_WORDS_S = 5.0
_RETENTION_EVERY_S = 3600.0
_DAY_US = 86_400_000_000


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


def make_provider(settings: Settings) -> Provider:
    """The model that the settings name. Imports only what that model needs."""
    name = settings.model_name
    known: dict[str, Any] = {"stall_seconds": settings.stall_seconds}
    if settings.context_tokens is not None:
        known["room"] = settings.context_tokens
    match settings.provider:
        case "local":
            from providers.local import LocalProvider

            return LocalProvider(settings.local_model_path, name=settings.model, **known)
        case "azure":
            from providers.azure import azure_provider

            return azure_provider(
                name,
                endpoint=settings.azure_openai_endpoint or "",
                api_key=revealed(settings.azure_openai_api_key) or "",
                api_version=settings.openai_api_version,
                **known,
            )
        case "compatible":
            from providers.openai import compatible_provider

            return compatible_provider(
                name,
                base_url=settings.openai_base_url or "",
                api_key=revealed(settings.openai_api_key),
                **known,
            )
        case _:
            from providers.openai import OPENAI_URL, openai_provider

            return openai_provider(
                name,
                base_url=settings.openai_base_url or OPENAI_URL,
                api_key=revealed(settings.openai_api_key) or "",
                **known,
            )


def revealed(secret: SecretStr | None) -> str | None:
    """A secret's value, for the one who needs it."""
    return None if secret is None else secret.get_secret_value()


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The store, brought up to date and closed again."""
    await upgrade(settings.database)
    store = open_store(settings.database)
    try:
        yield store
    finally:
        lost = await store.aclose(_CLOSE_DEADLINE_S)
        if lost:
            log.error("store.lost", rows=lost)


def make_runs(settings: Settings, provider: Provider, store: Store, pacing: Pacing) -> Runs:
    """The runs, as the settings want them."""
    request = RequestOptions(
        settings.system_prompt, settings.history_messages, settings.max_answer_tokens
    )
    options = RunOptions(
        request, settings.run_seconds, settings.delivery_seconds, settings.log_text
    )
    return Runs(provider, store, pacing, options, now_us)


def intake_options(settings: Settings) -> IntakeOptions:
    """What the settings say about questions."""
    access = Access(
        allow_people=settings.allow_people,
        block_people=settings.block_people,
        allow_channels=settings.allow_channels,
        block_channels=settings.block_channels,
        allow_workspaces=settings.allow_workspaces,
        block_workspaces=settings.block_workspaces,
    )
    return IntakeOptions(settings.conversation_policy, access, settings.max_question_chars)


def make_connectors(settings: Settings, store: Store) -> list[Connector]:
    """Every connector that the settings have credentials for; the page needs none."""
    return [make_web(settings, store)]


def _about(settings: Settings) -> str:
    if settings.provider != "local":
        return settings.model
    return f"{settings.model_name}, a small demonstration model on this machine"


def make_web(settings: Settings, store: Store) -> WebConnector:
    """The page."""
    if not isinstance(store.database, SqlDatabase):
        raise TypeError("the page keeps its messages in the database")
    return WebConnector(
        store.database.engine,
        about=_about(settings),
        password=revealed(settings.web_password),
        public=settings.public,
        public_url=settings.public_url,
    )


async def ask(settings: Settings, question: str, out: TextIO | None) -> Result:
    """Answers one question at the terminal, which is `out`, or nothing but memory."""
    async with opened_store(settings) as store:
        terminal = TerminalConnector(out)
        return await _one_run(settings, store, terminal, terminal.place, question)


async def probe(settings: Settings, store: Store, question: str) -> Result:
    """Sends a question the whole way: model, handlers, log, and a platform in memory."""
    memory = MemoryConnector("doctor")
    return await _one_run(settings, store, memory, memory.place, question)


async def _one_run(
    settings: Settings, store: Store, connector: Connector, place: Place, question: str
) -> Result:
    asked = Asked(MessageRef(place, "0"), Person("operator"), question)
    provider = make_provider(settings)
    try:
        await provider.start()
        runs = make_runs(settings, provider, store, Pacing())
        return await runs.answer(Question(asked), connector)
    finally:
        await _closed(connector.aclose)
        await _closed(provider.aclose)


@asynccontextmanager
async def connector_for_reading(
    settings: Settings, store: Store, place: Place
) -> AsyncIterator[Connector | None]:
    """The connector that can read messages of a place back; None where it isn't set up."""
    connectors = [TerminalConnector(None), *make_connectors(settings, store)]
    try:
        yield next((c for c in connectors if c.name == place.connector), None)
    finally:
        for connector in connectors:
            await _closed(connector.aclose)


async def serve(settings: Settings, only: Half | None, ready: Callable[[str], None]) -> int:
    """Runs the bot until a signal; calls `ready` with its address once it answers.

    Returns the exit code: 1 where a part of the bot broke down. Raises `SettingsError`,
    `StoreUnavailable` or `ProviderError` where it can't start.
    """
    async with AsyncExitStack() as stack:
        listener = None if only == "gateway" else stack.enter_context(_listen(settings))
        store = await stack.enter_async_context(opened_store(settings))
        provider = make_provider(settings)
        stack.push_async_callback(_closed, provider.aclose)
        connectors = _chosen(make_connectors(settings, store), only)
        for connector in connectors:
            stack.push_async_callback(_closed, connector.aclose)
        pacing = Pacing()
        runs = make_runs(settings, provider, store, pacing)
        intake = Intake(store, runs, pacing, intake_options(settings), now_us)
        await provider.start()
        parts = [asyncio.create_task(_retain(store, settings.token_retention_days))]
        parts += [asyncio.create_task(intake.serve(connector)) for connector in connectors]
        for part in parts:
            stack.callback(part.cancel)
        if listener is not None:
            server = http.serve(http.build(_routes(connectors)))
            serving = asyncio.create_task(server.serve([listener]))
            stack.push_async_callback(_stopped, server, serving)
            parts.append(serving)
        ready(_address(settings))
        whole = await _until_stopped(parts)
        await _drain(intake, runs, settings.shutdown_grace)
    return 0 if whole else 1


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


def _chosen(connectors: list[Connector], only: Half | None) -> list[Connector]:
    if only == "gateway":
        connectors = [connector for connector in connectors if connector.name != "web"]
    if not connectors:
        raise SettingsError("--only gateway needs a platform that is reached by a gateway.")
    return connectors


def _routes(connectors: Sequence[Connector]) -> list[BaseRoute]:
    return [route for c in connectors if isinstance(c, WebConnector) for route in c.routes()]


def _address(settings: Settings) -> str:
    host = settings.bind_host
    shown = "127.0.0.1" if settings.public else host
    return settings.public_url or f"http://{shown}:{settings.bind_port}"


async def _until_stopped(parts: Sequence[asyncio.Task[None]]) -> bool:
    """Waits for a signal, or for a part that ends by itself; False where one broke down.

    A second signal ends the process at once.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            log.error("app.killed")
            os._exit(1)
        log.info("app.stopping")
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    stopped = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({stopped, *parts}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    for part in done - {stopped}:
        log.error("app.part_ended", exc_info=part.exception())
    return stopped in done


async def _drain(intake: Intake, runs: Runs, grace: float) -> None:
    """Takes nothing new; running answers get the grace, the last of it to say that they end."""
    last_words = min(_LAST_WORDS_S, grace / 2)
    intake.close()
    await runs.drain(grace - last_words)
    if not await runs.idle(max(last_words, 1.0)):
        log.error("runs.left", runs=len(runs.active))
    try:
        await asyncio.wait_for(intake.settled(), 1.0)
    except TimeoutError:
        log.error("intake.unsettled")


async def _closed(close: Callable[[], Awaitable[object]]) -> None:
    """Closes one thing, within the deadline, so that the others get their turn."""
    try:
        async with asyncio.timeout(_CLOSE_DEADLINE_S):
            await close()
    except Exception:
        log.exception("app.not_closed", what=getattr(close, "__qualname__", repr(close)))


async def _stopped(server: http.Server, serving: asyncio.Task[None]) -> None:
    server.should_exit = True
    await asyncio.wait({serving}, timeout=_CLOSE_DEADLINE_S)


async def _retain(store: Store, days: int) -> None:
    """Deletes old texts, every hour; for ever."""
    while days:
        try:
            now = now_us()
            deleted = await store.retention.delete_before(now - days * _DAY_US, now_us=now)
            if deleted.runs or deleted.questions:
                log.info("retention.deleted", runs=deleted.runs, tokens=deleted.tokens)
        except StoreUnavailable as error:
            log.error("retention.failed", error=str(error))
        await asyncio.sleep(_RETENTION_EVERY_S)
    await asyncio.Event().wait()
