"""What a tool call is, as it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping

from bot.words import Sentence

CallState = Literal[
    "asked", "refused", "waiting", "approved", "denied", "lapsed", "withdrawn",
    "sending", "answered", "failed", "uncertain",
]  # fmt: skip

WAYS: Mapping[CallState, tuple[CallState, ...]] = {
    "asked": ("refused", "waiting", "approved"),
    "waiting": ("approved", "denied", "lapsed", "withdrawn"),
    "approved": ("sending", "withdrawn"),
    "sending": ("answered", "failed", "uncertain"),
}
"""Each state and those that may follow it; what is not named follows nothing."""


class CallKey(NamedTuple):
    """Which call of which run, counted from 0."""

    run_id: UUID
    n: int


@dataclass(frozen=True, slots=True)
class CallBinding:
    """What an approval is bound to, as SHA-256 in hexadecimal.

    `arguments`: their canonical JSON. `config`: the server's configuration. `tool`: its schema,
    description and annotations.
    """

    arguments: str
    config: str
    tool: str


@dataclass(frozen=True, slots=True)
class AskedCall:
    """A call as a model asked for it."""

    call_id: str
    """The service's own id of it."""
    server: str
    tool: str
    arguments: str
    """As the model wrote them."""
    binding: CallBinding


@dataclass(frozen=True, slots=True)
class EndedCall:
    """The end of a call, for those who watch; without any text of it."""

    run_id: UUID
    """The run that made it, or was to: after an approval not the one that asked for it."""
    call_id: str
    server: str
    """Empty where there is none of that name."""
    tool: str
    """Empty where the server has none of that name: then it is the model's text."""
    state: CallState
    seconds: float
    """How long it took, without the wait for a person."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a server answered: the text that the model is given, and of what it was made."""

    text: str
    sha256: str
    """Of the whole answer, before it was cut."""
    bytes: int


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as it is stored. Times are microseconds since the epoch, by the database's clock."""

    key: CallKey
    asked: AskedCall
    state: CallState
    reason: Sentence | None
    approver: str | None
    """The account that allowed or denied it; None where no person did."""
    rule_id: str | None
    until_us: int | None
    """When a waiting or approved call lapses; None: never."""
    owner: str | None
    epoch: int | None
    result: CallResult | None
    error: str | None
    times: Mapping[str, int | None] = field(default_factory=dict)
    """By the columns' names: `asked_us`, `decided_us`, `approved_us`, `sent_us`, `ended_us`."""
    late: CallResult | None = None
    """An answer that came after the call was uncertain; its text is not kept."""
    loop: str | None = None
    """What goes on once a waiting call is decided, as JSON; None once texts were deleted."""
    sender: UUID | None = None
    """The run that sent it: not the one that asked for it where that waited for a person."""
    restate_us: int | None = None
    """When its answer is to say what was decided; None: it says so, or nothing was decided."""


def call_of(row: RowMapping) -> CallRow:
    """The call in a row."""
    binding = CallBinding(row["arguments_sha256"], row["config_sha256"], row["tool_sha256"])
    return CallRow(
        key=CallKey(UUID(row["run_id"]), row["n"]),
        asked=AskedCall(
            row["call_id"], row["server"], row["tool"], row["arguments"] or "", binding
        ),
        state=row["state"],
        reason=Sentence(row["reason"], row["reason_params"] or {}) if row["reason"] else None,
        approver=row["approver"],
        rule_id=row["rule_id"],
        until_us=row["until_us"],
        owner=row["owner"],
        epoch=row["epoch"],
        result=_result(row["result"], row["result_sha256"], row["result_bytes"]),
        error=row["error"],
        times={name: row[name] for name in _TIMES},
        late=_result("", row["late_sha256"], row["late_bytes"]),
        loop=row["loop"],
        sender=UUID(row["sender"]) if row["sender"] else None,
        restate_us=row["restate_us"],
    )


def _result(text: str | None, sha256: str | None, size: int | None) -> CallResult | None:
    return None if sha256 is None else CallResult(text or "", sha256, size or 0)


_TIMES = ("asked_us", "decided_us", "approved_us", "sent_us", "ended_us", "late_us")
