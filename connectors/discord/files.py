"""The files under a message. An id names the message too: addresses of files hold for a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import File, Gone, TooLong
from connectors.discord.rest import Rest

_UNKNOWN = "application/octet-stream"
_ADDRESS = ("https://", "http://")
"""Files given to a slash command stand under no message: their id is their address."""


def files_of(message: Mapping[str, Any]) -> tuple[File, ...]:
    """The files under a message."""
    return tuple(_file(message, each) for each in message.get("attachments") or ())


def file_id(channel: str, message: str, attachment: str) -> str:
    """What a file is fetched by."""
    return f"{channel}/{message}/{attachment}"


async def fetch(rest: Rest, file: File, most: int) -> bytes:
    """A file's content. Raises `TooLong` where it has more than `most` bytes, and `Gone`."""
    if file.id.startswith(_ADDRESS):
        return await rest.download(file.id, most)
    channel, message, attachment = file.id.split("/")
    found: Mapping[str, Any] = await rest.look_up(
        "/channels/{channel_id}/messages/{message_id}", channel_id=channel, message_id=message
    )
    passed_on = [each["message"] for each in found.get("message_snapshots") or ()]
    there = (a for each in (found, *passed_on) for a in each.get("attachments") or ())
    about = next((each for each in there if each["id"] == attachment), None)
    if about is None:
        raise Gone(f"The file {file.name} was deleted.")
    if int(about["size"]) > most:
        raise TooLong(f"The file has more than {most} bytes.")
    return await rest.download(about["url"], most)


def _file(message: Mapping[str, Any], about: Mapping[str, Any]) -> File:
    return File(
        id=file_id(message["channel_id"], message["id"], about["id"]),
        name=about["filename"],
        media_type=str(about.get("content_type") or _UNKNOWN).partition(";")[0],
        size=int(about["size"]),
    )
