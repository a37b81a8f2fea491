"""The files of an answer: attached to its last message by an edit, and read back from there.

Discord has no step before the edit: a file is known by its name, which is made its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from connectors.base import AnswerFile, MessageRef, Place, Refused, SentFile
from connectors.discord.api import Form, Rest
from connectors.discord.guilds import Guilds

MOST_BYTES = 10 * 1024 * 1024
"""Of a file where nobody has paid for more."""
_MOST_FILES = 10
"""Of a message."""
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
"""What Discord would leave out of a name, or replace."""

Message = Mapping[str, Any]
Attach = Callable[[MessageRef, Form], Awaitable[Message]]
"""Changes a message by a form with files."""


class DiscordUploads:
    """Sends files; `read` tells what Discord has of a message. Raises every `ConnectorError`."""

    def __init__(
        self,
        rest: Rest,
        guilds: Guilds,
        read: Callable[[MessageRef], Awaitable[Message]],
        attach: Attach,
    ) -> None:
        self._rest = rest
        self._guilds = guilds
        self._read = read
        self._attach = attach

    def most_bytes(self, place: Place) -> int:
        """What a server takes, which depends on how it is boosted."""
        return max(MOST_BYTES, self._guilds.most_file_bytes(place.workspace))

    async def upload(self, file: AnswerFile) -> str:
        """The name that a file is going to have: no other of a message has the same."""
        stem, _, extension = file.name.rpartition(".")
        plain = _ODD.sub("_", stem).strip("._-") or "file"
        return f"{plain[:80]}-{file.sha256[:8]}.{_ODD.sub('_', extension)}"

    async def attach(self, ref: MessageRef, file: AnswerFile, upload: str) -> None:
        """Adds a file to those of a message, unless it is among them already."""
        there = (await self._read(ref)).get("attachments") or ()
        if any(each["filename"] == upload for each in there):
            return
        if len(there) >= _MOST_FILES:
            raise Refused(f"A message has {_MOST_FILES} files at the most.")
        kept = [{"id": each["id"]} for each in there]
        named = {"attachments": [*kept, {"id": "0", "filename": upload}]}
        content = {"value": file.content, "filename": upload, "content_type": file.media_type}
        await self._attach(
            ref,
            [
                {"name": "payload_json", "value": json.dumps(named)},
                {"name": "files[0]", **content},
            ],
        )

    async def attached(self, ref: MessageRef, file: AnswerFile, upload: str) -> SentFile | None:
        """The file as Discord hands it out; None where the message has none of that name."""
        for each in (await self._read(ref)).get("attachments") or ():
            if each["filename"] == upload:
                most = max(len(file.content), int(each["size"]))
                return SentFile.of(await self._rest.download(each["url"], most))
        return None
