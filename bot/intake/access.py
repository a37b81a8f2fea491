"""Who is answered, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from connectors.base import Asked, Person


class Admission(Enum):
    """What the lists say of a question."""

    ADMITTED = "admitted"
    NOT_ALLOWED = "not allowed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Access:
    """Allow and block lists of ids. A block outweighs an allow; an empty allow list allows all."""

    allow_people: frozenset[str] = frozenset()
    block_people: frozenset[str] = frozenset()
    allow_channels: frozenset[str] = frozenset()
    block_channels: frozenset[str] = frozenset()
    allow_workspaces: frozenset[str] = frozenset()
    block_workspaces: frozenset[str] = frozenset()
    allow_external: bool = False
    """Whether people of other organisations are answered; those named in `allow_people` are."""

    def admission(self, asked: Asked) -> Admission:
        """What the lists say of the person, the channel and the workspace together."""
        place = asked.message.place
        lists = (
            (asked.person.id, self.allow_people, self.block_people),
            (place.channel, self.allow_channels, self.block_channels),
            (place.workspace, self.allow_workspaces, self.block_workspaces),
        )
        if any(value in blocked for value, _, blocked in lists):
            return Admission.BLOCKED
        if any(allowed and value not in allowed for value, allowed, _ in lists):
            return Admission.NOT_ALLOWED
        if asked.person.external and not self._external_may(asked.person):
            return Admission.NOT_ALLOWED
        return Admission.ADMITTED

    def _external_may(self, person: Person) -> bool:
        return self.allow_external or person.id in self.allow_people
