"""Messages that answer a slash command, reached by the command's token while it lives; and
messages that were posted by a process that died.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Gone, MessageRef, Part, Person, Place, Refused
from connectors.discord import parts, places
from connectors.discord import parts as markup
from connectors.discord.api import Form, Rest
from connectors.discord.interactions import Interaction, Interactions, InteractionTokens
from connectors.discord.places import DM, channel_of
from connectors.markdown import form
from connectors.newest import Newest

# Messages that were posted by a process that died, or by a call whose answer was lost.


Message = Mapping[str, Any]

SKEW_S = 60.0
"""So far Discord's clock and ours may be apart."""
_PAGE = 100
_MOST_PAGES = 5
_TELLING = 20
"""So many characters have to be the same where the text alone says which message it is."""


async def named(rest: Rest, place: Place, part: Part, after: str) -> Message | None:
    """Our message after an id whose buttons name the part; None where there is none."""
    return _named(await _ours(rest, place, after), part)


async def search(rest: Rest, place: Place, part: Part, since: float) -> Message | None:
    """Our message from a time on (seconds since the epoch) that shows the part, or None.

    One without buttons is known by the beginning of its text. Another answer from before may begin
    alike, so there the clocks have to agree; buttons say the same on either.
    """
    return chosen(await _ours(rest, place, places.at(since - SKEW_S)), part, since)


def chosen(ours: Sequence[Message], part: Part, since: float) -> Message | None:
    """That one of these messages of ours, in the same way."""
    alike = (each for each in ours if _is_alike(each, part, since))
    return _named(ours, part) or next(alike, None)


def _named(messages: Sequence[Message], part: Part) -> Message | None:
    if part.run_id is None:
        return None
    return next((each for each in messages if parts.is_part(each, part.run_id, part.index)), None)


async def _ours(rest: Rest, place: Place, after: str) -> list[Message]:
    us = (await rest.me())["id"]
    found: list[Message] = []
    for _ in range(_MOST_PAGES):
        page: list[Message] = await rest.look_up(
            "/channels/{channel_id}/messages",
            query={"after": after, "limit": _PAGE},
            channel_id=channel_of(place),
        )
        found += [each for each in page if each["author"]["id"] == us]
        if len(page) < _PAGE:
            break
        after = max((each["id"] for each in page), key=int)
    return sorted(found, key=lambda each: int(each["id"]))


def _is_alike(message: Message, part: Part, since: float) -> bool:
    """Whether texts begin alike; a log and a screen are behind each other by turns."""
    if message.get("components") or places.seconds(message["id"]) < since:
        return False
    shown, known = markup.drawn(message).text, form(part.text)
    length = min(len(shown), len(known))
    return length >= _TELLING and shown[:length] == known[:length]


_FRESH_S = 14 * 60.0
"""Seconds for which a token is used; it lives for a quarter of an hour."""
_TOLD_S = 5.0
"""Seconds to wait until Discord knows that we have an interaction."""
_REMEMBERED = 2_000
_LOOKED_AT = 3
"""So many commands at the most are asked whether a message is theirs."""
_LOADING = 1 << 7
"""The flag of a response that was promised and waits."""
_ORIGINAL = "/webhooks/{application}/{token}/messages/@original"
_FOLLOW_UP = "/webhooks/{application}/{token}"
_ONE = "/webhooks/{application}/{token}/messages/{message_id}"


@dataclass(frozen=True, slots=True)
class _Response:
    """A message that answers a command, and the line of decoration above its text."""

    interaction: Interaction
    above: str


