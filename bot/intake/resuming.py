"""A question that another process kept and did not answer, made ready to be answered here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import structlog

from bot.intake import notices
from bot.intake.conversations import Waiting
from bot.intake.notices import Notices
from bot.runs import Kind, Question
from bot.store import Question as Kept
from bot.store import RunStart, Store
from connectors.base import Asked, Connector, MessageRef, Unavailable

log = structlog.get_logger(__name__)

ANSWER_WITHIN_US = 600_000_000
"""So late a question is still answered; after that the asker is told that it was not."""


class Resuming:
    """Finds out what a kept question asked, and whether it is still to be answered.

    Its id in the inbox says what it is: a message's own id; `retry:` or `continue:` with the run
    that it follows; `edited:` with the message's id and the version of the change.
    """

    def __init__(self, store: Store, said: Notices, now_us: Callable[[], int]) -> None:
        self._store = store
        self._notices = said
        self._now_us = now_us

    async def prepare(self, kept: Kept, connector: Connector, *, anew: bool) -> Waiting | None:
        """The question as it was to be answered; None where it is settled already, or is now.

        `anew` says that its run has begun, and that nobody has seen anything of it. Raises
        `StoreUnavailable` or `ConnectorError` where nothing can be said yet.
        """
        late = self._now_us() - kept.received_us > ANSWER_WITHIN_US
        if (anew and late) or (not anew and await self._begun_before(kept)):
            return None
        question = await self._question(kept)
        if kept.run_id is None or question is None or await self._replaced(kept, question):
            await self._store.inbox.mark(kept.id, "refused")
            return None
        if late:
            await self._turn_away(kept, question.asked, connector)
            return None
        return Waiting(kept.id, question, connector, kept.run_id, anew)

    async def unrecorded(self, kept: Kept) -> RunStart | None:
        """The run that was to answer a question, if it was not recorded, as it would have begun.

        Which model was asked is not known. Raises `StoreUnavailable`.
        """
        if kept.run_id is None or await self._store.runs.get(kept.run_id) is not None:
            return None
        question = await self._question(kept)
        return None if question is None else question.start(kept.run_id, "", kept.received_us)

    async def _begun_before(self, kept: Kept) -> bool:
        """Whether the question's run was begun; once that has ended, the question is done."""
        row = None if kept.run_id is None else await self._store.runs.get(kept.run_id)
        if row is None:
            return False
        if row.end is None:
            raise Unavailable("its run has not ended yet")
        await self._store.inbox.mark(kept.id, "done")
        return True

    async def _question(self, kept: Kept) -> Question | None:
        """What was asked; None where the run that it follows is not known any more."""
        what, _, rest = kept.asked.message.id.partition(":")
        if what in ("retry", "continue"):
            return await self._following("retry" if what == "retry" else "continue", rest, kept)
        if what == "edited":
            message = replace(kept.asked.message, id=rest.partition(":")[0])
            return Question(replace(kept.asked, message=message))
        return Question(kept.asked)

    async def _following(self, kind: Kind, run_id: str, kept: Kept) -> Question | None:
        try:
            row = await self._store.runs.get(UUID(run_id))
        except ValueError:
            return None
        if row is None:
            return None
        message = MessageRef(kept.asked.message.place, row.start.question_id)
        return Question(replace(kept.asked, message=message), kind, row)

    async def _replaced(self, kept: Kept, question: Question) -> bool:
        """Whether the asker has changed the question since, and the change was kept too."""
        if question.kind != "ask":
            return False
        return await self._store.inbox.changed_since(kept, question.asked.message.id)

    async def _turn_away(self, kept: Kept, asked: Asked, connector: Connector) -> None:
        log.warning("intake.too_late", inbox=kept.id)
        if asked.addressed:
            said = notices.NOT_ANSWERED
            await self._notices.say(connector, asked.message, said, asked.person)
        await self._store.inbox.mark(kept.id, "refused")
