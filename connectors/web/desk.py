"""What people do on the page: stored, handed to the bot, answered; and shown where another
process wrote it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from connectors.base import (
    Asked,
    Commanded,
    Control,
    Deleted,
    Event,
    File,
    Inflow,
    MessageRef,
    Person,
    Place,
    Pressed,
)
from connectors.web.access import REALM
from connectors.web.files import FileStore, NoRoom, Upload
from connectors.web.hub import Hub, Outbox
from connectors.web.messages import Author, Content, PageMessage, PageMessages, order_in
from connectors.web.protocol import Ask, Declined, NotAdmitted, Press
from connectors.words import Sentence

# Shows open pages what other processes write into their conversations.
#
# Several processes may serve the page on one database: a question that is asked in one may be
# answered by another. What changed lately is looked up every second, as long as a page is open.


LOOK_S = 1.0
_BACK_US = 15_000_000
"""How far back is looked: further than processes' clocks are apart."""


class Following:
    """Looks and tells while somebody watches. Belongs to one event loop."""

    def __init__(self, messages: PageMessages, hub: Hub) -> None:
        self._messages = messages
        self._hub = hub
        self._looking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Somebody watches a conversation now."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="following")

    async def aclose(self) -> None:
        """Looks no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while self._hub.watched:
            await asyncio.sleep(LOOK_S)
            try:
                await self._messages.changes.whole(self._tell())
            except SQLAlchemyError:
                continue

    async def _tell(self) -> None:
        hub = self._hub
        since_us = time.time_ns() // 1000 - _BACK_US
        news, written = await self._messages.changed(list(hub.watched), since_us, hub.told)
        for message in news:
            if message.deleted:
                hub.tell_deleted(message)
                hub.told[message.id] = message.version
            elif message.version > hub.told.get(message.id, 0):
                hub.tell(message)
        hub.told = {each: version for each, version in hub.told.items() if each in written}


_ALL = 100_000
SNAPSHOT = 200
"""The most messages that a page shows of a conversation: the newest."""


def place_of(conversation: str) -> Place:
    """A conversation of the playground as a place."""
    return Place("web", REALM, conversation)


class Desk:
    """Takes what people say and press. Every method may raise `Declined`."""

    def __init__(self, messages: PageMessages, files: FileStore, hub: Hub, inflow: Inflow) -> None:
        self.hub = hub
        self._following = Following(messages, hub)
        self._messages = messages
        self._files = files
        self.inflow = inflow

    async def aclose(self) -> None:
        """Follows no conversation any more."""
        await self._following.aclose()

    async def snapshot(self, conversation: str, person_id: str) -> Sequence[PageMessage]:
        """The newest messages of a conversation that a person may see."""
        with _declined():
            return await self._messages.newest(conversation, person_id, SNAPSHOT)

    async def ask(self, conversation: str, person: Person, ask: Ask) -> None:
        """Stores a person's message and returns once the bot has it safe.

        Where the bot can't keep it, it is taken back, so that it never stands unanswered. What
        somebody may not say is neither shown nor kept.
        """
        await self._admit(conversation, person, ask.id, spends=order_in(ask.text) is None)
        message, is_new = await self._messages.changes.whole(self._store(conversation, person, ask))
        if not await self.inflow.put(_said(message, person)).accepted():
            if is_new:
                await self._messages.changes.whole(self._take_back(message))
            raise Declined(Sentence("web.cant_take"), ask.id)

    async def attach(self, conversation: str, person: Person, upload: Upload) -> File:
        """Keeps a file that a question is to be asked with."""
        await self.may_attach(conversation, person, len(upload.content))
        with _declined():
            return await self._messages.changes.whole(
                self._files.add(conversation, person.id, upload)
            )

    async def may_attach(self, conversation: str, person: Person, size: int) -> None:
        """Raises `Declined` where a person may not attach a file of so many bytes."""
        await self._admit(conversation, person)
        with _declined():
            await self._files.check_room(person.id, size)

    async def press(self, conversation: str, person: Person, press: Press) -> None:
        """Hands a pressed control to the bot, if the message has that control now."""
        message = await self._find(conversation, person, press.message)
        if message.run_id is None or press.control not in message.controls:
            raise Declined(Sentence("web.cant_press"), message.id)
        spends = press.control in (Control.RETRY, Control.CONTINUE)
        await self._admit(conversation, person, message.id, spends=spends)
        pressed = Pressed(_ref(message), person, press.control, message.run_id)
        if not await self.inflow.put(pressed).accepted():
            raise Declined(Sentence("web.cant_do"), message.id)

    async def delete(self, conversation: str, person: Person, message_id: str) -> None:
        """Deletes a message of the person's own, or an answer to them; an admin, any answer."""
        message = await self._find(conversation, person, message_id)
        if not message.by_bot and message.author_id != person.id:
            raise Declined(Sentence("web.not_author"), message_id)
        if message.by_bot:
            about = message.run_id
            await self._admit(conversation, person, message_id, spends=False, run_id=about)
        await self._messages.changes.whole(self._delete(message))

    async def clear(self, conversation: str, person: Person) -> None:
        """Deletes what is a person's of a conversation; what is others' stays."""
        with _declined():
            messages = await self._messages.newest(conversation, person.id, _ALL)
        theirs = {each.id for each in messages if each.author_id == person.id and not each.by_bot}
        for message in messages:
            to_them = message.about in theirs or message.reader_id == person.id
            if message.id in theirs or (message.by_bot and to_them):
                await self._messages.changes.whole(self._delete(message))

    async def whole(self, conversation: str, person: Person) -> Sequence[PageMessage]:
        """All messages of a conversation that a person may see, in their order."""
        with _declined():
            return await self._messages.newest(conversation, person.id, _ALL)

    async def open(self, outbox: Outbox, conversation: str) -> Sequence[PageMessage]:
        """Lets a socket follow a conversation; what it shows at this moment."""
        # Followed first, read second: a change in between is in the one or the other.
        self.hub.watch(outbox, conversation)
        self._following.begin()
        return await self.snapshot(conversation, outbox.person_id)

    async def _admit(
        self,
        conversation: str,
        person: Person,
        message_id: str = "",
        *,
        spends: bool = True,
        run_id: UUID | None = None,
    ) -> None:
        """Raises `NotAdmitted` where the person may not do that, to the answer of a run."""
        place = place_of(conversation)
        verdict = await self.inflow.admits(place, person, spends=spends, run_id=run_id)
        if verdict.unsure:
            raise Declined(Sentence("web.cant_do"), message_id)
        if not verdict.admitted:
            told = verdict.told.sentence if verdict.told else Sentence("told.not_you")
            raise NotAdmitted(told, message_id)

    async def _find(self, conversation: str, person: Person, message_id: str) -> PageMessage:
        with _declined(message_id):
            message = await self._messages.find(conversation, message_id)
        if message is None or not message.is_for(person.id):
            raise Declined(Sentence("web.gone"), message_id)
        return message

    async def _store(self, conversation: str, person: Person, ask: Ask) -> tuple[PageMessage, bool]:
        author = Author(id=person.id, name=person.name)
        with _declined(ask.id):
            files = await self._named(conversation, person, ask)
            instead = await self._instead_of(conversation, person, ask)
            content = Content(text=ask.text, files=files, instead=instead)
            message, is_new = await self._messages.add(
                conversation, ask.id, f"ask:{ask.id}", author, content
            )
        theirs = (message.conversation, message.author_id) == (conversation, person.id)
        if message.deleted or not theirs:
            raise Declined(Sentence("web.there_already"), ask.id)
        self.hub.tell(message)
        return message, is_new

    async def _instead_of(self, conversation: str, person: Person, ask: Ask) -> int | None:
        """The position of the question that this one is asked instead of."""
        if ask.instead is None:
            return None
        earlier = await self._messages.find(conversation, ask.instead)
        if earlier is None or earlier.by_bot or earlier.author_id != person.id:
            raise Declined(Sentence("web.question_gone"), ask.id)
        return earlier.seq

    async def _named(self, conversation: str, person: Person, ask: Ask) -> tuple[File, ...]:
        if not ask.files:
            return ()
        found = await self._files.named(conversation, person.id, ask.files)
        if len(found) < len(ask.files):
            raise Declined(Sentence("web.file_gone"), ask.id)
        return tuple(found)

    async def _delete(self, message: PageMessage) -> None:
        with _declined(message.id):
            deleted = await self._messages.delete(message.conversation, message.id)
        if deleted:
            self.hub.tell_deleted(message)
            self.inflow.put(Deleted(_ref(message)))

    async def _take_back(self, message: PageMessage) -> None:
        with _declined(message.id):
            await self._messages.take_back(message.id)
        self.hub.tell_deleted(message)


@contextmanager
def _declined(message_id: str = "") -> Iterator[None]:
    try:
        yield
    except NoRoom as error:
        raise NotAdmitted(error.why, message_id) from error
    except SQLAlchemyError as error:
        raise Declined(Sentence("web.away"), message_id) from error


def _ref(message: PageMessage) -> MessageRef:
    return MessageRef(place_of(message.conversation), message.id)


def _said(message: PageMessage, person: Person) -> Event:
    if (order := order_in(message.text)) is not None:
        return Commanded(_ref(message), person, *order)
    return Asked(_ref(message), person, message.text, message.files)
