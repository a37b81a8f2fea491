"""A loop that waits for a person, as it is kept in the database: what was said, what the model
asked for, and what is known of its calls so far.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from providers.base import Image, Opaque, Request, ToolCall, Turn


class LoopNotKept(Exception):
    """What was kept of a loop can't be read, or is there no more."""


@dataclass(frozen=True, slots=True)
class SavedLoop:
    """The model's last turn with its calls, the results of the first of them, and the rest.

    `request` is what the model was asked last, without its tools. `rounds`: how often it may still
    call some. `runs` are those in which the loop ran so far.
    """

    request: Request
    turn: Turn
    results: Sequence[Turn]
    rounds: int
    runs: Sequence[UUID]
    remember: bool = False
    """Whether a rule may be made of the approval."""

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(
            {
                "turns": [to_json(turn) for turn in self.request.turns],
                "max_tokens": self.request.max_tokens,
                "turn": to_json(self.turn),
                "results": [to_json(turn) for turn in self.results],
                "rounds": self.rounds,
                "runs": [str(run_id) for run_id in self.runs],
                "remember": self.remember,
            }
        )

    @classmethod
    def from_json(cls, kept: str | None) -> SavedLoop:
        """As it was kept. Raises `LoopNotKept`."""
        if kept is None:
            raise LoopNotKept("its texts were deleted")
        try:
            told = json.loads(kept)
            turns = tuple(from_json(turn) for turn in told["turns"])
            return cls(
                request=Request(turns, told["max_tokens"]),
                turn=from_json(told["turn"]),
                results=[from_json(turn) for turn in told["results"]],
                rounds=int(told["rounds"]),
                runs=[UUID(run_id) for run_id in told["runs"]],
                remember=bool(told["remember"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise LoopNotKept(f"it can't be read: {type(error).__name__}") from error


def to_json(turn: Turn) -> dict[str, Any]:
    """A turn as JSON."""
    return asdict(turn)


def from_json(told: Mapping[str, Any]) -> Turn:
    """A turn from its JSON; raises `TypeError` or `KeyError` if it is none."""
    known = dict(told)
    return Turn(
        known.pop("role"),
        known.pop("text"),
        images=tuple(Image(**each) for each in known.pop("images", ())),
        calls=tuple(ToolCall(**each) for each in known.pop("calls", ())),
        opaque=tuple(Opaque(**each) for each in known.pop("opaque", ())),
        **known,
    )
