"""Which messages of a channel belong to a chain of replies; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Place
from connectors.discord.places import Places, first_of

Message = Mapping[str, Any]


def answered(message: Message) -> str | None:
    """The id of the message that one replies to."""
    reference = message.get("message_reference") or {}
    found: str | None = reference.get("message_id")
    return found


def commanded(message: Message) -> str | None:
    """The id of the command that one responds to: the question, which is no message itself."""
    found: str | None = (message.get("interaction_metadata") or {}).get("id")
    return found


def members(messages: Sequence[Message], place: Place, us: str, places: Places) -> frozenset[str]:
    """The ids of the messages, oldest first, that belong to a place's chain.

    To it belong its first question, the replies to what belongs to it, and the further parts of
    our answers: these reply to nothing and follow the part before.
    """
    inside = {first_of(place) or ""}
    follows = False
    for message in messages:
        known, target = places.of(message["id"]), answered(message)
        ours = message["author"]["id"] == us
        if known is not None:
            belongs = known == place
        else:
            belongs = not inside.isdisjoint({message["id"], target, commanded(message)})
            belongs = belongs or (ours and target is None and follows)
        if belongs:
            inside |= {message["id"], target or ""}  # the target may lie far back
        if ours:
            follows = belongs
    return frozenset(inside)
