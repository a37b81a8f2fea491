"""The files under a message. An id names the workspace too: a file is fetched without a place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import ConnectorError, File, Gone, Refused, TooLong
from connectors.slack.api import Api

log = logging.getLogger(__name__)

_GONE = frozenset({"tombstone", "hidden_by_limit"})
"""Modes of files that were deleted, or that a free plan no longer shows."""


_UNKNOWN = "application/octet-stream"
_PATIENCE_S = 1.5
"""An event has to be acknowledged in three seconds."""


def files_of(team: str, message: Mapping[str, Any]) -> tuple[File, ...]:
    """The files under a message of workspace `team`; those that were deleted are left out."""
    return tuple(
        _file(team, each) for each in message.get("files") or () if each.get("mode") not in _GONE
    )


def _file(team: str, about: Mapping[str, Any]) -> File:
    # Of a file that another organisation shares, Slack tells the id alone at first.
    withheld = about.get("file_access") == "check_file_info"
    return File(
        id=f"{team}/{about['id']}",
        name=about.get("name") or about.get("title") or about["id"],
        media_type=about.get("mimetype") or ("" if withheld else _UNKNOWN),
        size=int(about.get("size") or 0),
    )


async def told(api: Api, files: Sequence[File]) -> tuple[File, ...]:
    """The same files, each with what Slack keeps back of it until it is asked for.

    A file that cannot be looked up in time stays as it is: fetching it tells why.
    """
    return tuple(await asyncio.gather(*(_told(api, file) for file in files)))


async def _told(api: Api, file: File) -> File:
    if file.media_type:
        return file
    team, _, name = file.id.partition("/")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            about = (await api.call(team, "files.info", file=name))["file"]
    except (ConnectorError, TimeoutError) as error:
        log.warning("a shared file could not be looked up: %s", str(error) or "it took too long")
        return replace(file, media_type=_UNKNOWN)
    return _file(team, {**about, "id": name, "file_access": ""})


async def fetch(api: Api, file: File, most: int) -> bytes:
    """A file's content. Raises `TooLong` where it has more than `most` bytes, and `Gone`."""
    team, _, name = file.id.partition("/")
    about = (await api.look_up(team, "files.info", file=name))["file"]
    if about.get("mode") in _GONE:
        raise Gone(f"The file {file.name} was deleted.")
    if about.get("is_external"):
        raise Refused(f"{file.name} is kept outside of Slack: the bot can't read it there.")
    if int(about.get("size") or 0) > most:
        raise TooLong(f"The file has more than {most} bytes.")
    address = about.get("url_private_download") or about.get("url_private")
    if not address:
        raise Refused(f"Slack does not give {file.name} to the bot.")
    return await api.download(team, address, most)
