"""Interactions that can still be answered, their tokens, and what Discord is told of one within
three seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.base import Grant, Grants, MessageRef, Person, Place, Unavailable
from connectors.discord.api import Rest
from connectors.discord.places import channel_of
from connectors.newest import Newest
from connectors.words import Wording

if TYPE_CHECKING:
    from connectors.keys import Keys

_REMEMBERED = 2_000


@dataclass(frozen=True, slots=True)
class Interaction:
    """A person pressed or commanded something; `token` answers it for a quarter of an hour.

    `question` is what a command asked; `at` is when it was given, in seconds since the epoch.
    """

    id: str
    token: str = field(repr=False)
    application: str
    person: Person
    question: str = ""
    at: float = field(default_factory=time.time)
    told: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)
    """Set once Discord was told that we have it; before that its token opens nothing."""


class Interactions:
    """The newest interactions, by the question that they ask and by place and person."""

    def __init__(self) -> None:
        self._waiting: Newest[MessageRef, Interaction] = Newest(_REMEMBERED)
        self._latest: Newest[tuple[str, str], Interaction] = Newest(_REMEMBERED)

    def ask(self, question: MessageRef, interaction: Interaction) -> None:
        """A command asks something: its response is deferred, and waits for the answer."""
        self._waiting[question] = interaction

    def acknowledged(self, place: Place, interaction: Interaction) -> None:
        """An interaction was acknowledged: more can be said by it."""
        self._latest[channel_of(place), interaction.person.id] = interaction

    def opening(self, question: MessageRef) -> Interaction | None:
        """The command that asked this and whose response still waits."""
        return self._waiting.get(question)

    def opened(self, question: MessageRef) -> None:
        """The response waits no more."""
        self._waiting.pop(question, None)

    def latest(self, place: Place, person_id: str) -> Interaction | None:
        """The newest acknowledged interaction of a person in a place's channel."""
        return self._latest.get((channel_of(place), person_id))


# What Discord is told of an interaction, within the three seconds that it gives.


EPHEMERAL = 1 << 6
"""The flag of a message that one person sees."""

_MESSAGE, _DEFERRED, _DEFERRED_UPDATE, _CHOICES, _MODAL = 4, 5, 6, 8, 9
_MENTIONS_NOBODY: Mapping[str, Any] = {"parse": []}


class Acknowledgements:
    """Each interaction is acknowledged once. All methods raise `ConnectorError`."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def say(self, interaction: Interaction, said: Wording) -> None:
        """Answers with a text for the eyes of the person alone."""
        data = {"content": said.text, "flags": EPHEMERAL, "allowed_mentions": _MENTIONS_NOBODY}
        await self._tell(interaction, {"type": _MESSAGE, "data": data})

    async def defer(self, interaction: Interaction, *, ephemeral: bool = False) -> None:
        """Says that the response will come."""
        data = {"flags": EPHEMERAL} if ephemeral else {}
        await self._tell(interaction, {"type": _DEFERRED, "data": data})

    async def note(self, interaction: Interaction) -> None:
        """Says that a press was heard; the message stays as it is."""
        await self._tell(interaction, {"type": _DEFERRED_UPDATE})

    async def show(self, interaction: Interaction, modal: Mapping[str, Any]) -> None:
        """Opens a form."""
        await self._tell(interaction, {"type": _MODAL, "data": modal})

    async def complete(self, interaction: Interaction, choices: Sequence[str]) -> None:
        """Offers what can be written into a command's option."""
        offered = [{"name": each, "value": each} for each in choices]
        await self._tell(interaction, {"type": _CHOICES, "data": {"choices": offered}})

    async def amend(self, interaction: Interaction, said: Wording) -> None:
        """Puts a text where a response was promised."""
        await self._rest.call(
            "PATCH",
            "/webhooks/{application}/{token}/messages/@original",
            json={"content": said.text, "allowed_mentions": _MENTIONS_NOBODY},
            application=interaction.application,
            token=interaction.token,
        )

    async def whisper(self, interaction: Interaction, said: Wording) -> None:
        """Says something more to the person alone."""
        await self._rest.call(
            "POST",
            "/webhooks/{application}/{token}",
            json={
                "content": said.text,
                "flags": EPHEMERAL,
                "allowed_mentions": _MENTIONS_NOBODY,
            },
            application=interaction.application,
            token=interaction.token,
        )

    async def _tell(self, interaction: Interaction, body: Mapping[str, Any]) -> None:
        try:
            await self._rest.call(
                "POST",
                "/interactions/{interaction}/{token}/callback",
                json=body,
                interaction=interaction.id,
                token=interaction.token,
            )
        finally:
            # Whoever waits for it goes on in any case: what its token opens, Discord says itself.
            interaction.told.set()


# Tokens of commands, kept encrypted while they live: another process goes on with what one began.
#
# Only such a token reaches the answer where the bot itself may not look or speak: in a server that
# it is no member of, or a channel that it may not see.


log = logging.getLogger(__name__)

GetKeys = Callable[[], Awaitable["Keys"]]
"""The keys that seal; raises `Unavailable` where they can't be had."""

LIFE_S = 15 * 60.0
"""Seconds for which a token is valid."""


class InteractionTokens:
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
