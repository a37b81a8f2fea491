"""How this process shares its work with others: on PostgreSQL, with Redis where the settings say.

On SQLite nothing of it is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from bot.app.lifecycle import now_us
from bot.cluster import BudgetKeeper, Cluster, Wakes
from bot.pacing import RedisAway, SharedBudgets
from bot.settings import Settings, SettingsError, revealed
from bot.store import BudgetRows
from bot.telemetry import Metrics
from connectors.base import Connector, SignsIn

if TYPE_CHECKING:
    from bot.pacing.redis_scripts import RedisScripts

log = structlog.get_logger(__name__)

_MODES = ("alone", "parts", "redis")


class Sharing:
    """What goes on beside the others of a deployment."""

    def __init__(self, shared: SharedBudgets, cluster: Cluster, redis: RedisScripts | None) -> None:
        self.shared = shared
        self._cluster = cluster
        self._redis = redis

    async def begin(self) -> None:
        """Before this process serves. Raises `SettingsError` where Redis refuses it."""
        if self._cluster.budgets is None or self._redis is None:
            return
        from bot.pacing.redis_scripts import RedisRefused

        try:
            await self._cluster.budgets.begin()
        except RedisRefused as error:
            raise SettingsError(f"REDIS_URL: Redis refuses the bot: {error}") from error

    def parts(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on until the bot is stopped."""
        works: list[Coroutine[Any, Any, None]] = []
        if self._cluster.budgets is not None:
            works.append(self._cluster.budgets.serve())
        if self._cluster.wakes is not None:
            works.append(self._cluster.wakes.listen())
        if self._redis is not None:
            works.append(self._redis.listen(self.shared.woken))
        return works

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._redis is not None:
            await self._redis.aclose()


def make_sharing(
    settings: Settings, cluster: Cluster, connectors: Sequence[Connector], metrics: Metrics
) -> Sharing | None:
    """What this process shares; None on SQLite. Raises `SettingsError`."""
    if not settings.on_postgresql:
        return None
    me, database = cluster.me, cluster.store.database
    # The page's pace is for its readers: nobody counts its calls.
    platforms = [each.name for each in connectors if not isinstance(each, SignsIn)]
    redis = make_redis(settings, me)
    shared = SharedBudgets(me, platforms, redis, metrics)
    cluster.wakes = Wakes(revealed(settings.database_direct_url) or settings.database, database, me)
    cluster.budgets = BudgetKeeper(
        BudgetRows(database, me), shared, cluster.heartbeat, now_us, redis, cluster.wakes.call
    )
    metrics.gauge(
        "budget_mode",
        "How budgets are shared: 0 alone, 1 in parts, 2 by Redis",
        lambda: float(_MODES.index(shared.mode)),
    )
    return Sharing(shared, cluster, redis)


def make_redis(settings: Settings, me: str) -> RedisScripts | None:
    """The way to Redis, if there is to be one: its library is imported only then."""
    url = revealed(settings.redis_url)
    if url is None:
        return None
    from bot.pacing.redis_scripts import RedisScripts

    try:
        return RedisScripts(url, me)
    except ValueError as error:
        raise SettingsError(f"REDIS_URL can't be used: {error}") from None


async def redis_fault(settings: Settings, cluster: Cluster) -> str | None:
    """Why Redis can't be used as it has to be; None where it can. Raises `StoreUnavailable`."""
    redis = make_redis(settings, cluster.me)
    if redis is None:
        return None
    from bot.pacing.redis_scripts import RedisRefused

    try:
        mode = await BudgetRows(cluster.store.database, cluster.me).mode()
        await redis.ping(mode.deployment)
        policy = await redis.policy()
        await asyncio.shield(redis.aclose())
    except (RedisAway, RedisRefused) as error:
        return str(error)
    return None if policy in ("", "noeviction") else f"maxmemory-policy is {policy}"
