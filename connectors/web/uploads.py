"""The files of an answer on the page: kept in its table, named by the answer's last message, shown
where they are images, offered for saving where they are anything else, and never run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import Response

from connectors.base import AnswerFile, File, Gone, MessageRef, Refused, SentFile
from connectors.tables import reachable
from connectors.web.files import FileStore, NoRoom, Upload, web_files
from connectors.web.messages import PageMessage, PageMessages

SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What a browser draws without running anything of it."""
_ANY_TYPE = "application/octet-stream"


class WebUploads:
    """Sends files. Raises `Gone`, `Refused` and `Unavailable`."""

    def __init__(
        self,
        engine: AsyncEngine,
        messages: PageMessages,
        files: FileStore,
        tell: Callable[[PageMessage], None],
    ) -> None:
        self._engine = engine
        self._messages = messages
        self._files = files
        self._tell = tell

    async def upload(self, ref: MessageRef, file: AnswerFile) -> str:
        """Keeps a file as its asker's, which nobody sees; returns its id."""
        conversation = ref.place.channel
        with reachable():
            message = await self._message(ref)
            about = message.about and await self._messages.find(conversation, message.about)
            asker = about.author_id if about else ""
            upload = Upload(file.name, file.media_type, file.content)
            try:
                kept = await self._files.add(conversation, asker, upload)
            except NoRoom as error:
                raise Refused(error.why.id) from error
        return kept.id

    async def attach(self, ref: MessageRef, file: AnswerFile, upload: str) -> None:
        """Names a file below a message, once, and shows it to all who look."""
        entry = File(upload, file.name, file.media_type, len(file.content))
        await self._messages.changes.whole(self._attach(ref, entry))

    async def attached(self, ref: MessageRef, upload: str) -> SentFile | None:
        """The file as it is handed out."""
        with reachable():
            message = await self._message(ref)
            if not any(each.id == upload for each in message.files):
                return None
            content = await self._files.content(upload)
        return None if content is None else SentFile.of(content)

    async def served(self, conversation: str, person_id: str, file_id: str) -> Response | None:
        """A file of an answer that a person may see, as it is handed out; None where there is none.

        Raises `Unavailable`.
        """
        kept = web_files.c
        query = select(kept.name, kept.media_type, kept.content).where(
            kept.id == file_id, kept.conversation == conversation
        )
        with reachable():
            if not await self._messages.shows(conversation, person_id, file_id):
                return None
            async with self._engine.connect() as connection:
                row = (await connection.execute(query)).first()
        return None if row is None else handed_out(row.name, row.media_type, bytes(row.content))

    async def _attach(self, ref: MessageRef, entry: File) -> None:
        with reachable():
            message = await self._messages.attach(ref.place.channel, ref.id, entry)
        if message is None:
            raise Gone("The message is not there any more.")
        self._tell(message)

    async def _message(self, ref: MessageRef) -> PageMessage:
        message = await self._messages.find(ref.place.channel, ref.id)
        if message is None:
            raise Gone("The message is not there any more.")
        return message


Serve = Callable[[str, str, str], Awaitable[Response | None]]
"""Hands out a file of a conversation to a person: see `WebUploads.served`."""


def handed_out(name: str, media_type: str, content: bytes) -> Response:
    """A file as a browser gets it: what isn't a plain image is only ever saved."""
    drawn = media_type in SHOWN
    how = "inline" if drawn else "attachment"
    headers = {
        "Content-Disposition": f"{how}; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, max-age=3600",
    }
    return Response(content, media_type=media_type if drawn else _ANY_TYPE, headers=headers)
