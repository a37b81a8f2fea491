"""The page as a chat platform: its messages in a table, its readers on WebSockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from connectors.base import (
    AnswerFile,
    Budget,
    Control,
    File,
    FileStep,
    Gone,
    Incoming,
    Inflow,
    Limits,
    MessageRef,
    Part,
    Person,
    Place,
    Said,
    SentFile,
    Shown,
    Status,
    TooLarge,
    Unavailable,
)
from connectors.tables import reachable
from connectors.web.access import REALM, Visitors
from connectors.web.desk import Desk, place_of
from connectors.web.files import FileQuota, FileStore, PageRetention
from connectors.web.hub import Hub
from connectors.web.login import InspectorGate, Login, SignIn
from connectors.web.messages import Author, Content, PageMessage, PageMessages, web_messages
from connectors.web.routes import Pages
from connectors.web.sessions import LoginSessions
from connectors.web.signing import SigningKeys
from connectors.web.uploads import WebUploads
from connectors.words import Language, Sentence, Wording
from connectors.words.installation import typed

# The pace of a conversation: as on a platform, or as fast as is pleasant to read.
#
# It stands in the conversation's name, so that it outlives a restart and is the same in every tab:
# `slack-…`, `discord-…`; any other name is fast.


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a message may change, and how long it may be.

    `calls` posts and edits in any `seconds`; `shared` by all conversations of this pace, as a Slack
    workspace shares them, or each conversation's own.
    """

    name: str
    length: int
    calls: int
    seconds: float
    shared: bool = False

    def budget(self, conversation: str) -> Budget:
        """The budget that a conversation's calls are counted in."""
        key = self.name if self.shared else conversation
        return Budget(f"web:{key}", self.calls, self.seconds)


FAST = Pace("fast", 4000, 5, 1.0)
SLACK = Pace("slack", 11_000, 50, 60.0, shared=True)
DISCORD = Pace("discord", 2000, 4, 5.0)

_PACES = {pace.name: pace for pace in (SLACK, DISCORD)}


def pace_of(conversation: str) -> Pace:
    """The pace of a conversation, by its name."""
    return _PACES.get(conversation.partition("-")[0], FAST)


_BOT = Author(id="bot", name="Everytoken", by_bot=True)
_ALONE = Sentence("web.alone")
_CLOSING_SECONDS = 2.0


