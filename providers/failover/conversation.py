"""The same question for another model, or asked once more: handed on, or made shorter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from providers.base import GO_ON, Request, Turn

_IMAGE_BYTES = 3_000
"""What an image counts as much as; a token is about three bytes of text."""
_TOKEN_BYTES = 3


def continued(request: Request, answered: str) -> Request:
    """The request to go on with an answer of which `answered` is there."""
    if not answered:
        return request
    on = (Turn("assistant", answered), Turn("user", GO_ON))
    return replace(request, turns=(*request.turns, *on))


def shorter(request: Request) -> Request | None:
    """The conversation at half its length, without its oldest; None where only the question is
    left, which is never cut.
    """
    system, earlier, question = _apart(request.turns)
    if not earlier:
        return None
    left = _weight(request.turns) // 2 - _weight([*system, *question])
    kept: list[Turn] = []
    for turn in reversed(earlier):
        left -= _weight([turn])
        if left < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role != "user":
        kept.pop(0)
    return replace(request, turns=(*system, *kept, *question))


def fits(request: Request, room: int) -> bool:
    """Whether a conversation is short enough for a model of this room (in tokens), as a guess."""
    return _weight(request.turns) <= room * _TOKEN_BYTES


def has_images(request: Request) -> bool:
    """Whether only a model that sees can answer it."""
    return any(turn.images for turn in request.turns)


def _apart(turns: Sequence[Turn]) -> tuple[Sequence[Turn], Sequence[Turn], Sequence[Turn]]:
    """What the model is told first, what was said earlier, and what it is asked now."""
    begins = next((n for n, turn in enumerate(turns) if turn.role != "system"), len(turns))
    asked = len(turns) - 1
    while asked - 2 >= begins and turns[asked].text == GO_ON:
        asked -= 2  # the question, what was answered of it, and the wish to go on
    return turns[:begins], turns[begins:asked], turns[asked:]


def _weight(turns: Sequence[Turn]) -> int:
    return sum(len(turn.text.encode()) + _IMAGE_BYTES * len(turn.images) for turn in turns)
