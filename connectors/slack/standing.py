"""What stands in a place now: one message read back, or what the bot said there lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Gone, MessageRef, Place, RateLimited, Shown, Unavailable
from connectors.slack.api import Api
from connectors.slack.dialect import read

_PAGE = 200


async def shown(api: Api, ref: MessageRef) -> Shown:
    """What Slack has for a message now. Raises `Gone` where it has none."""
    found = await _between(api, ref.place, oldest=ref.id, latest=ref.id)
    message = next((each for each in found if each["ts"] == ref.id), None)
    if message is None or message.get("subtype") == "tombstone":
        raise Gone("The message was deleted.")
    return as_drawn(ref, message.get("blocks") or ())


def as_drawn(ref: MessageRef, blocks: Sequence[Mapping[str, Any]]) -> Shown:
    """What is drawn of a message's blocks."""
    drawn = read(blocks)
    return Shown(ref, drawn.text, drawn.unknown)


async def own_since(api: Api, place: Place, since: float) -> list[dict[str, Any]]:
    """The bot's messages from a time on (seconds since the epoch), with their metadata."""
    us = await api.identity(place.workspace)
    found = await _between(api, place, oldest=f"{since:.6f}")
    return [m for m in found if m.get("bot_id") == us.bot or m.get("user") == us.user]


async def _between(api: Api, place: Place, **bounds: str) -> list[dict[str, Any]]:
    """The messages of a place between two times, all pages of them."""
    method, where = "conversations.history", {"channel": place.channel}
    if place.thread:
        method, where["ts"] = "conversations.replies", place.thread
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while cursor != "":
        answer = await _page(api, place.workspace, method, cursor=cursor, **where, **bounds)
        found += answer["messages"]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
    return found


async def _page(api: Api, team: str, method: str, **arguments: str | None) -> dict[str, Any]:
    try:
        return await api.look_up(
            team, method, inclusive=True, include_all_metadata=True, limit=_PAGE, **arguments
        )
    except RateLimited as error:
        # It is reading that is limited: the budgets of posts and edits have nothing to do with it.
        raise Unavailable(f"{error} What stands there can't be read now.") from error
