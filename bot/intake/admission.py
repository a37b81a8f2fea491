"""Who may ask, and where: one decision for all that people do, before it has any effect."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Literal
from uuid import UUID

import structlog

from bot.identity import Account, Named, denied, granted
from bot.intake import notices
from bot.intake.notices import Refusal
from bot.intake.quotas import Limit, QuotaMeter, Quotas
from bot.scopes import Holding, Scopes
from bot.words import Sentence
from connectors.base import EVERYTHING, Asked, Connector, Manages, Person, Place, Scope

log = structlog.get_logger(__name__)


Policy = Literal["queue", "replace", "parallel"]
"""`queue`: one after the other. `replace`: the newest ends the others. `parallel`: all at once."""
SettingsBy = Literal["admins", "workspace", "channel"]
"""Who may change what holds for places: the bot's admins, also the platform's own admins of the
workspace, or also those who manage the channel.
"""


class AccessDecision(Enum):
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

    def admission(self, place: Place, person: Person) -> AccessDecision:
        """What the lists say of the person, the channel and the workspace together."""
        lists = (
            (place.channel, self.allow_channels, self.block_channels),
            (place.workspace, self.allow_workspaces, self.block_workspaces),
        )
        if any(value in blocked for value, _, blocked in lists):
            return AccessDecision.BLOCKED
        if denied(self.block_people, place, person):
            return AccessDecision.BLOCKED
        named = granted(self.allow_people, place, person)
        if any(allowed and value not in allowed for value, allowed, _ in lists):
            return AccessDecision.NOT_ALLOWED
        if (self.allow_people or (person.external and not self.allow_external)) and not named:
            return AccessDecision.NOT_ALLOWED
        return AccessDecision.ADMITTED


_PAUSED = {
    "thread": "paused.thread", "channel": "paused.channel", "category": "paused.category",
    "workspace": "paused.workspace", "default": "paused.default",
}  # fmt: skip


class Admission:
    """Decides on every event and every question, for whichever door they came by.

    The lists hold for all that people do. The limits, and what is set for a place, hold for what
    an answer follows from.
    """

    def __init__(
        self,
        access: Access,
        admins: frozenset[Named],
        meter: QuotaMeter,
        scopes: Scopes | None = None,
        settings_by: SettingsBy = "admins",
    ) -> None:
        self._access = access
        self._admins = admins
        self._meter = meter
        self._limited = meter.limits.any()
        self.scopes = scopes
        self._settings_by: SettingsBy = settings_by

    def use(
        self,
        access: Access,
        admins: frozenset[Named],
        limits: Quotas,
        scopes: Scopes | None,
        settings_by: SettingsBy,
    ) -> None:
        """Takes these for what comes from now on."""
        self._access, self._admins, self.scopes = access, admins, scopes
        self._settings_by = settings_by
        self._meter.limits, self._limited = limits, limits.any()

    @property
    def models(self) -> Sequence[str]:
        """The short names of the models that can be chosen."""
        return () if self.scopes is None else self.scopes.offered.models

    def is_admin(self, place: Place, person: Person) -> bool:
        """Whether somebody is an admin of the bot."""
        return granted(self._admins, place, person)

    def may_configure(self, place: Place, person: Person, manages: Manages, scope: Scope) -> bool:
        """Whether somebody may change what holds for a scope.

        `manages` is what they manage on the platform, as that says. Nobody of another
        organisation manages anything here.
        """
        if self.is_admin(place, person):
            return True
        if person.external or not manages or scope == EVERYTHING:
            return False
        if manages == "workspace":
            return self._settings_by != "admins"
        return self._settings_by == "channel" and bool(scope.channel)

    def refusal(self, place: Place, person: Person) -> Refusal | None:
        """The refusal for a person who is not on the lists; nothing if they are blocked."""
        admission = self._access.admission(place, person)
        if admission is AccessDecision.ADMITTED:
            return None
        who = Account.of(place, person)
        log.info("intake.refused", person=str(who), admission=admission.value)
        return Refusal(notices.NOT_ALLOWED if admission is AccessDecision.NOT_ALLOWED else None)

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
        admin = self.is_admin(place, person)
        over = await self._meter.over(place, person, waits=waits, apart=apart, admin=admin)
        return None if over is None else Refusal(over)

    async def enter(self, run_id: UUID, asked: Asked, connector: Connector) -> Refusal | None:
        """Lets a question in whose turn it is, or says what keeps it out."""
        place, person = asked.message.place, asked.person
        channel = Limit()
        if self.scopes is not None:
            holding = await self.scopes.holding(place, connector)
            out = self._kept_out(holding, place, person, len(asked.text))
            if out is not None:
                return out if asked.addressed else Refusal()
            channel = _of_channel(holding)
        if not self._limited and channel == Limit():
            return None
        admin = self.is_admin(place, person)
        over = await self._meter.enter(run_id, asked, admin=admin, channel=channel)
        return None if over is None else Refusal(over)

    async def kept_out(
        self, place: Place, person: Person, connector: Connector | None, *, chars: int = 0
    ) -> Refusal | None:
        """What speaks against an answer by what is set for a place; None where nothing does."""
        if self.scopes is None:
            return None
        return self._kept_out(await self.scopes.holding(place, connector), place, person, chars)

    def _kept_out(
        self, holding: Holding, place: Place, person: Person, chars: int
    ) -> Refusal | None:
        if holding.paused is not None:
            log.info("intake.paused", scope=str(holding.paused))
            return Refusal(Sentence(_PAUSED[holding.paused.kind]))
        named = holding.get("allow_people")
        if named is not None and not (
            granted([Named.of(each) for each in named], place, person)
            or self.is_admin(place, person)
        ):
            log.info("intake.refused_there", person=str(Account.of(place, person)))
            return Refusal(notices.NOT_ALLOWED)
        most = holding.get("max_question_chars", chars)
        return Refusal(notices.too_long(chars, most)) if chars > most else None

    async def policy(self, place: Place, connector: Connector, usual: Policy) -> Policy:
        """What becomes of a question while another is answered in its conversation."""
        if self.scopes is None:
            return usual
        holding = await self.scopes.holding(place, connector)
        found: Policy = holding.get("conversation_policy", usual)
        return found

    async def follows_up(self, place: Place, connector: Connector, *, usual: bool) -> bool:
        """Whether the bot answers there without being named, where it takes part."""
        if self.scopes is None:
            return usual
        return bool((await self.scopes.holding(place, connector)).get("follow_ups", usual))

    def left(self, run_id: UUID) -> None:
        """A question was answered, or is not to be answered any more."""
        if self._meter.inside:
            self._meter.left(run_id)


def _of_channel(holding: Holding) -> Limit:
    """What all together may use in a channel, each day."""
    money = holding.get("usd_per_day")
    return Limit(
        runs_per_day=holding.get("runs_per_day"),
        microusd_per_day=None if money is None else int(Decimal(money) * 1_000_000),
    )
