"""The pace of a conversation: as on a platform, or as fast as is pleasant to read.

It stands in the conversation's name, so that it outlives a restart and is the same in every tab:
`slack-…`, `discord-…`; any other name is fast.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.base import Budget


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a message may change, and how long it may be.

    `calls` posts and edits in any `seconds`; `shared` by all conversations of this pace, as a Slack
    workspace shares them, or each conversation's own.
    """

    name: str
    length: int
    calls: int
    seconds: float
    shared: bool = False

    def budget(self, conversation: str) -> Budget:
        """The budget that a conversation's calls are counted in."""
        key = self.name if self.shared else conversation
        return Budget(f"web:{key}", self.calls, self.seconds)


FAST = Pace("fast", 4000, 5, 1.0)
SLACK = Pace("slack", 11_000, 50, 60.0, shared=True)
DISCORD = Pace("discord", 2000, 4, 5.0)

_PACES = {pace.name: pace for pace in (SLACK, DISCORD)}


def pace_of(conversation: str) -> Pace:
    """The pace of a conversation, by its name."""
    return _PACES.get(conversation.partition("-")[0], FAST)
