"""Tokens of commands, kept encrypted while they live: another process goes on with what one began.

Only such a token reaches the answer where the bot itself may not look or speak: in a server that it
is no member of, or a channel that it may not see.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Sequence

from connectors.base import Grant, Grants, MessageRef, Person, Place, Unavailable
from connectors.discord.inbound.interactions import Interaction
from connectors.keys import Keys

log = logging.getLogger(__name__)

GetKeys = Callable[[], Awaitable[Keys]]
"""The keys that seal; raises `Unavailable` where they can't be had."""

LIFE_S = 15 * 60.0
"""So long a token opens something."""


class Tokens:
    """Keeps and finds commands by what they asked. Nothing here raises: a token is a help only."""

    def __init__(self, grants: Grants | None = None, keys: GetKeys | None = None) -> None:
        self._grants = grants
        self._get_keys = keys
        self._keys: Keys | None = None

    async def keep(self, question: MessageRef, interaction: Interaction) -> None:
        """Keeps a command's token. Without a key it is not kept, and the log says so."""
        if self._grants is None:
            return
        secret = {
            "id": interaction.id,
            "application": interaction.application,
            "token": interaction.token,
            "question": interaction.question,
        }
        until_us = int((interaction.at + LIFE_S) * 1_000_000)
        try:
            # By the newest key: one that was retired meanwhile opens nothing elsewhere.
            sealed = (await self._sealing(refresh=True)).encrypted(json.dumps(secret))
            await self._grants.keep(Grant(question, interaction.person, sealed, until_us))
        except Unavailable as error:
            log.warning(
                "discord: a command's token is not kept, so after a restart its answer can't go on "
                "where only the command may write: %s",
                error,
            )

    async def asked(self, question: MessageRef) -> Interaction | None:
        """The command that asked a question; None where none is known."""
        found = await self._of(question.place)
        return next((each for about, each in found if about == question.id), None)

    async def before(self, message: MessageRef) -> Sequence[Interaction]:
        """The commands of a place that a message may answer, the most likely one first."""
        found = [
            each for _, each in await self._of(message.place) if int(each.id) < int(message.id)
        ]
        return sorted(found, key=lambda each: int(each.id), reverse=True)

    async def _of(self, place: Place) -> list[tuple[str, Interaction]]:
        """The commands of a place, each with the id of its question."""
        if self._grants is None:
            return []
        try:
            kept = await self._grants.of(place)
            opened = [(each.message.id, await self._opened(each)) for each in kept]
        except Unavailable as error:
            log.warning("discord: tokens of commands can't be looked up: %s", error)
            return []
        return [(about, each) for about, each in opened if each is not None]

    async def _opened(self, grant: Grant) -> Interaction | None:
        secret = (await self._sealing()).decrypted(grant.sealed)
        if secret is None:  # another process may have made a key since
            secret = (await self._sealing(refresh=True)).decrypted(grant.sealed)
        if secret is None:
            log.warning("discord: a command's token was sealed with a key that is not known here")
            return None
        return _interaction(secret, grant.person, grant.until_us)

    async def _sealing(self, *, refresh: bool = False) -> Keys:
        if self._get_keys is None:
            raise Unavailable("There is no key to encrypt it with.")
        if self._keys is None or refresh:
            self._keys = await self._get_keys()
        return self._keys


def _interaction(secret: str, person: Person, until_us: int) -> Interaction:
    known = json.loads(secret)
    interaction = Interaction(
        id=known["id"],
        token=known["token"],
        application=known["application"],
        person=person,
        question=known["question"],
        at=until_us / 1_000_000 - LIFE_S,
    )
    interaction.told.set()  # or else its token opens nothing, as Discord says itself
    return interaction