class CommandResponses:
    """Posts and edits by the tokens of interactions. Where that fails, an ordinary call may do."""

    def __init__(self, rest: Rest, interactions: Interactions, tokens: InteractionTokens) -> None:
        self._rest = rest
        self._interactions = interactions
        self._tokens = tokens
        self._responses: Newest[str, _Response] = Newest(_REMEMBERED)
        self._opened: Newest[MessageRef, Interaction] = Newest(_REMEMBERED)
        """The commands whose response is an answer's first part, by their questions."""

    def asker(self, message_id: str) -> str | None:
        """Who gave the command that a message answers."""
        response = self._responses.get(message_id)
        return response.interaction.person.id if response else None

    async def open(self, part: Part) -> Message | None:
        """Makes the part the response to the command that it answers; None where that can't be."""
        if part.about is None or part.index:
            return None
        interaction = await self._waiting(part.about)
        if interaction is None:
            return None
        above = markup.question_line(interaction.question) if interaction.question else ""
        try:
            message = await self._call("PATCH", _ORIGINAL, interaction, parts.body(part, above))
        except Gone:
            message = None  # what waited was deleted; the question was not
        # Also where it failed for good: the next try is an ordinary message.
        self._interactions.opened(part.about)
        if message is not None:
            self._opened[part.about] = interaction
            self._responses[message["id"]] = _Response(interaction, above)
        return message

    async def follow_up(self, part: Part) -> Message | None:
        """Posts a further part of an answer to a command, where the bot itself may not speak."""
        interaction = await self._command(part)
        if interaction is None:
            return None
        message = await self._call("POST", _FOLLOW_UP, interaction, parts.body(part))
        if message is not None:
            self._responses[message["id"]] = _Response(interaction, "")
        return message

    async def found(self, part: Part, since: float) -> Message | None:
        """The response that shows a part already, whoever made it so; None where none does.

        Of follow-ups Discord has no list: only the first part is found so.
        """
        interaction = None if part.index else await self._command(part)
        if interaction is None:
            return None
        message = await self._original(interaction)
        if message is None or _is_loading(message):
            return None
        if (found := chosen([message], part, since)) is not None:
            self._responses[found["id"]] = _Response(interaction, markup.above(found))
        return found

    async def knows(self, part: Part) -> bool:
        """Whether a command's token can still be used for an answer."""
        return await self._command(part) is not None

    async def recalled(self, ref: MessageRef) -> Message | None:
        """A message that another process made the response to a command; None for all others."""
        if ref.id in self._responses:
            return None
        for interaction in (await self._tokens.before(ref))[:_LOOKED_AT]:
            if _is_fresh(interaction) and (message := await self._read(interaction, ref.id)):
                self._responses[ref.id] = _Response(interaction, markup.above(message))
                return message
        return None

    async def read(self, message_id: str) -> Message | None:
        """What Discord has for a response, while its token lives."""
        response = self._responses.get(message_id)
        if response is None or not _is_fresh(response.interaction):
            return None
        return await self._read(response.interaction, message_id)

    async def whisper(self, place: Place, part: Part) -> Message | None:
        """Posts a part that only its `to` sees: beside what they did, or in a direct message.

        None where everybody who is there is to see it, or is that person.
        """
        if part.to is None or place.workspace == DM:
            return None
        interaction = self._interactions.latest(place, part.to.id)
        if interaction is not None and _is_fresh(interaction):
            body = parts.body(part)
            body["flags"] |= parts.EPHEMERAL
            try:
                if message := await self._call("POST", _FOLLOW_UP, interaction, body):
                    return message
            except Gone:
                pass  # its token is gone, and they are told otherwise
        return await self._direct(part.to, part)

    async def _waiting(self, question: MessageRef) -> Interaction | None:
        """The command whose response still waits for the answer to a question."""
        if (interaction := self._interactions.opening(question)) is not None:
            return interaction if _is_fresh(interaction) else None
        interaction = await self._tokens.asked(question)
        if interaction is None or not _is_fresh(interaction):
            return None
        message = await self._original(interaction)
        return interaction if message is not None and _is_loading(message) else None

    async def _command(self, part: Part) -> Interaction | None:
        """The command that a part answers, while its token lives."""
        if part.about is None:
            return None
        known = self._opened.get(part.about) or self._interactions.opening(part.about)
        interaction = known or await self._tokens.asked(part.about)
        return interaction if interaction is not None and _is_fresh(interaction) else None

    async def _original(self, interaction: Interaction) -> Message | None:
        return await self._read(interaction, "@original")

    async def _read(self, interaction: Interaction, message_id: str) -> Message | None:
        """A message that a token opens; None where it opens none of that name."""
        try:
            message: Message = await self._rest.look_up(
                _ONE,
                application=interaction.application,
                token=interaction.token,
                message_id=message_id,
            )
        except (Gone, Refused):
            return None
        return message

    async def _direct(self, person: Person, part: Part) -> Message:
        """Writes to somebody directly. Raises `Refused` where they take no such messages."""
        channel = await self._rest.call(
            "POST", "/users/@me/channels", json={"recipient_id": person.id}
        )
        message: Message = await self._rest.call(
            "POST",
            "/channels/{channel_id}/messages",
            json=parts.body(part),
            channel_id=channel["id"],
        )
        return message

    async def edit(self, message_id: str, part: Part) -> Message | None:
        """Changes a response while its token lives; None where it is to be changed otherwise."""
        response = self._responses.get(message_id)
        if response is None or not _is_fresh(response.interaction):
            return None
        body = parts.body(part, response.above)
        return await self._call("PATCH", _ONE, response.interaction, body, message_id=message_id)

    async def attach(self, message_id: str, form: Form) -> Message | None:
        """The same by a form with files."""
        response = self._responses.get(message_id)
        if response is None or not _is_fresh(response.interaction):
            return None
        given = response.interaction
        return await self._call("PATCH", _ONE, given, message_id=message_id, form=form)

    async def _call(
        self,
        method: str,
        path: str,
        interaction: Interaction,
        body: dict[str, Any] | None = None,
        message_id: str = "",
        form: Form | None = None,
    ) -> Message | None:
        try:
            async with asyncio.timeout(_TOLD_S):
                await interaction.told.wait()
            answer: Message = await self._rest.call(
                method,
                path,
                json=body,
                form=form,
                application=interaction.application,
                token=interaction.token,
                message_id=message_id,
            )
        except (Refused, TimeoutError):
            return None
        return answer


def _is_loading(message: Message) -> bool:
    return bool(int(message.get("flags") or 0) & _LOADING)


def _is_fresh(interaction: Interaction) -> bool:
    return time.time() - interaction.at < _FRESH_S
