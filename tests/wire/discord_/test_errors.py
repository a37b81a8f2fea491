"""Every failure of Discord's is one of ours, by one table, and says what mends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from connectors.base import (
    ConnectorError,
    Gone,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
    Unconfirmed,
)
from connectors.discord import api as rest_module
from connectors.discord.api import Rest
from connectors.discord.errors import BANNED_S, TABLE, Limited, code_of, failure, translated
from tests.doubles.discord import DiscordServer, Hang, Limits, Refuse, Reset, Slow, discord_server
from tests.doubles.discord_way import options_for
from tests.doubles.waiting import PATIENCE_S


def said(status: int, code: int = 0, message: str = "", **more: Any) -> discord.HTTPException:
    """What the library raises for an answer."""
    kinds: dict[int, type[discord.HTTPException]] = {403: discord.Forbidden, 404: discord.NotFound}
    kind = kinds.get(status, discord.DiscordServerError if status >= 500 else discord.HTTPException)
    response = SimpleNamespace(status=status, reason="")
    body = {"code": code, "message": message, **more}
    return kind(response, body)  # type: ignore[arg-type]  # it reads no more of it


KINDS = {
    Gone: [(404, 10003), (404, 10008)],
    Refused: [
        (404, 10004),
        (404, 10015),
        (404, 10062),
        (400, 40060),
        (403, 50001),
        (403, 50005),
        (400, 50006),
        (403, 50007),
        (403, 50013),
        (403, 50021),
        (401, 50027),
        (400, 50035),
        (400, 50083),
        (429, 30046),
        (400, 160002),
        (400, 160004),
        (400, 160005),
        (400, 160006),
        (400, 200000),
        (401, 0),
        (403, 0),
        (404, 0),
        (405, 0),
        (418, 999_999),
    ],
    TooLarge: [(413, 40005), (413, 0)],
    RateLimited: [(429, 0), (429, 20028)],
    Unavailable: [(503, 0), (503, 130000)],
    Unconfirmed: [(500, 0), (502, 0), (504, 0), (524, 0), (408, 0)],
}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        pytest.param(kind, *answer, id=f"{answer[0]} {answer[1]}")
        for kind, answers in KINDS.items()
        for answer in answers
    ],
)
def test_what_follows_from_an_answer(kind: type[ConnectorError], status: int, code: int) -> None:
    error = failure("PATCH /x", said(status, code))
    assert type(error) is kind
    assert str(error).endswith(f"(PATCH /x: {status} {code})")
    assert str(error)[0].isupper()


def test_a_field_that_is_too_long_has_to_be_split() -> None:
    errors = {"content": {"_errors": [{"message": "Must be 2000 or fewer in length."}]}}
    error = failure("POST /x", said(400, 50035, "Invalid Form Body", errors=errors))
    assert type(error) is TooLarge


def test_every_cure_is_a_sentence() -> None:
    assert all(cure[0].isupper() and cure.endswith(".") for _, cure in TABLE.values())


def test_a_refusal_that_is_not_in_the_table_is_told_to_the_operator(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        failure("POST /x", said(400, 424_242))
    assert "424242" in caplog.text


@pytest.mark.parametrize(
    "error",
    [TimeoutError(), ConnectionResetError("reset"), aiohttp.ServerDisconnectedError(), OSError()],
)
def test_no_answer_is_worth_another_try(error: Exception) -> None:
    with pytest.raises(Unconfirmed, match="POST /x"), translated("POST /x"):
        raise error


def test_a_wrong_token_names_where_to_get_one() -> None:
    with pytest.raises(Refused, match="DISCORD_TOKEN"), translated("GET /users/@me"):
        raise discord.LoginFailure("Improper token has been passed.")


def test_discords_number_for_an_error_can_be_asked() -> None:
    with pytest.raises(Refused) as caught, translated("POST /x"):
        raise said(403, 50013)
    assert code_of(caught.value) == 50013
    assert code_of(Refused("other")) == 0


def test_a_limit_says_for_how_long() -> None:
    response = SimpleNamespace(status=429, reason="")
    error = Limited(response, {"code": 0, "message": ""})  # type: ignore[arg-type]  # as above
    error.retry_after = 1.25
    limited = failure("POST /x", error)
    assert isinstance(limited, RateLimited)
    assert limited.retry_after == 1.25


# Over the wire.

wire = pytest.mark.real_time


async def post(rest: Rest, server: DiscordServer, text: str = "hello") -> Any:
    """Posts in the server's channel."""
    general = server.people.general.id
    return await rest.call("POST", "/channels/{id}/messages", json={"content": text}, id=general)


