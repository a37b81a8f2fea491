"""The calls of a run on its receipt: asked = allowed = sent, and answered = what the model was
given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from bot.store import CallKey, CallRow


@dataclass(frozen=True, slots=True)
class CallTally:
    """How many calls a run asked for or sent, by how far the record says that they came.

    `given` counts the answers that the model was given as they are recorded, `unused` those that it
    was not, for the run was stopped first.
    """

    asked: int
    allowed: int
    sent: int
    answered: int
    given: int
    unused: int = 0

    @property
    def whole(self) -> bool:
        """Whether every call came to its end, and the model was given just what was answered."""
        return self.asked == self.allowed == self.sent == self.answered == self.given


def tally(
    run_id: UUID, rows: Sequence[CallRow], given: Mapping[CallKey, str], *, first: int, cut: bool
) -> CallTally:
    """Counts the calls in the record; `given` has the results that the model was given.

    `first` is the number of the first call that the run asked for since it was begun by this
    process; `cut` says that it was stopped. A call that waited for a person is sent by the run that
    goes on, which may be fast: of the run that asked for it, it counts as asked.
    """
    rows = [row for row in rows if row.key.run_id != run_id or row.key.n >= first]
    own = [row for row in rows if row.until_us is None or row.sender == run_id]
    answered = [row for row in own if row.state == "answered"]
    told = [row for row in answered if row.result and given.get(row.key) == row.result.text]
    return CallTally(
        asked=len(rows),
        allowed=sum(row.times["approved_us"] is not None for row in own),
        sent=sum(row.times["sent_us"] is not None for row in own),
        answered=len(answered),
        given=len(told),
        unused=sum(row.key not in given for row in answered) if cut else 0,
    )
