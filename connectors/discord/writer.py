"""Posting, editing and reading messages; each post once, whatever becomes of Discord's answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from uuid import UUID

from connectors.base import (
    Budget,
    ConnectorError,
    Gone,
    MessageRef,
    Part,
    Person,
    Place,
    Refused,
    Shown,
    Status,
    TooLarge,
    Unavailable,
)
from connectors.discord import parts, responses
from connectors.discord import parts as markup
from connectors.discord import places as snowflakes
from connectors.discord.api import Budgets, Form, Rest
from connectors.discord.dialect import units
from connectors.discord.errors import code_of
from connectors.discord.interactions import Interactions, InteractionTokens
from connectors.discord.options import DiscordOptions
from connectors.discord.pings import Flights, Indicator, Pings
from connectors.discord.places import DM, Places, channel_of
from connectors.discord.responses import CommandResponses
from connectors.newest import Newest
from connectors.words import Wording

LONGEST = 1_900
"""UTF-16 units of a part: the question of a slash command stands above it, within 2,000."""

_NONCE_HOLDS_S = 120.0
"""Seconds for which Discord surely recognises a nonce; after that a lost post is looked for."""
_REMEMBERED = 10_000
_NO_HISTORY = 160002
"""Discord's number for a reply where the bot may not read what it replies to."""
_DIRECT = "/users/@me/channels"
_MESSAGES = "/channels/{channel_id}/messages"
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"

Message = Mapping[str, Any]


@dataclass(slots=True)
class _TriedPost:
    """A post that was tried: when first (seconds since the epoch), and what came of it."""

    tried_at: float
    lost: bool = False
    nameless: bool = False
    """It went out by an interaction's token, where Discord takes no nonce."""
    shown: Shown | None = None


