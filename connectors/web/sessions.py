"""Who has logged in: one row for each area of the site that a session opens.

A browser keeps a random token and the table its hash, so that nobody can come in with what a backup
shows. A row proves what it was given for, such as the password of that day: with another one the
session is over. It ends for all processes when its rows are deleted.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import BigInteger, Column, Index, Row, Table, Text, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import Unavailable
from connectors.tables import reachable
from connectors.web.messages import metadata

Area = Literal["page", "inspector"]
"""What can be seen: the page with its conversations, or the inspector with everybody's runs."""

SESSION_SECONDS = 30 * 24 * 3600
LOOK_S = 15.0
"""How often open sockets are checked for sessions that another process has ended."""

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("area", Text, primary_key=True),
    Column("way", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Index("web_sessions_until_us", "until_us"),
    Index("web_sessions_person_id", "person_id"),
)

_columns = web_sessions.c


@dataclass(frozen=True, slots=True)
class LoginGrant:
    """What opens an area: the `way` in, and the `secret` of that way, which is not stored.

    `person_id` and `name` are empty where nobody in particular came, as with a password.
    """

    area: Area
    way: str
    secret: str
    person_id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that opens an area now."""

    id: str
    way: str
    person_id: str = ""
    name: str = ""


OPEN = Session("", "open")
"""What opens an area that nobody has to log in to: it never ends."""
Secret = Callable[[Area, str], str | None]
"""The secret that a way into an area has today; None where there is no such way any more."""


class LoginSessions:
    """The statements, and who is connected by a session. Each raises `Unavailable`."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        self._held: dict[str, set[Callable[[], None]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def begin(self, grants: Sequence[LoginGrant], instead_of: str = "") -> str:
        """Keeps a new session and ends the one of the token `instead_of`; the new one's token."""
        token = secrets.token_urlsafe(32)
        now_us = self._now_us()
        rows = [_row(token, grant, now_us) for grant in grants]
        over = (_columns.until_us <= now_us) | (_columns.id == _id(instead_of))
        with reachable():
            async with self._engine.begin() as connection:
                await connection.execute(delete(web_sessions).where(over))
                await connection.execute(insert(web_sessions), rows)
        self._tell(_id(instead_of))
        return token

    async def find(self, token: str, area: Area, secret: Secret) -> Session | None:
        """The session of a token, if it opens this area now."""
        if not token:
            return None
        query = select(web_sessions).where(
            _columns.id == _id(token), _columns.area == area, _columns.until_us > self._now_us()
        )
        with reachable():
            async with self._engine.connect() as connection:
                row = (await connection.execute(query)).one_or_none()
        if row is None or not _is_proof(row, token, secret(area, row.way)):
            return None
        return Session(row.id, row.way, row.person_id, row.name)

    async def end(self, token: str) -> None:
        """Ends a session, for all areas, and for all who are connected by it."""
        with reachable():
            async with self._engine.begin() as connection:
                await connection.execute(delete(web_sessions).where(_columns.id == _id(token)))
        self._tell(_id(token))

    @contextmanager
    def holding(self, session: Session, ended: Callable[[], None]) -> Iterator[None]:
        """Calls `ended` when the session ends before this block does, in whatever process."""
        if not session.id:  # no row ends it: nobody logged in, or a proxy says so each time
            yield
            return
        held = self._held.setdefault(session.id, set())
        held.add(ended)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="sessions")
        try:
            yield
        finally:
            held.discard(ended)
            if not held and self._held.get(session.id) is held:
                del self._held[session.id]

    async def aclose(self) -> None:
        """Stops looking for sessions that have ended."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        """Tells those who are connected by a session that is there no more."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                standing = await self._standing(list(self._held))
            except Unavailable:
                continue
            for session_id in self._held.keys() - standing:
                self._tell(session_id)

    async def _standing(self, ids: Sequence[str]) -> set[str]:
        # Who came while the database was asked is not missing.
        query = select(_columns.id).where(_columns.id.in_(ids), _columns.until_us > self._now_us())
        with reachable():
            async with self._engine.connect() as connection:
                found = set((await connection.scalars(query)).all())
        return found | (self._held.keys() - set(ids))

    def _tell(self, session_id: str) -> None:
        for ended in self._held.pop(session_id, ()):
            ended()

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)


def _row(token: str, grant: LoginGrant, now_us: int) -> dict[str, object]:
    return {
        "id": _id(token),
        "area": grant.area,
        "way": grant.way,
        "proof": _proof(token, grant.area, grant.secret),
        "person_id": grant.person_id,
        "name": grant.name,
        "until_us": now_us + SESSION_SECONDS * 1_000_000,
    }


def _is_proof(row: Row[tuple[object, ...]], token: str, secret: str | None) -> bool:
    if secret is None:
        return False
    return hmac.compare_digest(str(row.proof), _proof(token, row.area, secret))


def _id(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _proof(token: str, area: str, secret: str) -> str:
    """Nobody without the token can try passwords on it."""
    what = f"{area}\0{secret}".encode("utf-8", "replace")
    return hmac.digest(token.encode("utf-8", "replace"), what, "sha256").hex()
