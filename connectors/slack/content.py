"""What a message of Slack's says, as a person reads it: its text, its files, and the same for
what history has.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import (
    ConnectorError,
    File,
    Gone,
    MessageRef,
    Person,
    Place,
    Refused,
    Said,
    TooLarge,
)
from connectors.slack.api import Api, BotIdentity
from connectors.slack.people import is_dm, name_in

Json = Mapping[str, Any]

_DEEPEST = 12
"""Blocks and attachments nest, but not for ever."""


def content_of(message: Json) -> str:
    """All that a message says: its own words, then what it forwards or attaches.

    Text is Slack's mrkdwn: `<@U1>`, `<https://…|label>` and entities are still to be undone.
    """
    own, drawn = _text(message.get("text")), _of_blocks(message.get("blocks"), _DEEPEST)
    if message.get("bot_id") or not own:  # an app's text is what its notifications show
        own = _lines(drawn) or own
    attached = _lines(_attached(message, _DEEPEST))
    return "\n".join(part for part in (own, attached) if part.strip())


def _attached(message: Json, depth: int) -> Iterator[str]:
    by_app = bool(message.get("bot_id"))
    for each in _list(message.get("attachments")):
        if _is_share(each):
            yield from _shared(each, depth)
        elif by_app or not (each.get("from_url") or each.get("original_url")):
            # A person's other attachments are previews of the addresses in their words.
            yield from _attachment(each, depth)


def _is_share(attachment: Json) -> bool:
    """Whether it is somebody's message that was forwarded, or whose link was posted."""
    return any(attachment.get(mark) for mark in ("is_share", "is_msg_unfurl", "message_blocks"))


def _shared(share: Json, depth: int) -> Iterator[str]:
    said = str(share.get("text") or "") or _lines(_messages(share.get("message_blocks"), depth))
    said = (
        said or _lines(_of_blocks(share.get("blocks"), depth)) or str(share.get("fallback") or "")
    )
    author = str(share.get("author_name") or share.get("author_subname") or "")
    heading = f"Forwarded from {escaped(author)}:" if author else "Forwarded:"
    yield f"{heading}\n{_quoted(said)}" if said.strip() else ""
    if depth:
        yield from _attached(share, depth - 1)


def _messages(found: object, depth: int) -> Iterator[str]:
    """The blocks of forwarded messages: `[{"message": {"blocks": […]}}]`."""
    for each in _list(found):
        yield from _of_blocks((each.get("message") or {}).get("blocks"), depth)


def _attachment(attachment: Json, depth: int) -> Iterator[str]:
    said = [str(attachment.get(part) or "") for part in ("pretext", "title", "text")]
    for field in _list(attachment.get("fields")):
        title, value = str(field.get("title") or ""), str(field.get("value") or "")
        said.append(f"{title}: {value}" if title and value else title or value)
    said += _of_blocks(attachment.get("blocks"), depth)
    yield _lines(said) or str(attachment.get("fallback") or "")


# Blocks.


def _of_blocks(blocks: object, depth: int) -> Iterator[str]:
    """The lines that blocks say, one for each part of them that stands by itself."""
    for block in _list(blocks) if depth else ():
        match block.get("type"):
            case "rich_text":
                yield from map(_rich, _list(block.get("elements")))
            case "table":
                for row in block.get("rows") or ():
                    yield "\t".join(_lines(_cell(cell, depth)) for cell in _list(row))
            case "image":
                yield _text(block.get("title")) or escaped(str(block.get("alt_text") or ""))
            case "markdown":
                yield escaped(_text(block.get("text")))
            case _:
                yield from _composed(block, depth)


def _composed(block: Json, depth: int) -> Iterator[str]:
    """A block of texts: a header, a section with its fields, a context, or one not known here."""
    for part in ("title", "subtitle", "text", "body", "description"):
        yield _object(block.get(part))
    yield from map(_object, _list(block.get("fields")))
    elements = _list(block.get("elements")) if block.get("type") != "actions" else []
    for element in elements:
        yield _object(element) or _object(element.get("text"))
    yield from _of_blocks(block.get("blocks"), depth - 1)


def _cell(cell: Json, depth: int) -> Iterator[str]:
    yield from _of_blocks([cell], depth) if cell.get("type") == "rich_text" else [_object(cell)]


def _object(value: object) -> str:
    """A text object; plain text is given in mrkdwn's form."""
    if not isinstance(value, Mapping):
        return ""
    said = _text(value.get("text"))
    return said if value.get("type") == "mrkdwn" else escaped(said)


