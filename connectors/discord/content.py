"""What a message of Discord's says, as a person reads it: its text, its files, and the same for
what history has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.base import File, Gone, MessageRef, Person, Place, Said, TooLarge
from connectors.discord import content, parts, places
from connectors.discord.api import Rest
from connectors.markdown import quoted

# Discord's message text as a person reads it.


Json = Mapping[str, Any]

_TOKEN = re.compile(
    r"<(?:@!?(?P<user>\d+)|@&(?P<role>\d+)|#(?P<channel>\d+)|a?:(?P<emoji>\w+):\d+"
    r"|/(?P<command>[^:<>]+):\d+|t:(?P<time>-?\d{1,11})(?::\w)?)>"
)


def name_of(user: Json, member: Json | None = None) -> str:
    """What others see a person called: in a server, where its member is given."""
    nick = (member or user.get("member") or {}).get("nick")
    return str(nick or user.get("global_name") or user.get("username") or user["id"])


def plain(
    text: str,
    names: Mapping[str, str],
    *,
    without: frozenset[str] = frozenset(),
    named: Callable[[str], str | None] = lambda _id: None,
) -> str:
    """What a person sees of a text; the mentions of the users and roles `without` are left out.

    `names` are people's by their ids; `named` knows the names of roles and channels. What neither
    knows stays as Discord writes it.
    """
    if without:
        ids = "|".join(map(re.escape, without))
        text = re.sub(rf"[ \t]?<@[!&]?(?:{ids})>", "", text)
    return _TOKEN.sub(lambda match: _shown(match, names, named), text).strip()


def _shown(
    match: re.Match[str], names: Mapping[str, str], named: Callable[[str], str | None]
) -> str:
    kind, value = match.lastgroup, str(match[match.lastgroup or 0])
    known: str | None
    match kind:
        case "user":
            known = f"@{names[value]}" if value in names else None
        case "role":
            known = f"@{name}" if (name := named(value)) else None
        case "channel":
            known = f"#{name}" if (name := named(value)) else None
        case "emoji":
            known = f":{value}:"
        case "command":
            known = f"/{value}"
        case _:
            known = _time(int(value))
    return known or match[0]


def _time(seconds: int) -> str | None:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        return None


# The files under a message. An id names the message too: addresses of files hold for a day.


_UNKNOWN = "application/octet-stream"
_ADDRESS = ("https://", "http://")
"""Files given to a slash command stand under no message: their id is their address."""


def attached(message: Mapping[str, Any]) -> tuple[File, ...]:
    """The files under a message."""
    return tuple(_file(message, each) for each in message.get("attachments") or ())


def file_id(channel: str, message: str, attachment: str) -> str:
    """What a file is fetched by."""
    return f"{channel}/{message}/{attachment}"


async def fetch(rest: Rest, file: File, most: int) -> bytes:
    """A file's content. Raises `TooLarge` where it has more than `most` bytes, and `Gone`."""
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
        raise TooLarge(f"The file has more than {most} bytes.")
    return await rest.download(about["url"], most)


def _file(message: Mapping[str, Any], about: Mapping[str, Any]) -> File:
    return File(
        id=file_id(message["channel_id"], message["id"], about["id"]),
        name=about["filename"],
        media_type=str(about.get("content_type") or _UNKNOWN).partition(";")[0],
        size=int(about["size"]),
    )


FORWARDED = "Forwarded:"
_TEXT_DISPLAY = 10


def text_of(message: Json) -> str:
    """What a message says, with Discord's own marks for mentions and the like still in it."""
    return "\n\n".join(_pieces(message))


def files_of(message: Json) -> tuple[File, ...]:
    """The files under a message, and those under the messages that it passes on."""
    own = attached(message)
    passed_on = (file for each in _snapshots(message) for file in attached({**message, **each}))
    return (*own, *(file for file in passed_on if file not in own))


def names_in(message: Json) -> dict[str, str]:
    """The people a message mentions, by their ids, including those in a forwarded message."""
    mentioned = [*(message.get("mentions") or ())]
    for each in _snapshots(message):
        mentioned += each.get("mentions") or ()
    return {user["id"]: name_of(user) for user in mentioned}


def says_something(message: Json) -> bool:
    """Whether a message says anything. Without the intent Discord withholds what it does."""
    return bool(text_of(message) or files_of(message))


