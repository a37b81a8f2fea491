"""How a run can end, what the reader is told then, and what can be pressed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import structlog

from connectors.base import Control
from providers.base import (
    AuthFailed,
    BadRequest,
    Disconnected,
    Filtered,
    FinishReason,
    Generation,
    Malformed,
    Overloaded,
    ProviderError,
    Stalled,
)

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """The one way in which a run ended."""

    COMPLETE = "complete"
    LENGTH = "length"
    FILTERED = "filtered"
    STOPPED = "stopped"
    FAILED = "failed"
    UNDELIVERABLE = "undeliverable"
    INTERRUPTED = "interrupted"


_TOOL_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}")
_MARKUP = re.compile(r"[\s_*`~\[\]<>|\\]+")


@dataclass(frozen=True, slots=True)
class Ended:
    """An outcome, what the reader is told of it, and what the operator is told."""

    outcome: Outcome
    note: str = ""
    error: str | None = None


_BY_FINISH: dict[FinishReason | None, Ended] = {
    "stop": Ended(Outcome.COMPLETE),
    "length": Ended(Outcome.LENGTH, "The answer reached its length limit here."),
    "filter": Ended(Outcome.FILTERED, "The model's content filter ended the answer here."),
}

_BY_ERROR: tuple[tuple[type[ProviderError], str], ...] = (
    (Overloaded, "The model's service is overloaded. Try again in a moment."),
    (AuthFailed, "The bot may not use its model: its operator has to check the key."),
    (Stalled, "The model stopped sending, so the answer ends here."),
    (Disconnected, "The connection to the model was lost, so the answer ends here."),
    (Malformed, "The model's service sent something unreadable, so the answer ends here."),
    (ProviderError, "The model's service failed, so the answer ends here."),
)

STOPPED = Ended(Outcome.STOPPED, "Stopped.")
INTERRUPTED = Ended(Outcome.INTERRUPTED, "The bot was stopped before the answer was whole.")
EDITED = Ended(Outcome.STOPPED, "Started over: the question was changed.")
TOO_LATE = Ended(Outcome.FAILED, "The answer took too long and ends here.", "total time-out")
CAPPED = Ended(Outcome.LENGTH, "The answer reached the most that one answer may use.")
BUG = "Something went wrong in the bot, so the answer ends here. Its operator has been told."
NO_TEXT = "The model gave no text."
NO_TOOLS = "The model asked for a tool, and can't use any here."
TRIMMED = "Earlier messages were left out: the conversation is too long for the model."


def finished(generation: Generation) -> Ended:
    """The end of a run whose provider said that it is done.

    A model that only calls tools has not answered.
    """
    ended = _BY_FINISH.get(generation.finish_reason, _BY_FINISH["stop"])
    if ended.outcome is not Outcome.COMPLETE:
        return ended
    empty = not generation.text.strip()
    if generation.called:
        tool = _tool(generation.called[0])
        log.warning("model.called_tools", tool=tool, answered=not empty)
        told = f"ToolCall: the model asked for {tool}, and was given no tools" if empty else None
        return Ended(Outcome.FAILED if empty else Outcome.COMPLETE, NO_TOOLS, told)
    return Ended(Outcome.COMPLETE, NO_TEXT) if empty else ended


def _tool(name: str) -> str:
    """A tool's name, if it is one: the rest of a call is the model's text, and not for the log."""
    return name if _TOOL_NAME.fullmatch(name) else "a tool"


def failed(error: ProviderError) -> Ended:
    """The end of a run whose provider failed."""
    told = f"{type(error).__name__}: {error}"
    if isinstance(error, Filtered):
        note = "The model's content filter refused the question."
        return Ended(Outcome.FILTERED, note, told)
    if isinstance(error, BadRequest):
        return Ended(Outcome.FAILED, f"The model can't answer this: {error}", told)
    note = next(note for kind, note in _BY_ERROR if isinstance(error, kind))
    return Ended(Outcome.FAILED, note, told)


def small(note: str) -> str:
    """A note as Markdown: one line in italics, in which nothing else is marked up."""
    return f"_{_MARKUP.sub(' ', note).strip()}_" if note else ""


def controls(outcome: Outcome, text: str) -> tuple[Control, ...]:
    """What can be pressed under an answer that ended so."""
    thumbs = (Control.UP, Control.DOWN)
    go_on = (Control.CONTINUE,) if text.strip() else ()
    match outcome:
        case Outcome.COMPLETE:
            return thumbs if text.strip() else (Control.RETRY,)
        case Outcome.LENGTH:
            return (*go_on, *thumbs)
        case Outcome.FILTERED:
            return (Control.RETRY,)
        case _:
            return (Control.RETRY, *go_on)
