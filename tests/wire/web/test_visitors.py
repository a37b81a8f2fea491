"""Nobody becomes another visitor of the page by a cookie of their own making."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.asyncio.client import connect

from connectors.base import Asked, Unavailable
from connectors.web import WebConnector
from connectors.web.access import PURPOSE, REALM, VISITOR_COOKIE
from connectors.web.messages import metadata
from connectors.web.signing import FRESH_S, SigningKeys, signed, web_keys
from tests.doubles.page import ABOUT, SECRET_KEY, Bot, serving
from tests.wire.web.test_access import call
from tests.wire.web.test_socket import Visitor

pytestmark = pytest.mark.real_time

ADMIN = "U024BE7LH"
OTHER_KEY = "another key, which has as many characters as are asked for"
FORGED = {
    "an admin's id on another platform": ADMIN,
    "an unsigned id, as older versions gave": "abcdefghijklmnopqrstuv",
    "a signature of nobody's": f"{ADMIN}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "a signature by another key": signed(OTHER_KEY, PURPOSE, ADMIN),
    "a signature for another purpose": signed(SECRET_KEY, "session", ADMIN),
    "another visitor's signature": ADMIN + signed(SECRET_KEY, PURPOSE, "person-ann")[10:],
    "an id that is none, rightly signed": signed(SECRET_KEY, PURPOSE, "no id"),
    "nothing": "",
}


async def asker_with(address: str, bot: Bot, cookie: str) -> tuple[Asked, SimpleCookie]:
    """Who asks, for the bot, where a browser sends this cookie; and the cookie it gets."""
    headers = {"Cookie": f"{VISITOR_COOKIE}={cookie}"}
    url, origin = f"ws://{address}/ws", f"http://{address}"
    async with connect(url, origin=origin, additional_headers=headers, proxy=None) as connection:  # type: ignore[arg-type]  # Origin is a NewType of str
        assert connection.response is not None
        given: SimpleCookie = SimpleCookie(connection.response.headers.get("set-cookie", ""))
        visitor = Visitor(connection)
        await visitor.open()
        await visitor.say(type="ask", id="question-1", text="Why?")
        return await bot.next(Asked), given


@pytest.mark.parametrize("cookie", FORGED.values(), ids=FORGED)
async def test_a_forged_or_old_cookie_makes_a_new_visitor(
    address: str, bot: Bot, cookie: str
) -> None:
    asked, given = await asker_with(address, bot, cookie)
    assert asked.person.id not in {ADMIN, "person-ann", "no id", cookie}
    assert given[VISITOR_COOKIE].value == signed(SECRET_KEY, PURPOSE, asked.person.id)
    assert given[VISITOR_COOKIE]["httponly"]
    page = await call(address, "GET", "/", {"Cookie": f"{VISITOR_COOKIE}={cookie}"})
    assert page.cookies[VISITOR_COOKIE].value.partition(".")[0] != ADMIN


async def test_who_has_a_cookie_of_ours_is_known_again(address: str, bot: Bot) -> None:
    cookie = (await call(address, "GET", "/")).cookies[VISITOR_COOKIE].value
    asked, given = await asker_with(address, bot, cookie)
    assert asked.person.id == cookie.partition(".")[0]
    assert asked.person.realm == REALM
    assert not given


async def test_nothing_is_uploaded_by_who_has_no_cookie_of_ours(address: str) -> None:
    headers = {"Origin": f"http://{address}", "Cookie": f"{VISITOR_COOKIE}={ADMIN}"}
    path = "/files/conversation-1?name=a.txt"
    assert (await call(address, "POST", path, headers, "text")).status == 400


@pytest.fixture
async def keys(engine: AsyncEngine) -> SigningKeys:
    """The keys of a process that has none of its own."""
    return SigningKeys(engine)


async def test_processes_that_start_at_once_share_the_key_that_they_make(
    engine: AsyncEngine,
) -> None:
    several = [SigningKeys(engine) for _ in range(5)]
    cookies = await asyncio.gather(*(each.sign("visitor", "ann") for each in several))
    assert len(set(cookies)) == 1
    for each in several:
        assert await each.verified("visitor", cookies[0]) == "ann"


async def test_a_key_outlives_the_process(engine: AsyncEngine, keys: SigningKeys) -> None:
    cookie = await keys.sign("visitor", "ann")
    assert await SigningKeys(engine).verified("visitor", cookie) == "ann"


async def test_a_new_key_signs_and_the_old_one_still_verifies(keys: SigningKeys) -> None:
    old = await keys.sign("visitor", "ann")
    await keys.rotate()
    new = await keys.sign("visitor", "ann")
    assert new != old
    assert [await keys.verified("visitor", each) for each in (old, new)] == ["ann", "ann"]


async def test_a_key_that_another_process_added_is_found_without_a_restart(
    engine: AsyncEngine,
) -> None:
    now = 100.0
    keys = SigningKeys(engine, clock=lambda: now)
    await keys.sign("visitor", "ann")
    other = SigningKeys(engine)
    await other.rotate()
    cookie = await other.sign("visitor", "ben")
    assert await keys.verified("visitor", cookie) is None, "it looks every few seconds only"
    now += 10
    assert await keys.verified("visitor", cookie) == "ben"


async def test_a_rotated_key_signs_in_every_process_within_a_minute(engine: AsyncEngine) -> None:
    now = 100.0
    keys, other = SigningKeys(engine, clock=lambda: now), SigningKeys(engine)
    old = await keys.sign("visitor", "ann")
    await other.rotate()
    assert await keys.sign("visitor", "ann") == old, "the keys are not read for each request"
    now += FRESH_S
    new = await keys.sign("visitor", "ann")
    assert new == await other.sign("visitor", "ann") != old
    assert [await keys.verified("visitor", each) for each in (old, new)] == ["ann", "ann"]


async def test_what_retired_keys_signed_counts_nowhere_after_a_minute(engine: AsyncEngine) -> None:
    now = 100.0
    keys, other = SigningKeys(engine, clock=lambda: now), SigningKeys(engine)
    old = await keys.sign("visitor", "ann")
    await other.rotate()
    await other.rotate()
    new = await other.sign("visitor", "ann")
    assert await other.retire() == 2
    assert await other.verified("visitor", old) is None
    assert [each.number for each in await other.listed()] == [3]
    now += FRESH_S
    assert [await keys.verified("visitor", each) for each in (old, new)] == [None, "ann"]
    assert await other.retire() == 0, "the newest is never retired"
    assert await keys.verified("visitor", new) == "ann"


async def test_two_who_rotate_at_once_leave_one_key_to_sign(engine: AsyncEngine) -> None:
    several = [SigningKeys(engine) for _ in range(5)]
    await several[0].sign("visitor", "ann")
    await asyncio.gather(*(each.rotate() for each in several))
    assert len(await several[0].listed()) >= 2
    signers = {await SigningKeys(engine).sign("visitor", "ann") for _ in several}
    assert len(signers) == 1


async def test_keys_that_can_t_be_read_again_for_now_go_on_to_count(engine: AsyncEngine) -> None:
    now = 100.0
    keys = SigningKeys(engine, clock=lambda: now)
    cookie = await keys.sign("visitor", "ann")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
    now += 10 * FRESH_S
    assert await keys.verified("visitor", cookie) == "ann"


async def test_a_visitor_of_an_older_key_keeps_the_id_and_gets_it_signed_anew(
    engine: AsyncEngine,
) -> None:
    """By the page and by the socket, which may be all that an open page ever asks for."""
    connector = WebConnector(engine, about=ABOUT)
    async with serving(connector) as address:
        old = (await call(address, "GET", "/")).cookies[VISITOR_COOKIE].value
        kept = {"Cookie": f"{VISITOR_COOKIE}={old}"}
        assert not (await call(address, "GET", "/", kept)).cookies, "nothing has changed"
        await connector.keys.rotate()
        new = (await call(address, "GET", "/", kept)).cookies[VISITOR_COOKIE].value
        assert new != old
        assert new.partition(".")[0] == old.partition(".")[0]
        url, origin = f"ws://{address}/ws", {"Origin": f"http://{address}"}
        async with connect(url, additional_headers=kept | origin, proxy=None) as connection:
            assert connection.response is not None
            assert new in connection.response.headers["set-cookie"]
        await connector.keys.retire()
        stranger = (await call(address, "GET", "/", kept)).cookies[VISITOR_COOKIE].value
        assert stranger.partition(".")[0] != old.partition(".")[0]
        assert not (await call(address, "GET", "/", {"Cookie": f"{VISITOR_COOKIE}={new}"})).cookies


async def test_a_key_that_is_gone_signs_nothing_any_more(
    engine: AsyncEngine, keys: SigningKeys
) -> None:
    cookie = await keys.sign("visitor", "ann")
    async with engine.begin() as connection:
        await connection.execute(delete(web_keys))
    assert await SigningKeys(engine).verified("visitor", cookie) is None


async def test_of_configured_keys_the_first_signs_and_all_verify(engine: AsyncEngine) -> None:
    before = SigningKeys(engine, (SECRET_KEY,))
    after = SigningKeys(engine, (OTHER_KEY, SECRET_KEY))
    cookie = await before.sign("visitor", "ann")
    assert await after.verified("visitor", cookie) == "ann"
    assert await before.verified("visitor", await after.sign("visitor", "ann")) is None
    from_database = await SigningKeys(engine).sign("visitor", "ann")
    assert await after.verified("visitor", from_database) is None


@given(value=st.text(), cut=st.integers(0, 80), put=st.text(max_size=3))
def test_no_change_of_a_signed_value_verifies(value: str, cut: int, put: str) -> None:
    keys = SigningKeys(None, (SECRET_KEY,))  # type: ignore[arg-type]  # it needs no database
    whole = signed(SECRET_KEY, "visitor", value)
    changed = whole[:cut] + put + whole[cut + 1 :]
    with asyncio.Runner() as runner:
        if value:
            assert runner.run(keys.verified("visitor", whole)) == value
        if changed != whole:
            assert runner.run(keys.verified("visitor", changed)) is None


@pytest.fixture
async def away(engine: AsyncEngine) -> AsyncIterator[str]:
    """The address of a page whose database has no tables."""
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
    async with serving(WebConnector(engine, about=ABOUT)) as address:
        yield address


async def test_without_a_database_nobody_s_cookie_is_replaced(
    engine: AsyncEngine, away: str
) -> None:
    with pytest.raises(Unavailable):
        await SigningKeys(engine).sign("visitor", "ann")
    headers = {"Cookie": f"{VISITOR_COOKIE}={ADMIN}.x", "Origin": f"http://{away}"}
    page = await call(away, "GET", "/", headers)
    assert page.status == 200
    assert not page.cookies
    assert (await call(away, "POST", "/files/conversation-1", headers, "x")).status == 503
    async with connect(f"ws://{away}/ws", additional_headers=headers, proxy=None) as connection:
        await asyncio.wait_for(connection.wait_closed(), 10)
        assert connection.close_code == 1013