@pytest.fixture
async def few() -> AsyncIterator[DiscordServer]:
    """A Discord that takes one call in a channel, and then none for a minute."""
    async with discord_server(limits=Limits(channel_calls=1, channel_seconds=60.0)) as server:
        yield server


@wire
async def test_a_call_beyond_the_rate_ends_at_once_and_tells_how_long(few: DiscordServer) -> None:
    rest = Rest(options_for(few))
    await post(rest, few)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(RateLimited) as caught:
            await post(rest, few)
    assert 50 < caught.value.retry_after <= 60
    await rest.aclose()


@wire
async def test_a_limit_of_the_whole_bot_keeps_it_from_calling(
    server: DiscordServer, rest: Rest
) -> None:
    server.faults.add(Refuse(429, retry_after=30.0, is_global=True), "POST")
    for _ in range(2):
        with pytest.raises(RateLimited):
            await post(rest, server)
    assert [call.method for call in server.record.calls].count("POST") == 1


@wire
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_fault_of_discords_is_told_at_once_and_not_tried_again(
    server: DiscordServer, rest: Rest, status: int
) -> None:
    server.faults.add(Refuse(status, html=True), "POST")
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unavailable):
            await post(rest, server)
    assert [call.method for call in server.record.calls].count("POST") == 1
    assert server.record.shown() == []


@wire
@pytest.mark.parametrize(("told", "waited"), [(None, BANNED_S), (30.0, 30.0)])
async def test_a_page_of_the_proxys_silences_all_calls_for_its_time(
    server: DiscordServer, rest: Rest, told: float | None, waited: float
) -> None:
    server.faults.add(Refuse(429, html=True, retry_after=told), "POST")
    with pytest.raises(RateLimited) as caught:
        await post(rest, server)
    assert caught.value.retry_after == waited
    made = len(server.record.calls)
    calls = [("GET", "/gateway/bot"), ("POST", "/interactions/1/token/callback")]
    for method, path in calls:
        with pytest.raises(RateLimited) as caught:
            await rest.call(method, path)
        assert waited - PATIENCE_S < caught.value.retry_after <= waited
    assert len(server.record.calls) == made
    assert waited - PATIENCE_S < rest.banned_for <= waited


@wire
async def test_a_ban_at_the_first_call_silences_the_next(server: DiscordServer) -> None:
    rest = Rest(options_for(server))
    server.ban(60.0)
    for _ in range(3):
        with pytest.raises(RateLimited):
            await post(rest, server)
    assert len(server.record.calls) == 1
    await rest.aclose()


@wire
async def test_a_limit_of_one_channel_silences_no_other(few: DiscordServer) -> None:
    rest = Rest(options_for(few))
    await post(rest, few)
    with pytest.raises(RateLimited):
        await post(rest, few)
    assert rest.banned_for == 0
    await rest.call("GET", "/gateway/bot")
    await rest.aclose()


@wire
async def test_a_cut_connection_is_no_answer(server: DiscordServer, rest: Rest) -> None:
    server.faults.add(Reset(), "POST")
    with pytest.raises(Unavailable):
        await post(rest, server)


@wire
async def test_an_answer_that_never_comes_is_not_waited_for(
    server: DiscordServer, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rest.me()
    monkeypatch.setattr(rest_module, "_CALL_TIMEOUT_S", 0.1)
    server.faults.add(Hang(), "POST")
    with pytest.raises(Unavailable):
        await post(rest, server)


@wire
async def test_a_wrong_token_is_refused_with_its_cure(server: DiscordServer) -> None:
    rest = Rest(options_for(server, token="wrong"))
    with pytest.raises(Refused, match="DISCORD_TOKEN"):
        await rest.me()
    await rest.aclose()


@wire
async def test_a_look_up_waits_out_a_short_rate_limit(server: DiscordServer, rest: Rest) -> None:
    server.faults.add(Refuse(429, retry_after=0.05), "GET", "/channels/*")
    path = "/channels/{id}/messages"
    assert await rest.look_up(path, id=server.people.general.id) == []


@wire
async def test_a_closed_connection_says_so(server: DiscordServer, rest: Rest) -> None:
    await rest.me()
    await rest.aclose()
    with pytest.raises(Unavailable):
        await post(rest, server)


@wire
async def test_nothing_that_is_said_reaches_the_log(
    server: DiscordServer, rest: Rest, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await post(rest, server, "a secret")
    assert "a secret" not in caplog.text
    assert server.token not in caplog.text


@wire
async def test_calls_made_at_once_log_in_once(server: DiscordServer, rest: Rest) -> None:
    server.faults.add(Slow(0.05), "GET", "/users/@me")
    await asyncio.gather(*(post(rest, server) for _ in range(3)))
    assert [c.path for c in server.record.calls].count("/users/@me") == 1