class DiscordWriter:
    """Calls for messages. None is cancelled once it has begun, and one runs at a time."""

    def __init__(
        self,
        rest: Rest,
        options: DiscordOptions,
        places: Places,
        interactions: Interactions,
        tokens: InteractionTokens,
    ) -> None:
        self._rest = rest
        self._places = places
        self._started_at = time.time()
        self._budgets = Budgets(options)
        self._flights = Flights()
        self._indicator = Indicator(rest)
        self._responses = CommandResponses(rest, interactions, tokens)
        self._pings = Pings(rest, options, self._flights, self._responses)
        self._posts: Newest[str, _TriedPost] = Newest(_REMEMBERED)
        self._parts: Newest[tuple[UUID, int], str] = Newest(_REMEMBERED)
        """Our messages by run and part."""
        self._above: Newest[str, str] = Newest(_REMEMBERED)
        """The decoration above our messages."""

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:  # noqa: ARG002
        """The rate of the channel, which posts and edits share."""
        return self._budgets.of(place)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        """Posts a part. Raises every kind of `ConnectorError`."""
        _check(part)
        post = self._posts.setdefault(key, _TriedPost(time.time()))
        shown = await self._flights.run(key, lambda: self._once(place, part, key, post))
        self._indicator.stop(place)
        self._notice(shown.ref, part)
        return shown

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:
        """The message of ours that shows a part, whoever posted it; None where there is none."""
        since = since_us / 1_000_000
        message = await self._responses.found(part, since)
        if message is None:
            message = await self._sought(
                part, lambda: responses.search(self._rest, place, part, since)
            )
        if message is None:
            return None
        shown = self._ours(place, message)
        self._know(part, shown.ref)
        self._posts[key] = _TriedPost(since, shown=shown)
        return shown

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        """Replaces what a message shows. Raises every kind of `ConnectorError`."""
        _check(part)
        self._know(part, ref)
        shown = await self._flights.run(ref.id, partial(self._edit, ref, part))
        self._notice(ref, part)
        return shown

    async def message(self, ref: MessageRef) -> Message:
        """A message of ours, as Discord has it. Raises `Gone` where it has none."""
        return await self._read(ref)

    async def attach(self, ref: MessageRef, form: Form) -> Message:
        """Changes a message by a form with files; it stays as it is else."""
        return await self._flights.run(ref.id, partial(self._attach, ref, form))

    async def read(self, ref: MessageRef) -> Shown:
        """What Discord has for a message now. Raises `Gone` where it has none."""
        return _shown(ref, await self._read(ref))

    async def whisper(self, place: Place, person: Person, said: Wording, key: str) -> None:
        """Tells one person something, by their command's token or else in a direct message."""
        part = Part.saying(said, person)
        if await self._responses.whisper(place, part):
            return
        channel = channel_of(place)
        if place.workspace != DM:
            opened = await self._rest.call("POST", _DIRECT, json={"recipient_id": person.id})
            channel = str(opened["id"])
        body = parts.body(part) | {"nonce": parts.nonce(key), "enforce_nonce": True}
        await self._rest.call("POST", _MESSAGES, json=body, channel_id=channel)

    async def signal(self, place: Place, status: Status) -> None:
        """Keeps "is typing" on while the bot thinks."""
        if status is Status.THINKING:
            self._pings.began(place)
            self._indicator.start(place)
        else:
            self._indicator.stop(place)

    async def aclose(self) -> None:
        """Waits for the calls that are running."""
        await self._indicator.aclose()
        await self._flights.aclose()

    # Posting.

    async def _once(self, place: Place, part: Part, key: str, post: _TriedPost) -> Shown:
        if post.shown is None:
            message = await self._posted(place, part, key, post)
            post.shown = self._ours(place, message)
            self._know(part, post.shown.ref)
        return post.shown

    def _ours(self, place: Place, message: Message) -> Shown:
        """Remembers a message of ours, and what it shows."""
        self._places.remember(message["id"], place)
        self._above[message["id"]] = markup.above(message)
        return _shown(MessageRef(place, message["id"]), message)

    def _notice(self, ref: MessageRef, part: Part) -> None:
        """A part is shown."""
        self._places.busy_channels.shown(part)
        self._pings.shown(ref, part)

    def _know(self, part: Part, ref: MessageRef) -> None:
        if part.run_id is not None:
            self._parts[part.run_id, part.index] = ref.id

    async def _posted(self, place: Place, part: Part, key: str, post: _TriedPost) -> Message:
        if self._may_be_there(part, post) and (found := await self._found(place, part, post)):
            return found
        if message := await self._responses.open(part):
            return message
        if message := await self._responses.whisper(place, part):
            return message
        return await self._post(place, part, key, post)

    async def _post(self, place: Place, part: Part, key: str, post: _TriedPost) -> Message:
        body = parts.body(part) | {"nonce": parts.nonce(key), "enforce_nonce": True}
        reply = self._reply(place, part)
        # It counts as lost from here on, also where this is given up while Discord is at it.
        post.lost = True
        try:
            return await self._send(place, body | reply)
        except Unavailable:
            raise
        except Refused as error:
            if reply and code_of(error) == _NO_HISTORY:
                return await self._send(place, body)
            if message := await self._follow_up(part, post):
                return message
            raise
        except ConnectorError:
            post.lost = False
            raise

    async def _follow_up(self, part: Part, post: _TriedPost) -> Message | None:
        """Posts by a command's token, where the bot itself may not speak."""
        post.nameless = True
        try:
            message = await self._responses.follow_up(part)
        except Unavailable:
            raise
        except ConnectorError:
            post.lost = post.nameless = False
            raise
        post.lost = post.nameless = False
        return message

    async def _send(self, place: Place, body: dict[str, Any]) -> Message:
        channel = channel_of(place)
        message: Message = await self._rest.call(
            "POST",
            _MESSAGES,
            json=body,
            meter=partial(self._budgets.learn, channel),
            channel_id=channel,
        )
        return message

    def _reply(self, place: Place, part: Part) -> dict[str, Any]:
        """What a part replies to: the first to its question, each further one to that before it.

        So people and other processes see whose it is. A thread's own question stands outside.
        """
        if part.index and part.run_id is not None:
            target = self._parts.get((part.run_id, part.index - 1))
        else:
            target = part.about.id if part.about else None
        if target is None or target == channel_of(place):
            return {}
        return {"message_reference": {"message_id": target, "fail_if_not_exists": False}}

    def _may_be_there(self, part: Part, post: _TriedPost) -> bool:
        """Whether the post may have taken effect where no nonce tells: long ago, or before us."""
        if post.lost:
            return post.nameless or time.time() - post.tried_at > _NONCE_HOLDS_S
        asked_at = snowflakes.seconds(part.about.id) if part.about else None
        return asked_at is not None and asked_at < self._started_at

    async def _found(self, place: Place, part: Part, post: _TriedPost) -> Message | None:
        if part.run_id is None or not part.controls:
            return None
        after = part.about.id if part.about else snowflakes.at(post.tried_at - responses.SKEW_S)
        if message := await self._responses.found(part, post.tried_at):
            return message
        return await self._sought(part, lambda: responses.named(self._rest, place, part, after))

    async def _sought(
        self, part: Part, look: Callable[[], Awaitable[Message | None]]
    ) -> Message | None:
        """What is found in a channel; nothing is where a command alone lets the bot write there."""
        try:
            return await look()
        except (Gone, Refused):
            if not await self._responses.knows(part):
                raise
        return None

    # Editing and reading.

    async def _edit(self, ref: MessageRef, part: Part) -> Shown:
        await self._recall(ref)
        message = await self._responses.edit(ref.id, part)
        if message is None:
            channel = channel_of(ref.place)
            message = await self._rest.call(
                "PATCH",
                _MESSAGE,
                json=parts.body(part, await self._decoration(ref)),
                meter=partial(self._budgets.learn, channel),
                channel_id=channel,
                message_id=ref.id,
            )
        return _shown(ref, message)

    async def _attach(self, ref: MessageRef, form: Form) -> Message:
        await self._recall(ref)
        if message := await self._responses.attach(ref.id, form):
            return message
        channel = channel_of(ref.place)
        changed: Message = await self._rest.call(
            "PATCH",
            _MESSAGE,
            form=form,
            meter=partial(self._budgets.learn, channel),
            channel_id=channel,
            message_id=ref.id,
        )
        return changed

    async def _decoration(self, ref: MessageRef) -> str:
        """What stands above a message's text; of another process's messages Discord knows."""
        if ref.id not in self._above:
            self._above[ref.id] = markup.above(await self._read(ref))
        return self._above[ref.id]

    async def _recall(self, ref: MessageRef) -> None:
        """A message that this process did not post may be a response of another's."""
        if ref.id not in self._above and (message := await self._responses.recalled(ref)):
            self._above[ref.id] = markup.above(message)

    async def _read(self, ref: MessageRef) -> Message:
        await self._recall(ref)
        if message := await self._responses.read(ref.id):
            return message
        found: Message = await self._rest.look_up(
            _MESSAGE, channel_id=channel_of(ref.place), message_id=ref.id
        )
        return found


def _shown(ref: MessageRef, message: Message) -> Shown:
    found = markup.drawn(message)
    return Shown(ref, found.text, found.unknown)


def _check(part: Part) -> None:
    if max(units(part.text), markup.DIALECT.measure(part.text).characters) > LONGEST:
        raise TooLarge(f"A part has {LONGEST:,} characters at the most.")
