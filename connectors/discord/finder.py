"""Messages that were posted by a process that died, or by a call whose answer was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Part, Place
from connectors.discord import markup, parts, snowflakes
from connectors.discord.places import channel_of
from connectors.discord.rest import Rest
from connectors.markdown import form

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
    return chosen(await _ours(rest, place, snowflakes.at(since - SKEW_S)), part, since)


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
    if message.get("components") or snowflakes.seconds(message["id"]) < since:
        return False
    shown, known = markup.drawn(message).text, form(part.text)
    length = min(len(shown), len(known))
    return length >= _TELLING and shown[:length] == known[:length]
