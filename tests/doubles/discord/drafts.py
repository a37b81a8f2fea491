"""From a call's body to what a message is to show: Discord's rules for messages."""

from __future__ import annotations

import mimetypes
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.doubles.discord import errors
from tests.doubles.discord.limits import Limits
from tests.doubles.discord.mentions import find_mentions
from tests.doubles.discord.message_payloads import numbered, trimmed
from tests.doubles.discord.model import (
    JSON,
    Attachment,
    Channel,
    MessageFlag,
    Version,
    flat,
)
from tests.doubles.discord.permissions import Permission

if TYPE_CHECKING:
    from tests.doubles.discord.platform import Platform

SETTABLE = (
    MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.EPHEMERAL
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.COMPONENTS_V2
)
"""The flags that a body may set."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a call."""

    filename: str
    data: bytes


def draft(
    platform: Platform,
    channel: Channel,
    body: JSON,
    files: dict[str, Upload],
    *,
    replied: str | None = None,
) -> Version:
    """What a new message shows; `APIError` where the body breaks a rule."""
    version = _merged(platform, channel, Version(time.time()), body, files, replied)
    return _checked(version, platform, channel)


def redraft(
    platform: Platform, channel: Channel, old: Version, body: JSON, files: dict[str, Upload]
) -> Version:
    """What a message shows after an edit: only what the body names changes."""
    version = _checked(_merged(platform, channel, old, body, files, None), platform, channel)
    return version if MessageFlag.EPHEMERAL in old.flags else for_all(version)


def for_all(version: Version) -> Version:
    """The same for everybody to see: only an answer to an interaction can be for one alone."""
    return replace(version, flags=version.flags & ~MessageFlag.EPHEMERAL)


def _merged(
    platform: Platform,
    channel: Channel,
    old: Version,
    body: JSON,
    files: dict[str, Upload],
    replied: str | None,
) -> Version:
    _check_body(body, platform.limits)
    version = replace(old, at=time.time(), flags=_flags(old.flags, body))
    if "content" in body:
        version = replace(version, content=(body["content"] or "").strip())
    if "embeds" in body:
        version = replace(version, embeds=tuple(trimmed(e) for e in body["embeds"] or []))
    if "components" in body:
        version = replace(version, components=numbered(body["components"] or []))
    if "attachments" in body or files:
        attachments = _attachments(platform, channel, old, body, files)
        version = replace(version, attachments=attachments)
    guild = platform.guilds.get(channel.guild_id or "")
    mighty = Permission.MENTION_EVERYONE in channel.allowed
    allowed = body.get("allowed_mentions")
    found = find_mentions(version.text, allowed, guild, mighty=mighty, replied=replied)
    return replace(version, mentions=found)


def _flags(old: MessageFlag, body: JSON) -> MessageFlag:
    if body.get("flags") is None:
        return old
    return (old & ~MessageFlag.SUPPRESS_EMBEDS) | (MessageFlag(body["flags"]) & SETTABLE)


def _attachments(
    platform: Platform, channel: Channel, old: Version, body: JSON, files: dict[str, Upload]
) -> tuple[Attachment, ...]:
    named: list[JSON] = body.get("attachments") or []
    kept_ids = {str(each["id"]) for each in named}
    kept = [a for a in old.attachments if a.id in kept_ids or "attachments" not in body]
    if files and Permission.ATTACH_FILES not in channel.allowed:
        raise errors.missing_permissions()
    about = {str(each["id"]): each for each in named}
    new = [
        _attachment(platform, channel, upload, about.get(number, {}))
        for number, upload in files.items()
    ]
    return (*kept, *new)


def _attachment(platform: Platform, channel: Channel, upload: Upload, about: JSON) -> Attachment:
    limit = platform.limits.upload_bytes
    if limit is not None and len(upload.data) > limit:
        raise errors.too_large()
    return attachment(platform, channel, upload, about.get("description"))


def attachment(
    platform: Platform, channel: Channel, upload: Upload, description: str | None = None
) -> Attachment:
    """A file as the platform keeps it."""
    kind = mimetypes.guess_type(upload.filename)[0] or "application/octet-stream"
    kind += "; charset=utf-8" if kind.startswith("text/") else ""
    name = upload.filename.replace(" ", "_")
    return Attachment(platform.ids.next(), channel.id, name, kind, upload.data, description)


def _check_body(body: JSON, limits: Limits) -> None:
    _check_length("content", body.get("content"), limits.content)
    _check_length("nonce", body.get("nonce"), limits.nonce)
    for number, embed in enumerate(body.get("embeds") or []):
        path = f"embeds.{number}.description"
        _check_length(path, embed.get("description"), limits.embed_description)
    _check_mentions(body.get("allowed_mentions") or {})
    _check_components(body.get("components") or [])


def _check_length(path: str, text: Any, limit: int | None) -> None:
    if limit is not None and text is not None and units(str(text)) > limit:
        raise errors.too_long(path, limit)


def units(text: str) -> int:
    """The length of a text in UTF-16 units, lone surrogates too."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _check_mentions(allowed: JSON) -> None:
    for kind in ("users", "roles"):
        if kind in allowed.get("parse", []) and allowed.get(kind):
            code = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"
            message = f"parse:[{kind!r}] and {kind}: [ids...] are mutually exclusive."
            raise errors.invalid_form("allowed_mentions", code, message)


def _check_components(components: list[JSON]) -> None:
    for number, row in enumerate(components):
        _check_row(f"components.{number}", row)
    ids = [each["custom_id"] for each in flat(components) if "custom_id" in each]
    if len(ids) != len(set(ids)):
        code = "COMPONENT_CUSTOM_ID_DUPLICATED"
        raise errors.invalid_form("components", code, "Component custom id cannot be duplicated")


def _check_row(path: str, row: JSON) -> None:
    children: list[JSON] = row.get("components", [])
    if row.get("type") == 1 and not 1 <= len(children) <= 5:
        message = "Must be between 1 and 5 in length."
        raise errors.invalid_form(f"{path}.components", "BASE_TYPE_BAD_LENGTH", message)
    for number, child in enumerate(children):
        inner = f"{path}.components.{number}"
        _check_length(f"{inner}.custom_id", child.get("custom_id"), 100)
        _check_length(f"{inner}.label", child.get("label"), 80)


def _checked(version: Version, platform: Platform, channel: Channel) -> Version:
    platform.moderation.check(channel, version.text)
    if MessageFlag.COMPONENTS_V2 in version.flags:
        _check_displays(version, platform.limits)
    elif len(version.components) > 5:
        raise errors.invalid_form("components", "BASE_TYPE_BAD_LENGTH", "Must be 5 or fewer.")
    if version.empty:
        raise errors.empty_message()
    return version


def _check_displays(version: Version, limits: Limits) -> None:
    if version.content or version.embeds:
        name = "content" if version.content else "embeds"
        code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
        raise errors.invalid_form(name, code, f"The '{name}' field cannot be used here.")
    text = "".join(each["content"] for each in flat(version.components) if each["type"] == 10)
    if limits.text_display is not None and len(text) > limits.text_display:
        message = f"Components displayable text size exceeds maximum size of {limits.text_display}"
        code = "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"
        raise errors.invalid_form("components", code, message)
