"""What the platform allows: lengths, lifetimes and rates. `None` switches a limit off.

Where each number comes from is told in LIMITS.md, beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Limits:
    """Discord's limits. Lengths in UTF-16 units, times in seconds, `None` means no limit."""

    channel_calls: int | None = 5
    """Posts and edits together, in one channel, in `channel_seconds`."""
    channel_seconds: float = 5.0
    webhook_calls: int | None = 5
    """Calls with one interaction's token, in `webhook_seconds`."""
    webhook_seconds: float = 2.0
    route_calls: int | None = 50
    """Calls of any other route, for each channel or guild in it, in `route_seconds`."""
    route_seconds: float = 1.0
    global_calls: int | None = 50
    """Calls of the bot in `global_seconds`; those about interactions don't count."""
    global_seconds: float = 1.0
    typing_calls: int | None = 1
    """Calls that show the bot typing in one channel, in `typing_seconds`."""
    typing_seconds: float = 4.6
    announcement_edits: int | None = 3
    """Edits of one message of an announcement channel, in `announcement_seconds`."""
    announcement_seconds: float = 3600.0
    invalid_calls: int | None = 10_000
    """Answers with 401, 403 or 429 (but for shared limits), in `invalid_seconds`."""
    invalid_seconds: float = 600.0
    ban_seconds: float = 3600.0
    """How long every call is turned away after too many of those."""
    session_starts: int | None = 1_000
    """Sessions that may begin in `session_seconds`; after one more the token is reset."""
    session_seconds: float = 86_400.0
    window: Literal["fixed", "sliding"] = "fixed"
    """A fixed window begins with its first call; a sliding one ends with now."""
    content: int | None = 2000
    """Counted before the white space at both ends is stripped."""
    nonce: int | None = 25
    nonce_seconds: float | None = 180.0
    """How long a nonce is remembered."""
    old_edit_seconds: float = 1.0
    """What a message that takes no more edits tells a caller to wait."""
    embed_description: int | None = 4096
    text_display: int | None = 4000
    """All text of a message of Components V2."""
    upload_bytes: int | None = 10 * 1024 * 1024
    """One attached file."""
    answer_seconds: float | None = 3.0
    """An interaction that was not answered within this is dead."""
    interaction_life: float | None = 900.0
    """After this an interaction's token opens nothing."""

    def but(self, **changes: Any) -> Limits:
        """These limits with some of them changed."""
        return replace(self, **changes)

    @classmethod
    def off(cls) -> Limits:
        """No limit at all, of those that can be switched off."""
        optional = [each.name for each in fields(cls) if "None" in str(each.type)]
        return cls().but(**dict.fromkeys(optional))
