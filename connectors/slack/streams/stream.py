"""One stream: what was sent to it, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connectors.base import Control, MessageRef, Part, Shown
from connectors.slack import blocks
from connectors.slack.dialect import COLUMNS, write
from connectors.slack.recipients import Recipient
from connectors.slack.standing import as_drawn


def grows(part: Part) -> bool:
    """More text of the part will come: it can still be stopped."""
    return Control.STOP in part.controls


@dataclass(slots=True)
class Stream:
    """A message that Slack takes appends for. `sent` is the Markdown that it was sent so far."""

    ref: MessageRef
    key: str
    run_id: UUID | None
    recipient: Recipient | None
    started: float
    """In the loop's time, in seconds."""
    sent: str
    columns: int = COLUMNS
    """The most that a table may have."""
    in_doubt: bool = False
    """A call is under way, or its answer was lost: more than `sent` may be there."""
    bare: bool = False
    """Slack refused the blocks below it."""
    version: int = 0

    def rest(self, text: str, *, growing: bool = False) -> str | None:
        """What an append has to say so that `text` is there; None where none can do that.

        Empty where all that can be said of a growing text is there.
        """
        whole = write(text, growing=growing, columns=self.columns)
        if growing and self.sent.startswith(whole):
            return ""
        return whole[len(self.sent) :] if whole.startswith(self.sent) else None

    def shown(self) -> Shown:
        """What can be seen of what was sent."""
        return as_drawn(self.ref, [{"type": "markdown", "text": self.sent}])

    def below(self, part: Part) -> dict[str, Any]:
        """What `chat.stopStream` puts below the text: footer, buttons and metadata."""
        if self.bare:
            return {}
        message = blocks.message(part, self.key, self.version, self.columns)
        under = [block for block in message["blocks"] if block["type"] != "markdown"]
        return {"blocks": under or None, "metadata": message["metadata"]}
