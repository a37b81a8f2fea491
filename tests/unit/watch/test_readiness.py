"""Readiness: what is missing is named, and who asks often costs nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from bot.app.monitoring import LATE_ROWS_S, LATE_TEXT_S, Health
from bot.settings import Settings, revealed
from bot.store import StoreUnavailable
from bot.telemetry import Metrics, MetricsAccess, Readiness
from bot.telemetry.routes import DEADLINE_S, FRESH_S
from connectors.base import Unavailable
from connectors.memory import MemoryConnector
from providers.scripted import Finish, Pause
from tests.doubles.way import Way, a_way


async def _well() -> None:
    return None


async def test_a_check_that_hangs_or_breaks_is_a_check_that_failed() -> None:
    async def hang() -> None:
        await asyncio.sleep(3600)

    async def broken() -> None:
        raise ValueError("secret")

    readiness = Readiness({"a": _well, "b": hang, "c": broken})
    found = await readiness.look()
    assert found == {"a": None, "b": "no answer within 2 s", "c": "ValueError"}
    assert asyncio.get_running_loop().time() == DEADLINE_S


async def test_however_many_ask_each_check_is_made_once_in_a_while() -> None:
    calls = 0

    async def count() -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.5)

    readiness = Readiness({"a": count})
    await asyncio.gather(*(readiness.look() for _ in range(50)))
    assert calls == 1
    await asyncio.sleep(FRESH_S + 1)
    await readiness.look()
    assert calls == 2


def health_of(way: Way, metrics: Metrics | None = None) -> Health:
    return Health(metrics or Metrics(""), way.store, way.runs, way.intake, [way.connector])


async def _missing(health: Health) -> dict[str, str]:
    await asyncio.sleep(FRESH_S + 0.1)
    return dict(Readiness.missing(await health.readiness.look()))


async def test_a_bot_that_is_well_is_ready() -> None:
    async with a_way() as way:
        assert await _missing(health_of(way)) == {}


async def test_a_database_that_is_away_is_named(monkeypatch: Any) -> None:
    async with a_way() as way:
        health = health_of(way)

        async def away(_work: Any) -> None:
            raise StoreUnavailable("the database can't be reached")

        with monkeypatch.context() as patch:
            patch.setattr(way.store.database, "read", away)
            assert await _missing(health) == {"database": "the database can't be reached"}
        assert await _missing(health) == {}


async def test_rows_that_wait_for_long_are_named(monkeypatch: Any) -> None:
    """Also where the database answers: it may take reads and no writes."""
    async with a_way([Pause(LATE_ROWS_S + 5), "One", Finish()]) as way:
        health, run = health_of(way), way.store.database.run

        async def full(_work: Any) -> Any:
            raise StoreUnavailable("full")

        with monkeypatch.context() as patch:
            patch.setattr(way.store.database, "run", full)
            patch.setattr(way.store.database, "read", run)
            answer = asyncio.create_task(way.answer())
            await asyncio.sleep(LATE_ROWS_S + 1)
            (told,) = (await _missing(health)).values()
        assert "rows wait to be written, the oldest for 1" in told
        await answer
        assert await _missing(health) == {}


async def test_text_that_waits_for_long_is_named() -> None:
    connector = MemoryConnector()
    post = connector.post

    async def slow(*given: Any) -> Any:
        await asyncio.sleep(50)
        if asyncio.get_running_loop().time() < LATE_TEXT_S + 30:
            raise Unavailable("away")
        return await post(*given)

    connector.post = slow  # type: ignore[method-assign, assignment]
    async with a_way(["One", Finish()], connector=connector) as way:
        metrics = Metrics("")
        health, answer = health_of(way, metrics), asyncio.create_task(way.answer())
        await asyncio.sleep(LATE_TEXT_S - 20)
        assert await _missing(health) == {}
        await asyncio.sleep(25)
        (told,) = (await _missing(health)).values()
        assert told.startswith("text waits to be shown for 12")
        waits = metrics.registry.get_sample_value("everytoken_unshown_seconds")
        assert waits is not None
        assert waits > LATE_TEXT_S
        await answer
        assert await _missing(health) == {}


async def test_a_connector_that_lost_its_connection_is_named() -> None:
    class Lost(MemoryConnector):
        connected = False

    async with a_way(connector=Lost()) as way:
        metrics = Metrics("")
        health = health_of(way, metrics)
        assert await _missing(health) == {"memory": "not connected"}
        told = {"connector": "memory"}
        assert metrics.registry.get_sample_value("everytoken_connected", told) == 0
        Lost.connected = True
        assert await _missing(health) == {}
        assert metrics.registry.get_sample_value("everytoken_connected", told) == 1


async def test_a_bot_that_is_being_stopped_is_not_ready() -> None:
    async with a_way() as way:
        way.intake.close()
        assert await _missing(health_of(way)) == {"stopping": "the bot takes no new questions"}


# Who may read what.


def request(path: str = "/metrics", **headers: str) -> Request:
    given = {"host": "127.0.0.1:8080", **{k.replace("_", "-"): v for k, v in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return Request(
        {"type": "http", "method": "GET", "path": path, "headers": raw, "query_string": b""}
    )


def test_with_a_token_only_who_sends_it_may_read() -> None:
    for public in (True, False):
        access = MetricsAccess("s3cret", public)
        assert access.granted(request(authorization="Bearer s3cret"))
        for wrong in ("", "Bearer", "Bearer ", "Bearer wrong", "Basic s3cret", "s3cret"):
            assert not access.granted(request(authorization=wrong))
        assert access.refusal().status_code == 401


def test_without_a_token_only_this_machine_may_read() -> None:
    assert MetricsAccess(None, public=False).granted(request())
    assert not MetricsAccess(None, public=True).granted(request())
    assert MetricsAccess(None, public=True).refusal().status_code == 403


def test_what_comes_by_a_proxy_or_another_name_is_not_from_this_machine() -> None:
    access = MetricsAccess(None, public=False)
    assert not access.granted(request(x_forwarded_for="203.0.113.9"))
    assert not access.granted(request(forwarded="for=203.0.113.9"))
    assert not access.granted(request(host="evil.example"))
    assert not access.granted(request(host="[::1"))
    assert access.granted(request(host="[::1]:8080"))


async def served(health: Health, settings: Settings, asked: Request) -> tuple[int, str]:
    """What the app answers."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    access = MetricsAccess(revealed(settings.metrics_token), settings.public)
    await Starlette(routes=health.routes(access))(asked.scope, receive, send)
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:]).decode()


async def test_strangers_hear_only_whether_the_bot_is_ready(monkeypatch: Any) -> None:
    monkeypatch.setenv("PORT", "80")
    settings = Settings(_env_file=None)
    async with a_way() as way:
        health = health_of(way)
        assert await served(health, settings, request("/readyz")) == (200, '{"ready":true}')
        way.intake.close()
        await asyncio.sleep(FRESH_S + 0.1)
        assert await served(health, settings, request("/readyz")) == (503, '{"ready":false}')
        status, told = await served(health, settings, request())
        assert status == 403
        assert "METRICS_TOKEN" in told


async def test_the_operator_hears_what_is_missing(monkeypatch: Any) -> None:
    monkeypatch.setenv("PORT", "80")
    monkeypatch.setenv("METRICS_TOKEN", "s3cret")
    settings = Settings(_env_file=None)
    async with a_way() as way:
        health = health_of(way)
        way.intake.close()
        right = {"authorization": "Bearer s3cret"}
        status, told = await served(health, settings, request("/readyz", **right))
        assert (status, '"stopping":"the bot takes no new questions"' in told) == (503, True)
        status, told = await served(health, settings, request(**right))
        assert status == 200
        assert "everytoken_open_runs 0.0" in told
