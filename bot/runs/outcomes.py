"""How a run can end: what the reader and the operator are told then, and what can be pressed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal
from uuid import UUID

import structlog

from bot.identity import Account
from bot.runs.receipts import Receipt
from bot.runs.usage import NotAnswerable
from bot.settings import setting_names
from bot.store import CallRow, CallState, RunRow, RunStart
from bot.tools import LoopNotKept, SavedLoop, Waits, in_words
from bot.words import Language, Sentence, english, happened, parameters
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
    WAITING = "waiting"
    """It ended with a question: may a tool be called? Another run goes on once that is decided."""


ERRORS = (Outcome.FAILED, Outcome.UNDELIVERABLE, Outcome.INTERRUPTED)
"""How nobody meant an answer to end."""
_TOOL_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Ended:
    """An outcome, what the reader is told of it, and what the operator is told."""

    outcome: Outcome
    note: Sentence | None = None
    error: str | None = None
    failure: ProviderError | None = None
    controls: tuple[Control, ...] = ()
    """What can be pressed then; where there is nothing here, what `controls` says."""


_BY_FINISH: dict[FinishReason, Ended] = {
    "stop": Ended(Outcome.COMPLETE),
    "tools": Ended(Outcome.LENGTH, Sentence("ended.tool_rounds")),
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
NOT_KEPT = Ended(Outcome.FAILED, Sentence("ended.not_kept"), "the loop that waited was not kept")


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
    return Ended(Outcome.COMPLETE, NO_TEXT) if empty and not generation.files else ended


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


def waits(waiting: Waits) -> Ended:
    """The end of a run that goes on in another one, once somebody has allowed a call or not."""
    asked = waiting.asked
    arguments = in_words(asked.arguments)
    note = Sentence(
        "ended.waits",
        {
            "name": asked.tool,
            "server": asked.server,
            "arguments": f" ({arguments})" if arguments else "",
            "why": waiting.reason,
        },
    )
    here = (Control.ALLOW_HERE,) if waiting.remember else ()
    pressed = (Control.ALLOW, *here, Control.DENY, Control.DETAILS)
    return Ended(Outcome.WAITING, note, controls=pressed)


def waits_still(call: CallRow) -> Ended:
    """The end of such a run as its call stands by now."""
    try:
        remember = SavedLoop.from_json(call.loop).remember
    except LoopNotKept:
        return decided("withdrawn", call.asked.tool)
    if call.state != "waiting" or call.reason is None:
        return decided(call.state, call.asked.tool)
    return waits(Waits(call.asked, call.reason, remember))


def decided(state: CallState, tool: str) -> Ended:
    """What a run that waited says once its call was decided, or is not to be made any more."""
    over = (Control.RETRY,) if state in ("lapsed", "withdrawn") else (Control.UP, Control.DOWN)
    note = Sentence(_DECIDED.get(state, "ended.approved"), {"name": tool})
    return Ended(Outcome.WAITING, note, controls=over)


_DECIDED: Mapping[CallState, str] = {
    "denied": "ended.denied",
    "lapsed": "ended.lapsed",
    "withdrawn": "ended.withdrawn",
}


def controls(ended: Ended, text: str) -> tuple[Control, ...]:
    """What can be pressed under an answer that ended so."""
    thumbs = (Control.UP, Control.DOWN)
    go_on = (Control.CONTINUE,) if text.strip() else ()
    if ended.controls:
        return ended.controls
    match ended.outcome:
        case Outcome.COMPLETE:
            return thumbs if text.strip() else (Control.RETRY,)
        case Outcome.LENGTH:
            return (*go_on, *thumbs)
        case Outcome.FILTERED:
            return (Control.RETRY,)
        case _:
            return (Control.RETRY, *go_on)


# What came of it.


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended."""

    run_id: UUID
    outcome: Outcome
    text: str
    tokens: int
    receipt: Receipt
    error: str | None = None
    """What the operator is told of a failure."""
    handed_on: int = 0
    """Tokens that the recording handler gave to the log."""
    failure: ProviderError | None = None
    """The model's failure, where that ended it."""
    notes: tuple[str, ...] = ()
    """What the reader is told of its end, a line each."""


# What is to be answered.


Kind = Literal["ask", "retry", "continue", "decided"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered. What follows a run names it: a retry, a continuation, or what goes on
    once somebody has decided about the tool call that it waits for.
    """

    asked: Asked
    kind: Kind = "ask"
    parent: RunRow | None = None
    language: Language = Language.ENGLISH
    """The language that its reader has: that of all that the bot says with the answer."""
    model: str = ""
    """The short name of the model that somebody chose for it; empty: what holds in its place."""

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
            language=self.language,
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