class WebConnector:
    """A page to try the bot on. Mount `routes()`; the table is made by the bot's migrations.

    `engine` is its owner's to close. `about` says on the page which model answers, as in
    "Answers come from …"; `small`, that it is a demonstration only. `public` is true where others
    than this machine's users can reach the page: it then asks for `password`, and stays closed
    without one. Who logs in with
    `inspector_password` (None: with the same) may see the inspector; `sign_in` lets people in by
    name. `public_url` is the address
    that a proxy in front gives it. `max_file_bytes`: a larger file is not taken.
    `runs_path`: where the runs can be looked at, as `/runs`; empty where they can't.
    `example`: one more question that the empty page offers.
    `secret_keys` sign what browsers keep, the first of them; empty: a key in the database does.
    `room` says how much of what people attach is kept. `language` is that of visitors whose
    browser has none that there is. `voice_seconds`: how long somebody may speak; 0: nobody listens.
    """

    name = "web"
    realm = REALM
    table = web_messages.name
    limits = Limits(
        length=FAST.length, receipts=True, length_at=lambda place: pace_of(place.channel).length
    )

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        about: str,
        small: bool = False,
        password: str | None = None,
        inspector_password: str | None = None,
        sign_in: SignIn | None = None,
        public: bool = False,
        public_url: str | None = None,
        max_file_bytes: int = 10_000_000,
        runs_path: str = "",
        example: str = "",
        secret_keys: Sequence[str] = (),
        room: FileQuota = FileQuota(),  # noqa: B008 - frozen
        language: Language = Language.ENGLISH,
        voice_seconds: int = 0,
    ) -> None:
        self._messages = PageMessages(engine)
        self._files = FileStore(engine, room)
        self._most_file_bytes = min(room.person, room.total)
        keeping = PageRetention(engine)
        self.delete_before = keeping.delete_before
        self.delete_unnamed = keeping.delete_unnamed
        self.data_of = keeping.data_of
        self.erase = keeping.erase
        self._hub = Hub()
        self._inflow = Inflow()
        self._uploads = WebUploads(engine, self._messages, self._files, self._hub.tell)
        desk = Desk(self._messages, self._files, self._hub, self._inflow)
        self.keys = SigningKeys(engine, secret_keys)
        self.login = Login(
            LoginSessions(engine),
            self.keys,
            {"page": password, "inspector": inspector_password or password},
            sign_in,
            public=public,
            public_url=public_url,
            language=language,
        )
        self._pages = Pages(
            desk, self.login, Visitors(self.keys), about, small, max_file_bytes, runs_path,
            language, example, voice_seconds, self._uploads.served,
        )  # fmt: skip

    def routes(self) -> list[BaseRoute]:
        """The page at `/`, its files, its socket and, with a password, the way in and out."""
        return self._pages.routes()

    def gate(self) -> InspectorGate:
        """What stands before the inspector: the page's login opens it."""
        return InspectorGate(self.login.access("inspector"), self.login)

    def link(self, ref: MessageRef) -> str:
        """The conversation that a message stands in."""
        return f"/#{quote(ref.place.channel, safe='')}"

    def events(self) -> AsyncIterator[Incoming]:
        """What people say, press and delete, in order, until `aclose`."""
        return self._inflow.events()

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:  # noqa: ARG002 - posts and edits share it
        """The conversation's pace."""
        return pace_of(place.channel).budget(place.channel)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        """Stores a message, then shows it to all who look, or to one. Raises `TooLarge`,
        `Unavailable`.
        """
        return await self._messages.changes.whole(self._post(place, part, key))

    async def whisper(self, place: Place, person: Person, said: Wording, key: str) -> None:
        """The same to one person alone, who finds it in the conversation later on, too."""
        await self.post(place, Part.saying(said, person), f"whisper:{key}")

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:  # noqa: ARG002 - the key is enough
        """The message that the table holds for a key. Raises `Unavailable`."""
        with reachable():
            message = await self._messages.posted(place.channel, _key(key))
        return None if message is None else _shown(message)

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        """Changes a message, then shows it to all who look.

        Raises `Gone` (deleted, or never there), `TooLarge`, `Unavailable`.
        """
        return await self._messages.changes.whole(self._edit(ref, self._content(ref.place, part)))

    async def read(self, ref: MessageRef) -> Shown:
        """What the table holds for a message now. Raises `Gone`, `Unavailable`."""
        with reachable():
            message = await self._messages.find(ref.place.channel, ref.id)
        return _shown(_there(message))

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        """The newest messages before one, without commands, oldest of them first.

        Raises `Gone` where `before` never was in this place, `Unavailable`.
        """
        with reachable():
            messages = await self._messages.before(place.channel, before.id, limit)
        if messages is None:
            raise Gone(f"There is no message {before.id} in this conversation.")
        return [_said(message) for message in messages]

    async def fetch(self, file: File, most: int) -> bytes:
        """A file's content. Raises `TooLarge`, `Gone`, `Unavailable`."""
        with reachable():
            content = await self._files.content(file.id)
        if content is None:
            raise Gone(f"The file {file.name} was deleted.")
        if len(content) > most:
            raise TooLarge(f"The file has more than {most} bytes.")
        return content

    def most_file_bytes(self, place: Place) -> int:  # noqa: ARG002 - the same everywhere
        """As much as is kept of one person."""
        return self._most_file_bytes

    def file_budget(self, place: Place, step: FileStep) -> Budget:  # noqa: ARG002 - all alike
        """A pace of its own."""
        return Budget(f"web:files:{place.channel}", 50, 1.0)

    async def upload(self, ref: MessageRef, file: AnswerFile) -> str:
        """Keeps a file of an answer, which nobody sees before `attach`."""
        return await self._uploads.upload(ref, file)

    async def attach(self, ref: MessageRef, file: AnswerFile, upload: str) -> None:
        """Shows it below the answer's last message."""
        await self._uploads.attach(ref, file, upload)

    async def attached(self, ref: MessageRef, file: AnswerFile, upload: str) -> SentFile | None:  # noqa: ARG002 - its id tells
        """The file as the page hands it out."""
        return await self._uploads.attached(ref, upload)

    async def heard(self, ref: MessageRef, text: str, files: Sequence[File]) -> None:
        """A question shows what was heard in its recordings. Raises `Unavailable`."""
        await self._messages.changes.whole(self._heard(ref, text, files))

    async def _heard(self, ref: MessageRef, text: str, files: Sequence[File]) -> None:
        with reachable():
            message = await self._messages.heard(ref.place.channel, ref.id, text, files)
        if message is not None:
            self._hub.tell(message)

    async def signal(self, place: Place, status: Status) -> None:
        """Shows the status to all who look; it is not stored."""
        self._hub.tell_status(place.channel, status)

    async def probe(self) -> None:
        """Checks that the table is there. Raises `Unavailable`."""
        try:
            await self._messages.probe()
        except SQLAlchemyError as error:
            raise Unavailable(
                f"The playground's table can't be read. Run `{typed('db upgrade')}`."
            ) from error

    async def aclose(self) -> None:
        """Ends `events` and closes every socket with 1012: the page then comes back by itself."""
        self._inflow.close()
        await self._hub.close(1012, _CLOSING_SECONDS)
        await self._pages.aclose()
        await self.login.sessions.aclose()
        await self._messages.aclose()

    async def _post(self, place: Place, part: Part, key: str) -> Shown:
        content = self._content(place, part)
        reader_id = part.to.id if part.to else None
        with reachable():
            message, _ = await self._messages.add(
                place.channel, uuid4().hex, _key(key), _BOT, content, reader_id
            )
        if not message.deleted:
            self._hub.tell(message)
            if reader_id is None:  # what one person is told ends nothing that others wait for
                self._hub.tell_status(place.channel, Status.IDLE)
        return _shown(message)

    async def _edit(self, ref: MessageRef, content: Content) -> Shown:
        with reachable():
            message = await self._messages.change(ref.place.channel, ref.id, content)
        message = _there(message)
        self._hub.tell(message)
        return _shown(message)

    def _content(self, place: Place, part: Part) -> Content:
        most = self.limits.at(place).length
        if len(part.text) > most:
            raise TooLarge(f"{len(part.text)} characters; the most is {most}.")
        return Content(
            text=part.text,
            controls=tuple(control.value for control in _controls(part)),
            footer=_footer(part),
            run_id=part.run_id,
            part=part.index,
            last=part.last,
            about=part.about.id if part.about else None,
            failed=part.failed,
        )


def _controls(part: Part) -> tuple[Control, ...]:
    """A whole answer can be asked for again, too: the page has room for both."""
    whole = Control.UP in part.controls and Control.RETRY not in part.controls
    return (*part.controls, Control.RETRY) if whole else part.controls


def _footer(part: Part) -> str:
    """The small print, in the language of who reads it first."""
    said = part.footer or (_ALONE.to(part.language) if part.to else None)
    return "" if said is None else said.text


def _key(key: str) -> str:
    """A post's key in the table, where people's messages have keys as well."""
    return f"post:{key}"


def _there(message: PageMessage | None) -> PageMessage:
    if message is None:
        raise Gone("The message is not there any more.")
    return message


def _ref(message: PageMessage) -> MessageRef:
    return MessageRef(place_of(message.conversation), message.id)


def _shown(message: PageMessage) -> Shown:
    from connectors.web.dialect import read, write  # see `Drawings`

    drawn = read(write(message.text))
    return Shown(_ref(message), drawn.text, drawn.unknown, source=message.text)


def _said(message: PageMessage) -> Said:
    author = Person(message.author_id, message.author_name)
    return Said(_ref(message), author, message.text, message.by_bot, message.at_us, message.files)
