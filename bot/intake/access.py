"""Who may: one decision for all that people do, before it has any effect."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

import structlog

from bot.identity import Account, Named, denied, granted
from bot.intake import notices
from bot.intake.limits import Meter
from bot.intake.notices import Refusal
from connectors.base import Asked, Person, Place

log = structlog.get_logger(__name__)


class Admission(Enum):
    """What the lists say of a person in a place."""

    ADMITTED = "admitted"
    NOT_ALLOWED = "not allowed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Access:
    """Lists of people, channels and workspaces. A block outweighs an allow; an empty allow list
    allows all.
    """

    allow_people: frozenset[Named] = frozenset()
    block_people: frozenset[Named] = frozenset()
    allow_channels: frozenset[str] = frozenset()
    block_channels: frozenset[str] = frozenset()
    allow_workspaces: frozenset[str] = frozenset()
    block_workspaces: frozenset[str] = frozenset()
    allow_external: bool = False
    """Whether people of other organisations are answered; those named in `allow_people` are."""

    def admission(self, place: Place, person: Person) -> Admission:
        """What the lists say of the person, the channel and the workspace together."""
        lists = (
            (place.channel, self.allow_channels, self.block_channels),
            (place.workspace, self.allow_workspaces, self.block_workspaces),
        )
        if any(value in blocked for value, _, blocked in lists):
            return Admission.BLOCKED
        if denied(self.block_people, place, person):
            return Admission.BLOCKED
        named = granted(self.allow_people, place, person)
        if any(allowed and value not in allowed for value, allowed, _ in lists):
            return Admission.NOT_ALLOWED
        if (self.allow_people or (person.external and not self.allow_external)) and not named:
            return Admission.NOT_ALLOWED
        return Admission.ADMITTED


class Gate:
    """Decides on every event and every question, for whichever door they came by.

    The lists hold for all that people do. The limits hold for what an answer follows from.
    """

    def __init__(self, access: Access, admins: frozenset[Named], meter: Meter) -> None:
        self._access = access
        self._admins = admins
        self._meter = meter

    def is_admin(self, place: Place, person: Person) -> bool:
        """Whether somebody is an admin of the bot."""
        return granted(self._admins, place, person)

    def refusal(self, place: Place, person: Person) -> Refusal | None:
        """The refusal for a person who is not on the lists; nothing if they are blocked."""
        admission = self._access.admission(place, person)
        if admission is Admission.ADMITTED:
            return None
        who = Account.of(place, person)
        log.info("intake.refused", person=str(who), admission=admission.value)
        return Refusal(notices.NOT_ALLOWED if admission is Admission.NOT_ALLOWED else None)

    def not_theirs(self, place: Place, person: Person, asker: Person | None) -> Refusal | None:
        """What a person is told who wants to change somebody else's answer; None where they may.

        None as the `asker`: it isn't known who asked, so only an admin may.
        """
        theirs = asker is not None and Account.of(place, person) == Account.of(place, asker)
        if theirs or self.is_admin(place, person):
            return None
        log.info("intake.not_theirs", person=str(Account.of(place, person)))
        return Refusal(notices.NOT_THEIRS)

    async def over(
        self, place: Place, person: Person, *, waits: bool, apart: Collection[UUID] = ()
    ) -> Refusal | None:
        """What a person who is over a limit is told, before a question of theirs has its turn.

        `waits`: it will wait behind others, so how many are answered at once does not count.
        The runs `apart` don't count.
        """
        if self.is_admin(place, person):
            return None
        over = await self._meter.over(place, person, waits=waits, apart=apart)
        return None if over is None else Refusal(over)

    async def enter(self, run_id: UUID, asked: Asked) -> Refusal | None:
        """Lets a question in whose turn it is, or says which limit the asker is over."""
        if self.is_admin(asked.message.place, asked.person):
            return None
        over = await self._meter.enter(run_id, asked)
        return None if over is None else Refusal(over)

    def left(self, run_id: UUID) -> None:
        """A question was answered, or is not to be answered any more."""
        self._meter.left(run_id)
