"""Who may come in, by name: the lists for those who sign in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from connectors.web.sessions import Area

EVERYBODY = "*"

Scope = Literal["all", "own"]
"""Whose runs somebody may see."""


@dataclass(frozen=True, slots=True)
class People:
    """Ids, `@domain` for all addresses of a domain, or `*`; in lower case.

    `page`: who may use the page; empty: all who can sign in. `all_runs`: who may see everybody's
    runs; `own_runs`: who may see those that they asked for themselves.
    """

    page: Collection[str] = ()
    all_runs: Collection[str] = ()
    own_runs: Collection[str] = ()

    def may_see(self, person_id: str, area: Area) -> bool:
        """Whether somebody may see an area."""
        if area == "page":
            return not self.page or _named(person_id, self.page)
        return self.runs_of(person_id) is not None

    def runs_of(self, person_id: str) -> Scope | None:
        """Whose runs somebody may see; None: nobody's."""
        if _named(person_id, self.all_runs):
            return "all"
        return "own" if _named(person_id, self.own_runs) else None


def _named(person_id: str, names: Collection[str]) -> bool:
    person_id = person_id.lower()
    domain = "@" + person_id.rpartition("@")[2] if "@" in person_id else None
    return any(name in (EVERYBODY, person_id, domain) for name in names)
