"""What the bot says of itself: short messages and signs. Only a 429 is a reason to try again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from bot.pacing import Pacing
from bot.words import Languages, Sentence, Wording
from connectors.base import (
    Asked,
    Connector,
    ConnectorError,
    Deleted,
    Edited,
    Event,
    MessageRef,
    Part,
    Person,
    Place,
    RateLimited,
    Status,
)

log = structlog.get_logger(__name__)

ANSWERED_AS_IT_WAS = Sentence("notice.answered_as_it_was")
BLOCKED_WORDS = Sentence("notice.blocked_words")
EMPTY = Sentence("notice.empty")
FORGOTTEN = Sentence("notice.forgotten")
NOT_ALLOWED = Sentence("notice.not_allowed")
NOT_AN_ADMIN = Sentence("notice.not_an_admin")
NOT_ANSWERED = Sentence("notice.not_answered")
NOT_KEPT = Sentence("notice.not_kept")
NOT_THEIRS = Sentence("notice.not_theirs")
REPLACED = Sentence("notice.replaced")
_DEADLINE_S = 30.0


def too_long(chars: int, most: int) -> Sentence:
    """What the asker of a long question is told."""
    return Sentence("notice.too_long", {"chars": chars, "most": most})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A person may not do something. `told` is what they hear of it; None: nothing."""

    told: Sentence | None = None


class _Notice:
    """A short message of the bot's own, before the pacing: whole, and waited for."""

    ended = True
    blank = True
    unseen = 0
    since = 0.0


class Notices:
    """Says short things within the posts' budget; a failure is told to the operator."""

    def __init__(self, pacing: Pacing, languages: Languages) -> None:
        self._pacing = pacing
        self.languages = languages

    async def say(
        self,
        connector: Connector,
        about: MessageRef,
        said: Sentence,
        to: Person | None = None,
        question: str = "",
        *,
        apart: bool = False,
    ) -> None:
        """Posts a short message below another one; to one person alone where that can be.

        `question` is what they asked, by which their language may be known. `apart`: not below it,
        but only in its place.
        """
        language = await self.languages.of(about.place, to, question)
        part = Part.saying(said.to(language), to, None if apart else about)
        place = about.place  # a message's id is unique there, and nowhere else
        key = f"re:{place.workspace}:{place.channel}:{place.thread}:{about.id}"
        if apart:
            key = f"{key}:apart"
        if to is not None:
            key = f"{key}:{to.id}:{said.id}"
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while not await self._posted(connector, about.place, part, key):
                    pass
        except (ConnectorError, TimeoutError) as error:
            log.warning("notice.not_posted", error=str(error) or type(error).__name__)

    async def worded(self, told: Sentence | None, event: Event) -> Wording | None:
        """What somebody is told of an event of theirs, in their language."""
        if told is None or isinstance(event, Deleted):
            return None
        question = event.text if isinstance(event, Asked | Edited) else ""
        return told.to(await self.languages.of(event.message.place, event.person, question))

    async def _posted(self, connector: Connector, place: Place, part: Part, key: str) -> bool:
        """Posts in its turn; false where other processes had used up the budget: then again."""
        budget = connector.budget(place, "post")
        await self._pacing.turn(budget, _Notice())
        try:
            await connector.post(place, part, key)
        except RateLimited as error:
            self._pacing.limited(budget, error.retry_after)
            return False
        return True

    async def signal(self, connector: Connector, place: Place, status: Status) -> None:
        """Shows a status."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await connector.signal(place, status)
        except (ConnectorError, TimeoutError) as error:
            log.warning("signal.failed", error=str(error) or type(error).__name__)
