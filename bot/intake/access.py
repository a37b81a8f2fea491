"""Who is answered, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bot.identity import Named, denied, granted
from connectors.base import Person, Place


class Admission(Enum):
    """What the lists say of a question."""

    ADMITTED = "admitted"
    NOT_ALLOWED = "not allowed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Access:
    """Lists of people, channels and workspaces. A block outweighs an allow; an empty allow list
    allows all.
    """

    allow_people: frozenset[Named] = frozenset()
    block_people: frozenset[Named] = frozenset()
    allow_channels: frozenset[str] = frozenset()
    block_channels: frozenset[str] = frozenset()
    allow_workspaces: frozenset[str] = frozenset()
    block_workspaces: frozenset[str] = frozenset()
    allow_external: bool = False
    """Whether people of other organisations are answered; those named in `allow_people` are."""

    def admission(self, place: Place, person: Person) -> Admission:
        """What the lists say of the person, the channel and the workspace together."""
        lists = (
            (place.channel, self.allow_channels, self.block_channels),
            (place.workspace, self.allow_workspaces, self.block_workspaces),
        )
        if any(value in blocked for value, _, blocked in lists):
            return Admission.BLOCKED
        if denied(self.block_people, place, person):
            return Admission.BLOCKED
        named = granted(self.allow_people, place, person)
        if any(allowed and value not in allowed for value, allowed, _ in lists):
            return Admission.NOT_ALLOWED
        if (self.allow_people or (person.external and not self.allow_external)) and not named:
            return Admission.NOT_ALLOWED
        return Admission.ADMITTED
