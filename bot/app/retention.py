"""What is kept of people, in the store and by connectors: found, shown, and deleted once it is
old; and the keys in the database that sign what the page's visitors keep.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from bot.app.lifecycle import closed, now_us, opened_store
from bot.app.wiring import make_connectors, make_signing_keys
from bot.identity import Account, Named
from bot.settings import Settings
from bot.store import Rows, Store, StoreUnavailable, scrub
from connectors.base import Connector, StoresFiles, StoresMessages, Unavailable
from connectors.web.signing import FRESH_S, KeyMade, SigningKeys

# What is kept of people, in the store and by connectors that keep something themselves.


log = structlog.get_logger(__name__)

_EVERY_S = 3600.0
_TIDY_S = 300.0
_LAPSE_S = 60.0
_UNNAMED_US = 3_600_000_000 - 300_000_000
"""A file that no question names is gone within an hour, however long the last look was ago."""
_DAY_US = 86_400_000_000


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
    async with _all_that_store(settings) as (store, connectors):
        account = await _find(store, connectors, name)
        rows = dict(await store.people.data(account))
        ids = await store.people.run_ids(account)
        for connector in _of(account, connectors):
            rows[connector.table] = await connector.data_of(account.id, ids)
        return account, rows


async def erase_person(settings: Settings, name: str) -> tuple[Account, Erased]:
    """Deletes all that is kept of a person. Raises `PersonUnknown` and `PersonBusy`."""
    async with _all_that_store(settings) as (store, connectors):
        account = await _find(store, connectors, name)
        if await store.people.unfinished(account, now_us()):
            raise PersonBusy(f"{account} is being answered just now: try again in a moment.")
        return account, await _erase(store, connectors, account)


async def reset_person(settings: Settings, name: str) -> Account:
    """What a person has used counts no more against their limits. Raises `PersonUnknown`."""
    async with _all_that_store(settings) as (store, connectors):
        account = await _find(store, connectors, name)
        await store.usage.reset(account, now_us())
        return account


@asynccontextmanager
async def _all_that_store(
    settings: Settings,
) -> AsyncIterator[tuple[Store, list[StoresMessages]]]:
    """The store, and the connectors that store messages themselves."""
    async with opened_store(settings) as store:
        connectors = make_connectors(settings, store)
        try:
            yield store, [each for each in connectors if isinstance(each, StoresMessages)]
        finally:
            for connector in connectors:
                await closed(connector.aclose)


def _of(account: Account, connectors: Sequence[StoresMessages]) -> list[StoresMessages]:
    """Those on whose platform a person is."""
    return [each for each in connectors if each.name == account.connector]


async def _erase(store: Store, connectors: Sequence[StoresMessages], account: Account) -> Erased:
    gone: Counter[str] = Counter()
    # First: once their runs are gone, the answers to them are nobody's.
    ids = await store.people.run_ids(account)
    for connector in _of(account, connectors):
        gone[connector.table] += await connector.erase(account.id, ids)
    gone += await store.people.erase(account)
    return Erased(gone, await scrub(store.database))


async def _find(store: Store, connectors: Sequence[StoresMessages], name: str) -> Account:
    """The only person who is meant by `connector:realm/id`, or by a part of that."""
    named = Named.of(name)
    found = await store.people.find(named)
    for connector in connectors:
        there = Account(connector.name, connector.realm, named.id)
        if named.may_be(there) and await connector.data_of(named.id, []):
            found.add(there)
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
            if isinstance(connector, StoresFiles):
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
        if isinstance(connector, StoresMessages):
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
        yield make_signing_keys(settings, store)
