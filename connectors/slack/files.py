"""The files under a message. An id names the workspace too: a file is fetched without a place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import File, Gone, Refused, TooLong
from connectors.slack.api import Api

_GONE = frozenset({"tombstone", "hidden_by_limit"})
"""Modes of files that were deleted, or that a free plan no longer shows."""


def files_of(team: str, message: Mapping[str, Any]) -> tuple[File, ...]:
    """The files under a message of workspace `team`; those that were deleted are left out."""
    return tuple(
        _file(team, each) for each in message.get("files") or () if each.get("mode") not in _GONE
    )


def _file(team: str, about: Mapping[str, Any]) -> File:
    # Of a file that another organisation shares, Slack tells the id alone at first.
    return File(
        id=f"{team}/{about['id']}",
        name=about.get("name") or about.get("title") or about["id"],
        media_type=about.get("mimetype") or "application/octet-stream",
        size=int(about.get("size") or 0),
    )


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
