"""What is kept of people, in the store and by connectors: found, shown, and deleted once it is
old; and the keys in the database that sign what the page's visitors keep.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import structlog

from bot.app.lifecycle import closed, now_us, opened_store
from bot.app.wiring import make_web
from bot.identity import Account, Named
from bot.settings import Settings
from bot.store import Rows, Store, StoreUnavailable, scrub
from connectors.base import Connector, Unavailable
from connectors.web.signing import FRESH_S, KeyMade, SigningKeys

# What is kept of people, in the store and by connectors that keep something themselves.


log = structlog.get_logger(__name__)

_EVERY_S = 3600.0
_TIDY_S = 300.0
_LAPSE_S = 60.0
_UNNAMED_US = 3_600_000_000 - 300_000_000
"""A file that no question names is gone within an hour, however long the last look was ago."""
_DAY_US = 86_400_000_000


@runtime_checkable
class Keeper(Protocol):
    """A connector that keeps messages in a table of its own. Each call may raise `Unavailable`."""

    name: str
    realm: str
    table: str

    async def delete_before(self, us: int) -> int:
        """Deletes what is from before a time, in microseconds since the epoch; how much."""
        ...

    async def delete_unnamed(self, us: int) -> int:
        """Deletes the files from before a time that nothing names; how many."""
        ...

    async def data_of(self, person_id: str, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """What is kept of a person, to account these runs were answers."""
        ...

    async def erase(self, person_id: str, run_ids: Sequence[UUID]) -> int:
        """Deletes all of that; how much."""
        ...


@dataclass(frozen=True, slots=True)
class Erased:
    """What was deleted of a person, by table."""

    rows: Counter[str]
    scrubbed: bool
    """Whether nothing of it is left in the database's own file."""


class PersonUnknown(Exception):
    """Nobody is known by this name, or several are; the message says which."""


class PersonBusy(Exception):
    """A person's questions are being answered just now."""


async def person_data(settings: Settings, name: str) -> tuple[Account, Rows]:
    """All that is kept of a person, by table. Raises `PersonUnknown`."""
    async with opened_store(settings) as store:
        keeper = make_web(settings, store)
        try:
            account = await _find(store, keeper, name)
            rows = dict(await store.people.data(account))
            if keeper.name == account.connector:
                ids = await store.people.run_ids(account)
                rows[keeper.table] = await keeper.data_of(account.id, ids)
            return account, rows
        finally:
            await closed(keeper.aclose)


async def erase_person(settings: Settings, name: str) -> tuple[Account, Erased]:
    """Deletes all that is kept of a person. Raises `PersonUnknown` and `PersonBusy`."""
    async with opened_store(settings) as store:
        keeper = make_web(settings, store)
        try:
            account = await _find(store, keeper, name)
            if await store.people.unfinished(account, now_us()):
                raise PersonBusy(f"{account} is being answered just now: try again in a moment.")
            return account, await _erase(store, keeper, account)
        finally:
            await closed(keeper.aclose)


async def reset_person(settings: Settings, name: str) -> Account:
    """What a person has used counts no more against their limits. Raises `PersonUnknown`."""
    async with opened_store(settings) as store:
        keeper = make_web(settings, store)
        try:
            account = await _find(store, keeper, name)
            await store.usage.reset(account, now_us())
            return account
        finally:
            await closed(keeper.aclose)


async def _erase(store: Store, keeper: Keeper, account: Account) -> Erased:
    gone: Counter[str] = Counter()
    if keeper.name == account.connector:
        # First: once their runs are gone, the answers to them are nobody's.
        ids = await store.people.run_ids(account)
        gone[keeper.table] = await keeper.erase(account.id, ids)
    gone += await store.people.erase(account)
    return Erased(gone, await scrub(store.database))


async def _find(store: Store, keeper: Keeper, name: str) -> Account:
    """The only person who is meant by `connector:realm/id`, or by a part of that."""
    named = Named.of(name)
    found = await store.people.find(named)
    visitor = Account(keeper.name, keeper.realm, named.id)
    if named.may_be(visitor) and await keeper.data_of(named.id, []):
        found.add(visitor)
    if len(found) > 1:
        names = ", ".join(map(str, sorted(found)))
        raise PersonUnknown(f"Several people can be meant by {name}: name one of {names}.")
    if not found:
        raise PersonUnknown(f"Nothing is kept of {name}. Name a person's id, not their name.")
    return found.pop()


async def retain(store: Store, connectors: Sequence[Connector], days: int) -> None:
    """Every hour, for ever: deletes old texts (0 days: none), and mends older versions' rows."""
    while True:
        try:
            await store.people.fill_realms()
            if days:
                await delete_old(store, connectors, now_us() - days * _DAY_US)
        except (StoreUnavailable, Unavailable) as error:
            log.error("retention.failed", error=str(error))
        await asyncio.sleep(_EVERY_S)


async def tidy(connectors: Sequence[Connector]) -> None:
    """Every few minutes, for ever: deletes files that no question has named for an hour."""
    while True:
        before_us = now_us() - _UNNAMED_US
        for connector in connectors:
            if isinstance(connector, Keeper):
                try:
                    await connector.delete_unnamed(before_us)
                except Unavailable as error:
                    log.error("retention.failed", error=str(error))
        await asyncio.sleep(_TIDY_S)


async def lapse(store: Store) -> None:
    """Every minute, for ever: deletes what platforms let connectors do until now."""
    while True:
        try:
            await store.grants.lapse(now_us())
        except Unavailable as error:
            log.error("retention.failed", error=str(error))
        await asyncio.sleep(_LAPSE_S)


async def delete_old(store: Store, connectors: Sequence[Connector], before_us: int) -> None:
    """Deletes the texts from before a time, in the store and where connectors keep some."""
    deleted = await store.retention.delete_before(before_us, now_us=now_us())
    messages = 0
    for connector in connectors:
        if isinstance(connector, Keeper):
            messages += await connector.delete_before(before_us)
    if deleted.runs or deleted.questions or messages:
        log.info("retention.deleted", runs=deleted.runs, tokens=deleted.tokens, messages=messages)


KEYS_KNOWN_S = FRESH_S
"""Within so many seconds every process that runs knows of a change."""


async def keys_made(settings: Settings) -> list[KeyMade]:
    """The keys by number and age, the newest first. Raises `Unavailable`, as all of these."""
    async with _keys(settings) as keys:
        return await keys.listed()


async def rotate_keys(settings: Settings) -> None:
    """Adds a key, which signs from now on."""
    async with _keys(settings) as keys:
        await keys.rotate()


async def retire_keys(settings: Settings) -> int:
    """Deletes all keys but the newest; how many."""
    async with _keys(settings) as keys:
        return await keys.retire()


@asynccontextmanager
async def _keys(settings: Settings) -> AsyncIterator[SigningKeys]:
    async with opened_store(settings) as store:
        web = make_web(settings, store)
        try:
            yield web.keys
        finally:
            await closed(web.aclose)