def _pieces(message: Json) -> Iterator[str]:
    words = str(message.get("content") or "").strip() or "\n\n".join(_said_by_app(message))
    if words:
        yield words
    for each in _snapshots(message):
        inner = text_of(each)
        yield f"{FORWARDED}\n{quoted(inner)}" if inner else FORWARDED
    if poll := message.get("poll"):
        yield _poll(poll)
    for sticker in message.get("sticker_items") or ():
        yield f"[sticker: {sticker['name']}]"


def _snapshots(message: Json) -> Iterator[Json]:
    for each in message.get("message_snapshots") or ():
        yield each["message"]


def _said_by_app(message: Json) -> Iterator[str]:
    """What an app says in its embeds and components."""
    for embed in message.get("embeds") or ():
        fields = [f"{each['name']}: {each['value']}" for each in embed.get("fields") or ()]
        words = [embed.get("title"), embed.get("description"), *fields]
        yield "\n".join(str(each) for each in words if each)
    yield from _displayed(message)


def _displayed(component: Json) -> Iterator[str]:
    if component.get("type") == _TEXT_DISPLAY and "content" in component:
        yield str(component["content"])
    for each in component.get("components") or ():
        yield from _displayed(each)


def _poll(poll: Json) -> str:
    """A poll: its question, and its answers with their votes where Discord tells them."""
    counts = (poll.get("results") or {}).get("answer_counts") or ()
    votes = {each["id"]: each["count"] for each in counts}
    lines = [f"Poll: {_media(poll['question'])}"]
    for answer in poll.get("answers") or ():
        count = votes.get(answer.get("answer_id"))
        told = "" if count is None else f" ({count} votes)"
        lines.append(f"- {_media(answer['poll_media'])}{told}")
    return "\n".join(lines)


def _media(media: Json) -> str:
    """What a poll's question or answer shows: a text, an emoji, or both."""
    emoji = (media.get("emoji") or {}).get("name") or ""
    return f"{emoji} {media.get('text') or ''}".strip()


# A message of Discord's history as something that was said; pure.


Message = Mapping[str, Any]

_STARTER = 21
"""The type of a thread's first message, which stands for one in the channel."""
_SPEECH = frozenset({0, 19, 20, 23})
"""Types of messages in which somebody says something: plain, a reply, or a command's response."""
_LOADING = 1 << 7


def speech(message: Message) -> Message | None:
    """The message in which somebody says something; None where it tells of a join or the like."""
    if message.get("type") == _STARTER:
        started: Message | None = message.get("referenced_message")
        return started
    loading = int(message.get("flags") or 0) & _LOADING
    return message if message.get("type") in _SPEECH and not loading else None


def people_in(message: Message) -> Iterator[Mapping[str, Any]]:
    """The users whose names it takes to tell what a message says."""
    yield message["author"]
    yield from message.get("mentions") or ()
    for each in message.get("message_snapshots") or ():
        yield from each["message"].get("mentions") or ()
    if asked := message.get("interaction_metadata"):
        yield asked["user"]


def said(place: Place, message: Message, us: str, names: Mapping[str, str]) -> Iterator[Said]:
    """What was said, and who said it. A command's response has the question above it."""
    above = parts.above(message)
    if above:
        yield _asked(place, message, above, names)
    author = str(message["author"]["id"])
    yield Said(
        ref=MessageRef(place, message["id"]),
        author=Person(author, names.get(author, author)),
        text=_text(message, above, us, names),
        by_bot=author == us,
        at_us=places.microseconds(message["id"]),
        files=content.files_of(message),
    )


def _asked(place: Place, message: Message, above: str, names: Mapping[str, str]) -> Said:
    asked = message["interaction_metadata"]
    person = str(asked["user"]["id"])
    return Said(
        ref=MessageRef(place, asked["id"]),
        author=Person(person, names.get(person, person)),
        text=parts.question_in(above),
        by_bot=False,
        at_us=places.microseconds(asked["id"]),
    )


def _text(message: Message, above: str, us: str, names: Mapping[str, str]) -> str:
    own = str(message.get("content") or "").lstrip().removeprefix(above)
    words = content.text_of({**message, "content": own})
    if message["author"]["id"] == us:
        return words
    return plain(words, names, without=frozenset({us}))
