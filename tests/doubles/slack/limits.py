"""What Slack refuses: rates in sliding windows, and sizes."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, fields, replace


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in any window of so many seconds."""

    calls: int
    seconds: float


MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that the double enforces; a rate of None is not enforced.

    Rates are per method and workspace, but for `post`, which is per channel: about one a second,
    with a small burst. Sizes are of what was sent and of what Slack makes of it, whichever is
    more. LIMITS.md names the source of each.
    """

    post: Rate | None = Rate(5, 5.0)
    update: Rate | None = Rate(50, MINUTE)
    delete: Rate | None = Rate(50, MINUTE)
    start_stream: Rate | None = Rate(20, MINUTE)
    append_stream: Rate | None = Rate(100, MINUTE)
    stop_stream: Rate | None = Rate(20, MINUTE)
    conversations: Rate | None = Rate(50, MINUTE)
    sessions: Rate | None = Rate(50, MINUTE)
    """agents.sessions.setStatus."""
    people: Rate | None = Rate(100, MINUTE)
    """users.info, bots.info, files.info, auth.test and what else Slack allows as often."""

    uploads: Rate | None = Rate(100, MINUTE)
    """files.getUploadURLExternal and files.completeUploadExternal, each."""
    file_bytes: int = 1_000_000_000
    """The largest file that the workspace takes."""
    share_seconds: float = 0.05
    """How long a file takes to be shared once that was answered with `ok`."""

    update_text: int = 4_000
    """The text of an edit, also as the fallback of blocks, in UTF-8 bytes."""
    post_text: int = 40_000
    """The text of a post, in characters: what is longer is cut."""
    markdown: int = 12_000
    """Each markdown block, and all of them in one call, in characters."""
    blocks_text: int = 13_200
    """What all blocks say together, in characters."""
    stream: int = 10_600
    """What is written to one stream, in UTF-8 bytes."""
    in_bytes: bool = True
    """Blocks are counted in UTF-8 bytes too: measured only where it says so above."""
    items: int = 50
    """The blocks of a message, once every markdown block has become others."""
    tables: int = 1
    """The `table` blocks that one call may send."""
    table_rows: int = 100
    table_columns: int = 20
    table_text: int = 10_000
    """What the cells of all tables of a message say together, in characters."""
    button_value: int = 2_000
    metadata: int = 8_000
    """The JSON of a message's metadata, in bytes."""

    def unmetered(self) -> Limits:
        """The same sizes without any rate."""
        rates = {each.name: None for each in fields(self) if "Rate" in str(each.type)}
        return replace(self, **rates)  # type: ignore[arg-type]  # rates alone


RATES = {
    "chat.postMessage": "post",
    "chat.postEphemeral": "post",
    "chat.update": "update",
    "chat.delete": "delete",
    "chat.startStream": "start_stream",
    "chat.appendStream": "append_stream",
    "chat.stopStream": "stop_stream",
    "conversations.history": "conversations",
    "conversations.replies": "conversations",
    "conversations.info": "conversations",
    "users.info": "people",
    "bots.info": "people",
    "files.info": "people",
    "files.getUploadURLExternal": "uploads",
    "files.completeUploadExternal": "uploads",
    "auth.test": "people",
    "agents.sessions.rename": "people",
    "agents.sessions.setStatus": "sessions",
    "assistant.threads.setStatus": "people",
    "assistant.threads.setTitle": "people",
    "assistant.threads.setSuggestedPrompts": "people",
    "views.open": "people",
}
"""The field of `Limits` that meters a method."""


@dataclass(slots=True)
class Windows:
    """Counts calls in sliding windows, by key."""

    _spent: dict[str, deque[float]] = field(default_factory=dict)

    def spend(self, key: str, rate: Rate, now: float) -> int:
        """Counts a call at `now`: 0, or the whole seconds to wait where the window is full.

        A refused call is not counted.
        """
        spent = self._spent.setdefault(key, deque())
        while spent and spent[0] + rate.seconds <= now:
            spent.popleft()
        if len(spent) >= rate.calls:
            return max(1, math.ceil(spent[0] + rate.seconds - now))
        spent.append(now)
        return 0
