"""How a run can end: what the reader and the operator are told then, and what can be pressed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal
from uuid import UUID

import structlog

from bot.identity import Account
from bot.runs.usage import NotAnswerable
from bot.settings import setting_names
from bot.store import RunRow, RunStart
from bot.words import Sentence, english, happened, parameters
from connectors.base import Asked, Control
from providers.base import BadRequest, Filtered, FinishReason, Generation, ProviderError

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
    note: Sentence | None = None
    error: str | None = None
    failure: ProviderError | None = None


_BY_FINISH: dict[FinishReason, Ended] = {
    "stop": Ended(Outcome.COMPLETE),
    "length": Ended(Outcome.LENGTH, Sentence("ended.length")),
    "filter": Ended(Outcome.FILTERED, Sentence("ended.filtered")),
    "unknown": Ended(Outcome.FAILED, Sentence("ended.unknown")),
}

STOPPED = Ended(Outcome.STOPPED, Sentence("ended.stopped"))
INTERRUPTED = Ended(Outcome.INTERRUPTED, Sentence("ended.interrupted"))
EDITED = Ended(Outcome.STOPPED, Sentence("ended.question_changed"))
TOO_LATE = Ended(Outcome.FAILED, Sentence("ended.too_late"), "total time-out")
CAPPED = Ended(Outcome.LENGTH, Sentence("ended.capped"))
BUG = Sentence("ended.bug")
NO_TEXT = Sentence("ended.no_text")
NO_TOOLS = Sentence("ended.no_tools")
TRIMMED = Sentence("answer.trimmed")


def finished(generation: Generation) -> Ended:
    """The end of a run whose provider said that it is done.

    A model that only calls tools has not answered. Nor is an answer whole where its service gave
    a reason that nobody here knows: it has failed, and its text stays.
    """
    ended = _BY_FINISH[generation.finish_reason or "unknown"]
    if ended.outcome is Outcome.FAILED:
        word = generation.finish_word
        return replace(ended, error=f"UnknownEnd: the service ended the answer with {word!r}")
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


def failed(error: ProviderError, answered: str = "") -> Ended:
    """The end of a run whose provider failed; `answered` is the text that stands."""
    told = f"{type(error).__name__}: {happened(error)}"
    if isinstance(error, Filtered):
        note = "ended.filtered" if answered.strip() else f"failed.{error.row.reader}"
        return Ended(Outcome.FILTERED, Sentence(note), told, error)
    if isinstance(error, NotAnswerable):
        reason = Sentence("failed.not_answerable", {"reason": error.why})
        return Ended(Outcome.FAILED, reason, f"BadRequest: {error}", error)
    if isinstance(error, BadRequest) and not error.named:
        reason = Sentence("failed.not_answerable", {"reason": str(error)})
        return Ended(Outcome.FAILED, reason, told, error)
    return Ended(Outcome.FAILED, Sentence(f"failed.{error.row.reader}"), told, error)


def small(note: Sentence | None) -> str:
    """A note as Markdown: one line in italics, in which nothing else is marked up."""
    return "" if note is None else f"_{_MARKUP.sub(' ', english(note)).strip()}_"


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


# What is to be answered.


Kind = Literal["ask", "retry", "continue"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered. A retry or a continuation names the run that it follows."""

    asked: Asked
    kind: Kind = "ask"
    parent: RunRow | None = None

    @property
    def account(self) -> Account:
        """Who asks."""
        return Account.of(self.asked.message.place, self.asked.person)

    def start(self, run_id: UUID, model: str, started_us: int) -> RunStart:
        """The run that answers it, as it begins; `started_us` since the epoch."""
        return RunStart(
            run_id=run_id,
            place=self.asked.message.place,
            question_id=self.asked.message.id,
            person=self.asked.person,
            question=self.asked.text,
            model=model,
            started_us=started_us,
            kind=self.kind,
            parent_run_id=None if self.parent is None else self.parent.run_id,
            files=self.asked.files,
        )


# What the operator is told of a model's failure, and what cures it.


def cure(error: ProviderError) -> str:
    """What to do about it, in one line."""
    return english(remedy(error))


def remedy(error: ProviderError) -> Sentence:
    """What to do about it, with the settings of the model that failed."""
    id_ = f"cure.{error.cause}"
    key, address = setting_names(error.model.partition(":")[0])
    known = {**error.params, "key": key, "address": address}
    return Sentence(id_, {name: known.get(name, "") for name in parameters(id_)})


def in_full(error: ProviderError) -> str:
    """What happened, what the service said of it, and the cure: lines for a terminal."""
    said = f'\nIt said: "{error.said}"' if error.said else ""
    return f"{happened(error)}{said}\nCure: {cure(error)}"
