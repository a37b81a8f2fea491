"""Several processes share one budget exactly, whatever goes away, on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest
import redis

from connectors.base import Budget
from tests.doubles.redis import redis_server
from tests.doubles.sharing import Deployment, Server

SLACK = Budget("shared/T/chat.update", 50, 60.0)


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    with redis_server() as server, redis.Redis.from_url(server.url, decode_responses=True) as made:
        yield made


def deployment(client: redis.Redis | None, seed: int = 1) -> Deployment:
    server = None if client is None else Server(client)
    chance = random.Random(seed)  # noqa: S311 - moments, no secrets
    return Deployment(SLACK, chance, server)


async def test_one_busy_process_of_four_has_nearly_all(client: redis.Redis) -> None:
    for redis_there in (True, False):
        world = deployment(client if redis_there else None)
        for number in range(4):
            await world.start(busy=number == 0, replies=5)
        await asyncio.sleep(300)
        spent = sum(at > 180 for at in world.counted) / 2
        assert world.most() <= 50
        assert spent >= (44 if redis_there else 38)
        await world.aclose()


async def test_an_epoch_that_is_over_stays_so_where_redis_loses_keys(client: redis.Redis) -> None:
    world = deployment(client)
    process = await world.start(replies=2)
    await asyncio.sleep(10)
    assert process.shared.mode == "redis"
    registry = f"{process.shared.epoch}:registry"
    client.hset(registry, "lapsed", "1")
    client.delete(f"{process.shared.epoch}:known")
    process.line.cut = True
    await asyncio.sleep(3)
    assert process.shared.lapsed
    await world.aclose()