def _rich(element: Json) -> str:
    """An element of rich text: a section, a list, a quote or code, and the runs in them."""
    runs = _list(element.get("elements"))
    match element.get("type"):
        case "rich_text_list":
            return "\n".join(f"• {_rich(item)}" for item in runs)
        case "rich_text_quote":
            return _quoted("".join(map(_run, runs)))
        case "rich_text_preformatted":
            return f"```\n{''.join(map(_run, runs))}\n```"
        case _:
            return "".join(map(_run, runs))


def _run(run: Json) -> str:
    match run.get("type"):
        case "user":
            return f"<@{run.get('user_id', '')}>"
        case "channel":
            return f"<#{run.get('channel_id', '')}>"
        case "usergroup":
            return f"<!subteam^{run.get('usergroup_id', '')}>"
        case "broadcast":
            return f"<!{run.get('range', '')}>"
        case "emoji":
            return f":{run.get('name', '')}:"
        case "link":
            url, label = str(run.get("url") or ""), _text(run.get("text"))
            return f"<{url}|{escaped(label)}>" if label else f"<{url}>"
        case "rich_text_section":
            return _rich(run)
        case _:
            return escaped(_text(run.get("text")) or str(run.get("fallback") or ""))


def escaped(text: str) -> str:
    """Characters as Slack's own form has them, so that they are no control of Slack's."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    return "\n".join(f"&gt; {line}".rstrip() for line in text.strip().splitlines())


def _lines(parts: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(part for part in parts if part.strip())


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Json]:
    """What is a list of objects; of another shape it says nothing."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


# Slack's message text as a person reads it.


_CONTROL = re.compile(r"<([^<>]*)>")
"""People's own < and > arrive as entities: what stands in these is always Slack's."""
_PERSON = re.compile(r"<@([^<>|]+)")
_GROUP = re.compile(r"<!(?!date\^)")
_SHORTCODE = re.compile(r":([^\s:]+(?:::skin-tone-[2-6])?):")
_ENTITY = re.compile("&(amp|lt|gt);")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">"}
_CODE = re.compile(r"[0-9a-f]{2,5}(?:-[0-9a-f]{2,5}){0,15}")
_DEEPEST_LIST = 20
"""Lists and quotes nest in rich text, but not for ever."""


def plain(
    text: str,
    names: Mapping[str, str],
    emoji: Mapping[str, str] | None = None,
    *,
    without: str = "",
) -> str:
    """What a person sees of a text; the mentions of the user `without` are left out.

    `names` are people's by their ids, `emoji` the characters by their shortcodes (`emoji_of`).
    What is in neither stays as Slack writes it.
    """
    mention = rf"[ \t]?<@{re.escape(without)}(?:\|[^<>]*)?>"
    seen = re.sub(mention, "", text) if without else text
    seen = _CONTROL.sub(lambda match: _shown(match[1], names), seen)
    if emoji:
        seen = _SHORTCODE.sub(lambda match: emoji.get(match[1], match[0]), seen)
    # Last of all: an entity that is undone here is a person's own character, and no control.
    return _ENTITY.sub(lambda match: _CHARACTERS[match[1]], seen).strip()


def mentioned(text: str) -> frozenset[str]:
    """The ids of the people a text mentions."""
    return frozenset(_PERSON.findall(text))


def calls_a_group(text: str) -> bool:
    """Whether a text calls many at once: @here, @channel, a team."""
    return _GROUP.search(text) is not None


def emoji_of(blocks: object) -> dict[str, str]:
    """The characters of the emoji in a message's rich text, by their shortcodes."""
    found: dict[str, str] = {}
    for name, tone, code in _emoji(blocks, _DEEPEST_LIST):
        characters = "".join(chr(int(point, 16)) for point in code.split("-"))
        found.setdefault(name, characters)
        found[f"{name}::skin-tone-{tone}" if tone else name] = characters
    return found


def _shown(control: str, names: Mapping[str, str]) -> str:
    target, _, label = control.partition("|")
    match target[:1]:
        case "@":
            return f"@{names.get(target[1:]) or label or target[1:]}"
        case "#":
            return f"#{label or target[1:]}"
        case "!":
            return _special(target[1:], label)
        case _:
            return _link(target, label)


def _special(target: str, label: str) -> str:
    """`here`, `subteam^ID`, or a date with the words that Slack has for old clients."""
    kind, _, rest = target.partition("^")
    if kind == "date":
        return label or rest
    return f"@{label.removeprefix('@') or rest or kind}"


def _link(url: str, label: str) -> str:
    bare = url.partition(":")[2].removeprefix("//")  # Slack links "example.com" by itself
    return f"{label} ({url})" if label and label not in {url, bare} else label or url


