"""What people press under an answer, but for Stop: each press has its effect once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from bot.identity import Account
from bot.intake import notices
from bot.intake.approvals import Approvals
from bot.intake.inbox import Arrival, InboxKeeper
from bot.intake.notices import Notices
from bot.intake.queue import Tasks
from bot.runs import Question
from bot.scopes import WrongValue, one_of
from bot.store import Followed, InboxId, RunRow, Store
from bot.words import Sentence
from connectors.base import (
    DECIDING,
    Asked,
    Commanded,
    Connector,
    Control,
    Incoming,
    MessageRef,
    Person,
    Pressed,
)

_SETTLE_DEADLINE_S = 5.0

May = Callable[[Pressed, Person, Connector], bool]
"""Whether a person may do what they pressed under an asker's answer; if not, they are told."""


class Presses:
    """Retry, Continue, thumbs, and what is decided about tool calls."""

    def __init__(
        self,
        store: Store,
        keeping: InboxKeeper,
        said: Notices,
        tasks: Tasks,
        may: May,
        approvals: Approvals,
        now_us: Callable[[], int],
    ) -> None:
        self._store = store
        self._keeping = keeping
        self._notices = said
        self._tasks = tasks
        self._may = may
        self._approvals = approvals
        self._now_us = now_us

    async def press(self, pressed: Pressed, incoming: Incoming, connector: Connector) -> None:
        """Sees to a press. Raises `StoreUnavailable`."""
        if pressed.control in (Control.UP, Control.DOWN):
            await self._rate(pressed)
            return
        await self._store.settled(pressed.run_id, _SETTLE_DEADLINE_S)
        row = await self._store.runs.get(pressed.run_id)
        if row is None or not (row.start.question or row.start.files):
            told = self._notices.say(connector, pressed.message, notices.NOT_KEPT, pressed.person)
            self._tasks.spawn(told)
        elif not self._may(pressed, row.start.person, connector):
            return
        elif pressed.control in (*DECIDING, Control.DETAILS):
            await self._approvals.press(pressed, row, incoming, connector)
        else:
            await self._follow(pressed, row, incoming, connector)

    async def retry(
        self,
        wants: Commanded,
        incoming: Incoming,
        connector: Connector,
        offered: Sequence[str],
    ) -> None:
        """Somebody's last question in a place is asked again, of a model that they chose.

        Raises `StoreUnavailable`.
        """
        place, person = wants.message.place, wants.person
        row = await self._store.runs.last_of(Account.of(place, person), place)
        told = Sentence("notice.retried", {"model": wants.model})
        try:
            one_of("model", wants.model, offered)
        except WrongValue as error:
            told = Sentence("settings.refused", {"why": error.said})
        else:
            if row is None or not (row.start.question or row.start.files):
                told = notices.NOT_KEPT
            else:
                message = MessageRef(row.start.place, wants.message.id)
                pressed = Pressed(message, person, Control.RETRY, row.run_id)
                await self._follow(pressed, row, incoming, connector, wants.model)
        self._tasks.spawn(self._notices.say(connector, wants.message, told, person))

    async def _rate(self, pressed: Pressed) -> None:
        value: Literal[1, -1] = 1 if pressed.control is Control.UP else -1
        account = Account.of(pressed.message.place, pressed.person)
        await self._store.feedback.set(pressed.run_id, account, value, self._now_us())

    async def _follow(
        self,
        pressed: Pressed,
        row: RunRow,
        incoming: Incoming,
        connector: Connector,
        model: str = "",
    ) -> None:
        """Retry or Continue: a new run in new messages, once for each press of each run."""
        start, place = row.start, pressed.message.place
        ref = MessageRef(place, start.question_id)
        language = pressed.person.language or start.language.tag
        asker = replace(start.person, language=language)
        asked = Asked(ref, asker, start.question, start.files)
        kind: Followed = "retry" if pressed.control is Control.RETRY else "continue"
        key = MessageRef(place, InboxId(kind, str(pressed.run_id), model).written)
        question = Question(asked, kind, row, model=model)
        await self._keeping.keep(Arrival(question, key, incoming, connector))
