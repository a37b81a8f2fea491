"""Signs what a browser keeps for us, so that nobody can make it up.

The keys come from the operator, or are made once and kept in the database; all processes of a
deployment share them. The first key signs and all of them verify, so that keys can be changed
without sending anybody away: who comes back gets what they keep signed by the first key, and once
most have, the others can be retired.
"""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Integer, Table, Text, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import Unavailable
from connectors.tables import reachable
from connectors.web.messages import metadata

web_keys = Table(
    "web_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
)

_LOOK_AGAIN_S = 5.0
"""How often, at most, keys are read again for the sake of a signature that none of them made."""
FRESH_S = 60.0
"""After this long keys are read again: another process may have added one, or retired some."""


def signed(key: str, purpose: str, value: str) -> str:
    """The value with its signature by one key: `value.signature`."""
    what = f"{purpose}\0{value}".encode("utf-8", "replace")
    signature = urlsafe_b64encode(hmac.digest(key.encode(), what, "sha256"))
    return f"{value}.{signature.decode().rstrip('=')}"


@dataclass(frozen=True, slots=True)
class KeyMade:
    """A key in the database, by its number, and when it was made (microseconds, epoch)."""

    number: int
    made_us: int


class SigningKeys:
    """The deployment's keys. `configured` ones, where there are any, are the only ones.

    A signature holds for one `purpose`: a visitor's id is no session. Every method raises
    `Unavailable` where the keys are in the database and that does not answer.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        configured: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._configured = bool(configured)
        self._keys = tuple(configured)
        self._clock = clock
        self._read_at = 0.0

    async def sign(self, purpose: str, value: str) -> str:
        """The value with its signature: `value.signature`, fit for a cookie if the value is."""
        await self._refresh()
        return signed(self._keys[0], purpose, value)

    async def renewed(self, purpose: str, cookie: str) -> str:
        """A verified cookie, signed by the first key; empty where that has signed it already."""
        again = await self.sign(purpose, cookie.rpartition(".")[0])
        same = hmac.compare_digest(_bytes(again), _bytes(cookie))
        return "" if same else again

    async def verified(self, purpose: str, cookie: str) -> str | None:
        """The value that was signed for this purpose; None where none of our keys did it."""
        value, _, _ = cookie.rpartition(".")
        if not value:
            return None
        await self._refresh()
        if self._made(purpose, value, cookie):
            return value
        # Another process may have added a key since.
        if self._configured or self._clock() < self._read_at + _LOOK_AGAIN_S:
            return None
        await self._load()
        return value if self._made(purpose, value, cookie) else None

    async def all(self) -> Sequence[str]:
        """Every key, the newest first: other secrets of the deployment are derived from them."""
        if not self._keys:
            await self._load()
        return self._keys

    async def rotate(self) -> None:
        """Adds a key to the database, which signs from now on; the older ones still verify.

        Other processes sign with it within `FRESH_S`.
        """
        with reachable():
            async with self._engine.connect() as connection:
                newest = await connection.scalar(select(func.max(web_keys.c.id))) or 0
            await self._add(newest + 1)
        await self._load()

    async def retire(self) -> int:
        """Deletes all keys from the database but the newest; how many.

        Within `FRESH_S` no process takes what they signed any more.
        """
        newest = select(func.max(web_keys.c.id)).scalar_subquery()
        with reachable():
            async with self._engine.begin() as connection:
                gone = await connection.execute(delete(web_keys).where(web_keys.c.id < newest))
        await self._load()
        return gone.rowcount

    async def listed(self) -> list[KeyMade]:
        """The keys in the database, the newest first."""
        query = select(web_keys.c.id, web_keys.c.made_us).order_by(web_keys.c.id.desc())
        with reachable():
            async with self._engine.connect() as connection:
                return [KeyMade(*row) for row in await connection.execute(query)]

    def _made(self, purpose: str, value: str, cookie: str) -> bool:
        given = _bytes(cookie)
        return any(
            hmac.compare_digest(_bytes(signed(key, purpose, value)), given) for key in self._keys
        )

    async def _refresh(self) -> None:
        """Reads the keys where they were not read lately; old ones do while that can't be."""
        now = self._clock()
        if self._configured or (self._keys and now < self._read_at + FRESH_S):
            return
        self._read_at = now  # others who ask meanwhile don't read them too
        try:
            await self._load()
        except Unavailable:
            if not self._keys:
                raise

    async def _load(self) -> None:
        """Reads the keys, newest first; makes the first one where there is none."""
        newest_first = select(web_keys.c.key).order_by(web_keys.c.id.desc())
        with reachable():
            async with self._engine.connect() as connection:
                keys = (await connection.scalars(newest_first)).all()
            if not keys:
                await self._add(1)
                async with self._engine.connect() as connection:
                    keys = (await connection.scalars(newest_first)).all()
        self._keys = tuple(keys)
        self._read_at = self._clock()

    async def _add(self, number: int) -> None:
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(web_keys).values(_made_now(number)))
        except IntegrityError:  # another process was quicker: that key is everybody's
            return


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _made_now(number: int) -> dict[str, object]:
    return {"id": number, "key": secrets.token_urlsafe(32), "made_us": time.time_ns() // 1000}