def _emoji(node: object, depth: int) -> Iterator[tuple[str, object, str]]:
    """The name, the skin tone and the code ("1f44b-1f3fc") of each emoji below a node."""
    match node:
        case {"type": "emoji", "name": str(name), "unicode": str(code), **more} if _CODE.fullmatch(
            code
        ):
            yield name, more.get("skin_tone"), code
        case {"elements": list(nodes)} | list(nodes) if depth:
            for each in nodes:
                yield from _emoji(each, depth - 1)


# The files under a message. An id names the workspace too: a file is fetched without a place.


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
    """A file's content. Raises `TooLarge` where it has more than `most` bytes, and `Gone`."""
    team, _, name = file.id.partition("/")
    about = (await api.look_up(team, "files.info", file=name))["file"]
    if about.get("mode") in _GONE:
        raise Gone(f"The file {file.name} was deleted.")
    if about.get("is_external"):
        raise Refused(f"{file.name} is kept outside of Slack: the bot can't read it there.")
    if int(about.get("size") or 0) > most:
        raise TooLarge(f"The file has more than {most} bytes.")
    address = about.get("url_private_download") or about.get("url_private")
    if not address:
        raise Refused(f"Slack does not give {file.name} to the bot.")
    return await api.download(team, address, most)


def transcript_of(about: Json) -> str | None:
    """Slack's own transcript of a clip; empty if it is not whole; None while it is made."""
    told = about.get("transcription")
    if not isinstance(told, Mapping):
        return ""
    preview = told.get("preview")
    if told.get("status") == "complete" and isinstance(preview, Mapping):
        return _text(preview.get("content")) if preview.get("has_more") is False else ""
    return None if told.get("status") == "processing" else ""


# A message of Slack's history as something that was said; pure.


QUESTION = "everytoken_question"
"""The metadata of a message of ours that asks in a person's name: {person, text}."""

_SPEECH = frozenset({"", "bot_message", "file_share", "me_message", "thread_broadcast"})
"""Subtypes of messages in which somebody says something; the others tell of joins and the like."""

Message = Mapping[str, Any]


def is_speech(message: Message) -> bool:
    """Whether somebody says something in it: no join, no change of a topic, nothing deleted."""
    return message.get("subtype", "") in _SPEECH and not message.get("hidden")


def people_in(message: Message, bot: BotIdentity) -> Iterator[str]:
    """The ids of the people whose names it takes to tell what a message says."""
    yield from mentioned(content_of(message))
    if asked := _question(message, bot):
        yield str(asked["person"])
    elif message.get("user") and not _profile_name(message):
        yield str(message["user"])


def said(place: Place, message: Message, bot: BotIdentity, names: Mapping[str, str]) -> Said:
    """What was said, and who said it. What we asked in a person's name are that person's words."""
    asked = _question(message, bot)
    author = _asker(asked, names) if asked else _author(message, names)
    opens = message["ts"] == place.thread
    # What opens a thread of direct messages may be an answer that stands outside of it.
    outside = opens and is_dm(place.channel) and is_ours(message, bot)
    return Said(
        ref=MessageRef(replace(place, thread="") if outside else place, message["ts"]),
        author=author,
        text=str(asked["text"]) if asked else _words(message, bot, names),
        by_bot=is_ours(message, bot) and not asked,
        at_us=microseconds(message["ts"]),
        files=files_of(place.workspace, message),
        opens=opens,
    )


def is_ours(message: Message, bot: BotIdentity) -> bool:
    """Whether the bot itself wrote it."""
    return message.get("user") == bot.user or bool(bot.bot and message.get("bot_id") == bot.bot)


def microseconds(ts: str) -> int:
    """When a message was posted, since the epoch."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(f"{fraction:0<6.6}" or 0)


def _words(message: Message, bot: BotIdentity, names: Mapping[str, str]) -> str:
    return plain(content_of(message), names, emoji_of(message.get("blocks")), without=bot.user)


def _question(message: Message, bot: BotIdentity) -> Mapping[str, Any] | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != QUESTION or not is_ours(message, bot):
        return None
    payload: Mapping[str, Any] = metadata["event_payload"]
    return payload


def _asker(asked: Mapping[str, Any], names: Mapping[str, str]) -> Person:
    person = str(asked["person"])
    return Person(person, names.get(person, person))


def _author(message: Message, names: Mapping[str, str]) -> Person:
    user = str(message.get("user") or message.get("bot_id") or "")
    return Person(user, _profile_name(message) or names.get(user) or user)


def _profile_name(message: Message) -> str:
    """The name that a message itself gives: of apps, and of people of other organisations."""
    profiles = (message.get("bot_profile"), message.get("user_profile"))
    named = [name for profile in profiles if profile and (name := name_in(profile))]
    return str(message.get("username") or "") or next(iter(named), "")
