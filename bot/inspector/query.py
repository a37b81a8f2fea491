"""The list's address: filters and place as parameters that can be bookmarked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from bot.store import Cursor, Filters

NAMES = ("outcome", "verdict", "connector", "person", "model")
_LONGEST = 200
_ID = re.compile("[0-9a-f-]{36}")


class BadQuery(Exception):
    """A parameter can't be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for: `given` as it came."""

    filters: Filters
    given: dict[str, str]
    older: Cursor | None
    newer: Cursor | None

    @property
    def first(self) -> bool:
        """Whether it shows the newest: these change by themselves."""
        return self.older is None and self.newer is None

    def address(self, **changes: str) -> str:
        """The list's address with some parameters changed; an empty one is left out."""
        wanted = {key: value for key, value in {**self.given, **changes}.items() if value}
        return f"/runs?{urlencode(wanted)}" if wanted else "/runs"


def read_query(parameters: Mapping[str, str]) -> Query:
    """Reads the parameters; raises `BadQuery`."""
    given = {name: parameters.get(name, "").strip()[:_LONGEST] for name in NAMES}
    times = {name: parameters.get(name, "").strip() for name in ("since", "until")}
    filters = Filters(
        **given, since_us=_time("since", times["since"]), until_us=_time("until", times["until"])
    )
    kept = {key: value for key, value in {**given, **times}.items() if value}
    older, newer = parameters.get("older", ""), parameters.get("newer", "")
    return Query(filters, kept, _cursor("older", older), _cursor("newer", newer))


def cursor_text(cursor: Cursor) -> str:
    """A place of the list, as an address has it."""
    return f"{cursor.started_us}-{cursor.run_id}"


def _cursor(name: str, text: str) -> Cursor | None:
    if not text:
        return None
    time, _, run_id = text.partition("-")
    if not (time.isascii() and time.isdigit() and len(time) < 18 and _ID.fullmatch(run_id)):
        raise BadQuery(f"{name} is no place of the list")
    return Cursor(int(time), run_id)


def _time(name: str, text: str) -> int | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return round(found.timestamp() * 1e6)
    except (ValueError, OverflowError) as error:
        raise BadQuery(f"{name} is no time: give one like 2026-11-23T09:30 (UTC)") from error
