"""Who visits the page: a browser is known by an id that only we can have signed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from connectors.base import Person
from connectors.web.protocol import is_name
from connectors.web.sessions import OPEN, Session
from connectors.web.signing import SigningKeys

REALM = "playground"
"""The realm of visitors' ids, and the page's workspace: the deployment."""
VISITOR_COOKIE = "everytoken_person"
VISITOR_SECONDS = 365 * 24 * 3600
PURPOSE = "visitor"
"""What a visitor's id is signed for."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody on the page. `cookie` is what their browser is to keep; empty where it has it.

    A cookie that an older key has signed is signed anew, with the same id.
    """

    person: Person
    cookie: str = ""


class Visitors:
    """Knows visitors again. Both methods raise `Unavailable`."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    async def known(self, connection: HTTPConnection, session: Session = OPEN) -> Person | None:
        """The visitor: who has signed in, or whose id this browser keeps.

        None where it has none that we signed.
        """
        if session.person_id:
            return Person(session.person_id, session.name or session.person_id, realm=REALM)
        cookie = connection.cookies.get(VISITOR_COOKIE, "")
        id_ = await self._keys.verified(PURPOSE, cookie)
        return Person(id_, "You", realm=REALM) if is_name(id_) and id_ else None

    async def of(self, connection: HTTPConnection, session: Session = OPEN) -> Visitor:
        """The visitor of a request, who may be new."""
        if (person := await self.known(connection, session)) is not None:
            if session.person_id:
                return Visitor(person)
            cookie = connection.cookies.get(VISITOR_COOKIE, "")
            return Visitor(person, await self._keys.renewed(PURPOSE, cookie))
        id_ = secrets.token_urlsafe(16)
        return Visitor(Person(id_, "You", realm=REALM), await self._keys.sign(PURPOSE, id_))
