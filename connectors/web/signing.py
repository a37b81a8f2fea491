"""Signs what a browser keeps for us, so that nobody can make it up.

The keys come from the operator, or are made once and kept in the database; all processes of a
deployment share them. The first key signs and all of them verify, so that keys can be changed
without sending anybody away.
"""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import BigInteger, Column, Integer, Table, Text, func, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import Unavailable
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


def signed(key: str, purpose: str, value: str) -> str:
    """The value with its signature by one key: `value.signature`."""
    what = f"{purpose}\0{value}".encode("utf-8", "replace")
    signature = urlsafe_b64encode(hmac.digest(key.encode(), what, "sha256"))
    return f"{value}.{signature.decode().rstrip('=')}"


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
        if not self._keys:
            await self._load()
        return signed(self._keys[0], purpose, value)

    async def verified(self, purpose: str, cookie: str) -> str | None:
        """The value that was signed for this purpose; None where none of our keys did it."""
        value, _, _ = cookie.rpartition(".")
        if not value:
            return None
        if not self._keys:
            await self._load()
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
        """Adds a key to the database, which signs from now on; the older ones still verify."""
        with _unavailable():
            async with self._engine.begin() as connection:
                newest = await connection.scalar(select(func.max(web_keys.c.id))) or 0
                await connection.execute(insert(web_keys).values(_made_now(newest + 1)))
        await self._load()

    def _made(self, purpose: str, value: str, cookie: str) -> bool:
        given = cookie.encode("utf-8", "replace")
        return any(
            hmac.compare_digest(signed(key, purpose, value).encode("utf-8", "replace"), given)
            for key in self._keys
        )

    async def _load(self) -> None:
        """Reads the keys, newest first; makes the first one where there is none."""
        newest_first = select(web_keys.c.key).order_by(web_keys.c.id.desc())
        with _unavailable():
            async with self._engine.connect() as connection:
                keys = (await connection.scalars(newest_first)).all()
            if not keys:
                await self._make_first()
                async with self._engine.connect() as connection:
                    keys = (await connection.scalars(newest_first)).all()
        self._keys = tuple(keys)
        self._read_at = self._clock()

    async def _make_first(self) -> None:
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(web_keys).values(_made_now(1)))
        except IntegrityError:  # another process was quicker: that key is everybody's
            return


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise Unavailable(f"The database did not do its part: {type(error).__name__}.") from error


def _made_now(number: int) -> dict[str, object]:
    return {"id": number, "key": secrets.token_urlsafe(32), "made_us": time.time_ns() // 1000}
