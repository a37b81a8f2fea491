"""Metrics, readiness and traces of a serving bot, and the inspector behind the page's login."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import select
from starlette.requests import Request
from starlette.routing import BaseRoute

from bot.app.lifecycle import closed, now_us, unhurried
from bot.identity import Account
from bot.inspector import Sight
from bot.intake import Intake
from bot.runs import Runs
from bot.store import Store, StoreUnavailable
from bot.telemetry import Metrics, MetricsAccess, Readiness, Watch, routes, watch_loop
from bot.telemetry.routes import Check
from connectors.base import Connected, Connector, Gate, Linked, MessageRef, Unavailable

# What is watched: metrics and readiness always, traces where the settings ask for them.


log = structlog.get_logger(__name__)

LATE_ROWS_S = 10.0
"""Rows that wait longer than this to be written say that the database doesn't keep up."""
LATE_TEXT_S = 120.0
"""Text that waits longer than this to be shown says that delivery doesn't keep up. With fifty
answers on one Slack workspace each has its turn every 71 s."""
TELL_EVERY_S = 60.0
"""So often a process without a port says in its log how it is."""


class Tracer(Watch, Protocol):
    """A watcher that sends what is left when it is closed."""

    async def aclose(self) -> None:
        """Sends it."""
        ...


@asynccontextmanager
async def watching(
    metrics: Metrics, tracer: Tracer | None, patience_s: Callable[[], float] = unhurried
) -> AsyncIterator[None]:
    """Measures the event loop, as long as this lasts; at its end the last traces are sent."""
    turning = asyncio.create_task(watch_loop(metrics.late), name="loop")
    try:
        yield
    finally:
        turning.cancel()
        if tracer is not None:
            await closed(tracer.aclose, patience_s)


def bot_version() -> str:
    """The installed version, or that of the folder that the bot runs from."""
    try:
        return version("everytoken")
    except PackageNotFoundError:
        project = Path(__file__).parents[2] / "pyproject.toml"
        if not project.exists():
            return "unknown"
        return str(tomllib.loads(project.read_text())["project"]["version"])


class Health:
    """How the bot is, for those who ask: the parts of it that have a state."""

    def __init__(
        self,
        metrics: Metrics,
        store: Store,
        runs: Runs,
        intake: Intake,
        connectors: Sequence[Connector],
    ) -> None:
        self._metrics = metrics
        self._store = store
        self._runs = runs
        self._intake = intake
        checks: dict[str, Check] = {
            "database": lambda: _database(store),
            "delivery": lambda: _delivery(runs),
            "stopping": lambda: _stopping(intake),
        }
        for connector in connectors:
            checks[connector.name] = _connection(connector)
            metrics.connector(connector.name, lambda c=connector: _connected(c))  # type: ignore[misc]
        self.readiness = Readiness(checks)
        self._show()

    def routes(self, access: MetricsAccess) -> list[BaseRoute]:
        """`/metrics` and `/readyz`, for those who may read them."""
        return routes(self.readiness, self._metrics, access)

    async def tell_for_ever(self) -> None:
        """Says each minute how the process is: for one that has no port to ask at."""
        while True:
            missing = self.readiness.missing(await self.readiness.look())
            log.info(
                "app.state",
                ready=not missing,
                missing=missing,
                open_runs=len(self._runs.active),
                waiting_questions=self._intake.waiting,
                journal_rows=self._store.journal.pending,
            )
            await asyncio.sleep(TELL_EVERY_S)

    def _show(self) -> None:
        runs, intake, journal = self._runs, self._intake, self._store.journal
        show = self._metrics.gauge
        show("open_runs", "Runs under way", lambda: len(runs.active))
        show("waiting_questions", "Questions that wait for their turn", lambda: intake.waiting)
        show("unshown_seconds", "How long the oldest unshown text waits", lambda: _unshown(runs))
        show("journal_rows", "Rows that are not durable yet", lambda: journal.pending)
        show("journal_seconds", "How long the oldest of them waits", lambda: journal.waits_s)


async def _database(store: Store) -> str | None:
    waited = store.journal.waits_s
    if waited > LATE_ROWS_S:
        return f"{store.journal.pending} rows wait to be written, the oldest for {waited:.0f} s"
    try:
        await store.database.read(lambda connection: connection.execute(select(1)))
    except StoreUnavailable as error:
        return str(error)
    return None


async def _delivery(runs: Runs) -> str | None:
    waited = _unshown(runs)
    return f"text waits to be shown for {waited:.0f} s" if waited > LATE_TEXT_S else None


async def _stopping(intake: Intake) -> str | None:
    return "the bot takes no new questions" if intake.closed else None


def _connection(connector: Connector) -> Check:
    async def check() -> str | None:
        return None if _connected(connector) else "not connected"

    return check


def _connected(connector: Connector) -> bool:
    """One that can't say is reached by HTTP: it is there when the bot is."""
    return not isinstance(connector, Connected) or connector.connected


def _unshown(runs: Runs) -> float:
    """For how many seconds the oldest text waits that is generated and not shown."""
    waiting = [r.reply.behind_since for r in runs.active if r.reply.behind_since is not None]
    return asyncio.get_running_loop().time() - min(waiting) if waiting else 0.0


_COUNT_EVERY_S = 600.0
_READ_US = 30 * 86_400_000_000


class PageDoor:
    """Lets people into the inspector who have signed in to a connector's page."""

    def __init__(self, gate: Gate, connector: str = "") -> None:
        """`connector` is the name of the one that people sign in to."""
        self._gate = gate
        self._connector = connector
        self.middleware = gate.middleware
        self.asks = gate.asks
        self.way_in = gate.way_in

    async def sight(self, request: Request) -> Sight | None:
        """Who looks, and whose runs they may see. Raises `StoreUnavailable`."""
        try:
            viewer = await self._gate.viewer(request)
        except Unavailable as error:
            raise StoreUnavailable(str(error)) from error
        if viewer is None or viewer.own is None:
            return None if viewer is None else Sight(viewer.name)
        return Sight(viewer.name, Account(self._connector, viewer.own.realm, viewer.own.id))


def links(connectors: Sequence[Connector]) -> Callable[[MessageRef], str | None]:
    """Finds where a message can be seen, on the connectors that know; None elsewhere."""
    linked = {c.name: c for c in connectors if isinstance(c, Linked)}

    def link(ref: MessageRef) -> str | None:
        connector = linked.get(ref.place.connector)
        return None if connector is None else connector.link(ref)

    return link


async def count_hours(store: Store) -> None:
    """Counts the hours that are over, and has them at hand for the overview; for ever."""
    while True:
        try:
            await store.hours.count(now_us())
            await store.hours.read(now_us() - _READ_US, now_us())
        except StoreUnavailable as error:
            log.error("hours.not_counted", error=str(error))
        await asyncio.sleep(_COUNT_EVERY_S)
