"""What settings can be set for: a thread, a channel, a category, a workspace, or everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from connectors.base.events import Place

_SAFE = ":@"
_CATEGORY = "category"


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """A part of a platform, from a thread (all fields) up to everything there is (none).

    It is written `slack:T1/C2/1700.1` (a thread), `slack:T1/C2` (a channel), `slack:T1` (a
    workspace), `default` (everything) and, where a platform groups channels, as Discord does,
    `discord:G1/category/9`. Ids are percent-encoded where they need it.
    """

    connector: str = ""
    workspace: str = ""
    channel: str = ""
    thread: str = ""
    category: str = ""

    @classmethod
    def parse(cls, text: str) -> Scope:
        """The scope that is written so; raises `ValueError` where it is none."""
        connector, colon, rest = text.strip().partition(":")
        if connector == "default" and not colon:
            return cls()
        ids = [unquote(part) for part in rest.split("/")]
        if not connector or not all(ids) or len(ids) > 3:
            raise ValueError(text)
        if len(ids) == 3 and ids[1] == _CATEGORY:
            return cls(connector, ids[0], category=ids[2])
        return cls(connector, *ids)

    def __str__(self) -> str:
        if not self.connector:
            return "default"
        between = (_CATEGORY, self.category) if self.category else (self.channel, self.thread)
        ids = (self.workspace, *between)
        return f"{self.connector}:" + "/".join(quote(id_, _SAFE) for id_ in ids if id_)

    @property
    def kind(self) -> str:
        """Which part of a platform it is."""
        if self.category:
            return "category"
        if self.thread:
            return "thread"
        if self.channel:
            return "channel"
        return "workspace" if self.workspace else "default"


EVERYTHING = Scope()


def lineage_of(place: Place, category: str = "") -> Sequence[Scope]:
    """The scopes that a place is in, the narrowest first; `category` is the id of the channel's."""
    where = (place.connector, place.workspace)
    channel = Scope(*where, place.channel)
    return (
        *([Scope(*where, place.channel, place.thread)] if place.thread else []),
        channel,
        *([Scope(*where, category=category)] if category else []),
        Scope(*where),
        EVERYTHING,
    )
