"""What is attached on the page is bounded, and does not stay where nobody asks about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import open_engine
from connectors.base import File, Inflow, MessageRef, Preflight
from connectors.web import FileQuota, WebConnector
from connectors.web.access import PURPOSE, VISITOR_COOKIE
from connectors.web.desk import Desk
from connectors.web.files import FileStore, NoRoom, Upload, web_files
from connectors.web.hub import Hub
from connectors.web.messages import PageMessages, metadata
from connectors.web.protocol import Ask, NotAdmitted
from connectors.web.signing import signed
from connectors.words import Language, Sentence
from tests.doubles.databases import postgres_schema
from tests.doubles.page import ABOUT, SECRET_KEY, Bot, serving
from tests.wire.web.test_access import Answer, call
from tests.wire.web.test_connector import ANN, BEN, HERE

pytestmark = pytest.mark.real_time

TALK = HERE.channel
NOT_YOU = Sentence("told.not_you")
HOUR_US = 3_600_000_000


async def attach(address: str, size: int, person: str = "person-ann") -> Answer:
    """Attaches a file of so many bytes."""
    cookie = f"{VISITOR_COOKIE}={signed(SECRET_KEY, PURPOSE, person)}"
    headers = {"Origin": f"http://{address}", "Cookie": cookie}
    return await call(address, "POST", f"/files/{TALK}?name=a.txt", headers, "x" * size)


async def kept(engine: AsyncEngine) -> list[int]:
    """The sizes of what is kept."""
    async with engine.connect() as connection:
        return list(await connection.scalars(select(web_files.c.size).order_by(web_files.c.size)))


async def test_a_visitor_and_all_together_have_a_quota(engine: AsyncEngine) -> None:
    connector = WebConnector(
        engine, about=ABOUT, secret_keys=(SECRET_KEY,), room=FileQuota(person=100, total=150)
    )
    bot = Bot(connector)
    running = asyncio.create_task(bot.run())
    async with serving(connector) as address:
        assert (await attach(address, 100)).status == 200
        one_more = await attach(address, 1)
        assert (one_more.status, "as much as may be kept of you" in one_more.body) == (403, True)
        assert (await attach(address, 50, "person-ben")).status == 200
        full = await attach(address, 1, "person-eve")
        assert (full.status, "as many files as it has room for" in full.body) == (403, True)
    await running
    assert await kept(engine) == [50, 100]


async def test_many_uploads_at_once_can_not_slip_past_the_quota(engine: AsyncEngine) -> None:
    files = FileStore(engine, FileQuota(person=100, total=1000))
    uploads = [files.add(TALK, ANN.id, Upload("a", "text/plain", b"x" * 40)) for _ in range(5)]
    done = await asyncio.gather(*uploads, return_exceptions=True)
    assert [type(each).__name__ for each in done].count("NoRoom") == 3
    assert await kept(engine) == [40, 40]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database that several processes can have."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'shared.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(postgres_schema())
        yield url


async def test_processes_that_take_files_at_once_keep_the_quotas_together(database: str) -> None:
    """Each with an engine of its own: whoever comes second has counted what the first has kept."""
    engines = [open_engine(database, deadline=20) for _ in range(3)]
    async with engines[0].begin() as connection:
        await connection.run_sync(metadata.create_all)
    processes = [FileStore(engine, FileQuota(person=100, total=250)) for engine in engines]
    people = ["person-ann", "person-ben", "person-eve", "person-joe"]
    taking = [
        files.add(TALK, person, Upload("a", "text/plain", b"x" * 30))
        for _ in range(4)
        for person in people
        for files in processes
    ]
    done = await asyncio.gather(*taking, return_exceptions=True)
    assert {type(each) for each in done} == {File, NoRoom}
    async with engines[0].connect() as connection:
        query = select(web_files.c.person_id, func.count()).group_by(web_files.c.person_id)
        kept_of = {row[0]: row[1] for row in await connection.execute(query)}
    assert sum(kept_of.values()) == sum(isinstance(each, File) for each in done) == 8
    assert max(kept_of.values()) <= 3
    for engine in engines:
        await engine.dispose()


async def test_what_is_kept_is_what_was_attached(database: str) -> None:
    engine = open_engine(database, deadline=20)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    files = FileStore(engine, FileQuota(person=600, total=600))
    content = bytes(range(256)) * 2
    file = await files.add(TALK, ANN.id, Upload("ä'\"%s.bin", "image/png", content))
    assert (file.name, file.media_type, file.size) == ("ä'\"%s.bin", "image/png", 512)
    assert await files.named(TALK, ANN.id, [file.id]) == [file]
    assert await files.content(file.id) == content
    await engine.dispose()


async def test_what_no_message_names_goes_and_what_one_names_stays(
    connector: WebConnector, engine: AsyncEngine
) -> None:
    inflow = Inflow()
    desk = Desk(PageMessages(engine), FileStore(engine, FileQuota()), Hub(), inflow)

    async def bot() -> None:
        async for incoming in inflow.events():
            incoming.accept()

    taking = asyncio.create_task(bot())
    named, alone, fresh = [
        await desk.attach(TALK, ANN, Upload(name, "text/plain", b"x" * size))
        for size, name in enumerate(("named", "alone", "fresh"), 1)
    ]
    await desk.ask(TALK, ANN, Ask("question-1", "This?", (named.id,)))
    async with engine.begin() as connection:
        old = update(web_files).where(web_files.c.id != fresh.id)
        await connection.execute(old.values(at_us=web_files.c.at_us - 2 * HOUR_US))
    async with engine.connect() as connection:
        newest = await connection.scalar(
            select(web_files.c.at_us).where(web_files.c.id == fresh.id)
        )
    assert newest is not None
    assert await connector.delete_unnamed(newest - HOUR_US) == 1
    assert await kept(engine) == [1, 3]
    await desk.delete(TALK, ANN, "question-1")
    assert await connector.delete_unnamed(newest - HOUR_US) == 1, "its question was deleted"
    assert await kept(engine) == [3]
    assert alone.id != named.id
    inflow.close()
    await taking


async def test_nothing_is_kept_of_who_may_not_ask(engine: AsyncEngine) -> None:
    inflow = Inflow()
    desk = Desk(PageMessages(engine), FileStore(engine, FileQuota()), Hub(), inflow)
    attaching = asyncio.create_task(desk.attach(TALK, BEN, Upload("a", "text/plain", b"x")))
    incoming = await anext(inflow.events())
    assert incoming.event == Preflight(HERE, BEN)
    assert incoming.event.message == MessageRef(HERE, "")
    incoming.decline(NOT_YOU.to(Language.ENGLISH))
    with pytest.raises(NotAdmitted) as refused:
        await attaching
    assert refused.value.why == NOT_YOU
    assert await kept(engine) == []
