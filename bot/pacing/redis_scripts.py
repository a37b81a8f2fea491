"""Redis, where budgets are kept for all processes: the script, and who is woken by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis.asyncio
import redis.exceptions
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bot.pacing.shared import RedisAway

log = structlog.get_logger(__name__)

SCRIPT = Path(__file__).with_name("budget.lua").read_text()

_DEADLINE_S = 0.8
"""Seconds that Redis may take for a step, or for a connection."""

_CONNECTIONS = 4

_AGAIN_S = 1.0
"""Seconds after which it is listened again."""


class RedisRefused(Exception):
    """Redis is there, but it can't be used: a wrong password, missing rights, or no Redis."""


class RedisScripts:
    """The way to Redis of one process, whose id is `me`. For one event loop."""

    def __init__(self, url: str, me: str) -> None:
        """Raises `ValueError` for what is no address of Redis."""
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_DEADLINE_S,
            socket_timeout=_DEADLINE_S,
            socket_connect_timeout=_DEADLINE_S,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            redis_connect_func=self._connected,
        )
        self._redis = redis.asyncio.Redis.from_pool(pool)
        self._url = url
        self._script = self._redis.register_script(SCRIPT)
        self._me = me
        self._deployment = ""
        self._run: str | None = None

    async def ping(self, deployment: str) -> None:
        """Whether Redis can be used; its keys are named after the deployment.

        Raises `RedisAway`, or `RedisRefused`.
        """
        self._deployment = deployment
        self._run = await self._safely(self._run_id())

    async def policy(self) -> str:
        """What Redis does when its memory is full. Raises `RedisAway`, `RedisRefused`."""
        told: dict[str, Any] = await self._safely(self._redis.info("memory"))
        return str(told.get("maxmemory_policy", ""))

    async def ask(self, budget: str, epoch: int, told: dict[str, Any]) -> dict[str, Any]:
        """Runs the script once. Raises `RedisAway`."""
        try:
            return await self._asked(budget, epoch, told)
        except RedisRefused as error:
            raise RedisAway(str(error)) from error

    async def _asked(self, budget: str, epoch: int, told: dict[str, Any]) -> dict[str, Any]:
        prefix = f"{{everytoken:{self._deployment}}}:{epoch}"
        keys = [f"{prefix}:registry", f"{prefix}:known", f"{prefix}:budget:{budget}"]
        told = told | {"name": budget, "channel": self._channel("")}
        for sure in (False, True):
            if sure or self._run is None:
                self._run = await self._safely(self._run_id())
            argument = json.dumps(told | {"run": self._run, "sure": sure})
            said: dict[str, Any] = json.loads(
                await self._safely(self._script(keys=keys, args=[argument]))
            )
            if not said.get("stale"):
                return said
        raise RedisAway("it was restarted again")

    async def listen(self, woken: Callable[[str], None]) -> None:
        """Hears, until cancelled, that a slot of a budget is free; without it Redis is asked."""
        while True:
            try:
                client = redis.asyncio.Redis.from_url(
                    self._url, decode_responses=True, socket_connect_timeout=_DEADLINE_S
                )
                async with client, client.pubsub() as channel:
                    await channel.subscribe(self._channel(self._me))
                    async for message in channel.listen():
                        if message["type"] == "message":
                            woken(message["data"])
            except (redis.exceptions.RedisError, OSError) as error:
                log.debug("budgets.not_heard", error=str(error))
            await asyncio.sleep(_AGAIN_S)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._redis.aclose(close_connection_pool=True)

    def _channel(self, process: str) -> str:
        return f"everytoken:{self._deployment}:wake:{process}"

    async def _run_id(self) -> str:
        told: dict[str, Any] = await self._redis.info("server")
        return str(told["run_id"])

    async def _connected(self, connection: Any) -> None:
        """A new connection: perhaps to another server than the last."""
        self._run = None
        await connection.on_connect()

    async def _safely(self, step: Any) -> Any:
        try:
            async with asyncio.timeout(2 * _DEADLINE_S):
                return await step
        except (
            redis.exceptions.AuthenticationError,
            redis.exceptions.NoPermissionError,
            redis.exceptions.InvalidResponse,
        ) as error:
            raise RedisRefused(str(error)) from error
        except (redis.exceptions.RedisError, OSError, TimeoutError) as error:
            raise RedisAway(str(error) or type(error).__name__) from error
