"""The files of an answer: an address to upload to, the upload, and its sharing in the thread.

Slack shares a file some time after it said that it would, and now and then not at all (reported):
only `files.info` says that it did. A file that is shared again may be there twice, so that is done
once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.base import (
    AnswerFile,
    Budget,
    ConnectorError,
    FileStep,
    Gone,
    MessageRef,
    Place,
    SentFile,
    Unavailable,
    Unconfirmed,
)
from connectors.newest import Newest
from connectors.slack.api import Api
from connectors.slack.errors import code_of

MOST_BYTES = 1_000_000_000
"""Slack's own limit; a workspace may have a smaller one, which it tells when it refuses."""
_METHODS: Mapping[FileStep, str] = {
    "upload": "files.getUploadURLExternal",
    "attach": "files.completeUploadExternal",
    "read": "files.info",
}
_CALLS = 100
_SECONDS = 61.0
"""Tier 4, over a second more than a minute, as a margin for network jitter."""
_REMEMBERED = 1_000
LOST_S = 10.0
"""Seconds after which a file that Slack doesn't know was surely not shared, if no answer came."""


class SlackUploads:
    """Sends files. Raises every kind of `ConnectorError`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._unknown_until: Newest[str, float] = Newest(_REMEMBERED)
        """Until when Slack may not know a file that it was asked to share, in the loop's time."""

    def budget(self, place: Place, step: FileStep) -> Budget:
        """Slack's rate for the method of a step, in a workspace."""
        return Budget(f"slack/{place.workspace}/{_METHODS[step]}", _CALLS, _SECONDS)

    async def upload(self, ref: MessageRef, file: AnswerFile) -> str:
        """Uploads a file, which nobody sees; returns Slack's id of it."""
        team = ref.place.workspace
        given = await self._api.call(
            team, _METHODS["upload"], filename=file.name, length=len(file.content)
        )
        await self._api.upload(given["upload_url"], file.content)
        return str(given["file_id"])

    async def attach(self, ref: MessageRef, file: AnswerFile, upload: str) -> None:
        """Shares an upload in the answer's thread, or in its channel."""
        place = ref.place
        self._unknown_until[upload] = math.inf
        try:
            await self._api.call(
                place.workspace,
                _METHODS["attach"],
                files=[{"id": upload, "title": file.name}],
                channel_id=place.channel,
                thread_ts=place.thread or None,
            )
        except Unconfirmed:
            self._unknown_until[upload] = asyncio.get_running_loop().time() + LOST_S
            raise
        except ConnectorError:
            del self._unknown_until[upload]
            raise

    async def attached(self, ref: MessageRef, file: AnswerFile, upload: str) -> SentFile | None:
        """What Slack hands out of a file that it has shared; None where it knows no such file.

        Raises `Unavailable` where it has not shared it yet.
        """
        team = ref.place.workspace
        try:
            about = (await self._api.look_up(team, _METHODS["read"], file=upload))["file"]
        except Gone as error:
            late = asyncio.get_running_loop().time() > self._unknown_until.get(upload, -math.inf)
            if code_of(error) == "file_not_found" and late:
                return None
            raise Unavailable("Slack doesn't know the file yet.") from error
        if not any(channel == ref.place.channel for channel in _shares(about)):
            raise Unavailable("Slack has not shared the file yet.")
        address = str(about.get("url_private_download") or about["url_private"])
        most = max(len(file.content), int(about.get("size") or 0))
        return SentFile.of(await self._api.download(team, address, most))


def _shares(about: Mapping[str, Any]) -> Iterator[str]:
    """The channels in which a file can be seen."""
    for kind in (about.get("shares") or {}).values():
        yield from kind
