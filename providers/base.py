"""The seam to an AI service: a request goes in, tokens go to the callbacks, a `Generation` stands.

A provider knows its service and nothing of platforms, runs or the store. Every failure that
crosses this seam is a `ProviderError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from providers.causes import CAUSES, DEFAULTS, Cause

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackHandler

TokenKind = Literal["text", "reasoning", "tool", "refusal", "seam"]
"""What a token is. Callbacks get it as the keyword argument `kind` (`text` where it is absent).

A `seam` no model said: its text names the model that goes on from here with another's answer.
"""

ANSWER_KINDS: frozenset[TokenKind] = frozenset({"text", "refusal"})
"""The kinds that the reader is shown and the receipt compares: a refusal is an answer."""

GO_ON = (
    "Your last answer was cut off. Continue it exactly where it stopped: "
    "repeat nothing, and add no introduction."
)
"""What a model is told that is to go on with an answer."""

FinishReason = Literal["stop", "length", "filter", "unknown"]
"""Why an answer ended. Only `stop` is a whole one; `unknown`: the service gave a reason that
nobody here knows."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture for a model that sees; its content in base64."""

    media_type: str
    base64: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation that the model is given."""

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked. `max_tokens` bounds its answer; None leaves that to the service."""

    turns: tuple[Turn, ...]
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the service counted them, or an estimate where it said nothing."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    """Of the input's: those that the service had read before."""
    estimated: bool = False


AttemptKind = Literal["first", "retry", "failover", "trimmed"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one model to answer; a run has several where one failed before it was done."""

    model: str
    """As in the setting MODEL: `provider:model`."""
    kind: AttemptKind
    at_us: int
    """When it began: microseconds since the generation began."""
    chars: int
    """The answer's characters that stood when it began; a seam where it is not 0."""
    error: str | None = None
    """Kind and message of the error that ended it; None where it was not ended by one."""


@dataclass(slots=True)
class Generation:
    """What a provider has read so far; it stands after an error, a stop or a cancel.

    Filled by the provider as it reads, apart from the callbacks: the receipt's first witness.
    """

    pieces: list[str] = field(default_factory=list)
    """The answer's tokens (kinds `text` and `refusal`), in order."""
    tokens: int = 0
    """Tokens of any kind that carried text."""
    finish_reason: FinishReason | None = None
    finish_word: str = ""
    """The service's own word for the reason, or its failure: printable, 64 characters at most."""
    model: str = ""
    usage: Usage | None = None
    attempts: list[Attempt] = field(default_factory=list)
    """The tries, in order; empty where the first and only one went well."""
    seams: list[int] = field(default_factory=list)
    """After so many characters of the answer another model went on with it, each time."""
    trimmed: bool = False
    """Whether earlier turns of the conversation were left out: it was too long for the model."""
    called: list[str] = field(default_factory=list)
    """The tokens of tool calls, in order."""

    @property
    def text(self) -> str:
        """The answer as far as it was generated."""
        return "".join(self.pieces)

    def add(self, text: str, kind: TokenKind = "text") -> None:
        """Takes one token that was read."""
        self.tokens += 1
        if kind in ANSWER_KINDS:
            self.pieces.append(text)
        elif kind == "seam":
            self.seams.append(len(self.text))
        elif kind == "tool":
            self.called.append(text)


class ProviderError(Exception):
    """The service did not answer as it should. Subclasses say what it means.

    `cause` is a row of `providers.causes`, from which all that follows is read; `params` fill its
    sentences. `said` are the service's own words, redacted: for the operator alone.
    """

    def __init__(
        self,
        message: str = "",
        *,
        cause: str | None = None,
        params: Mapping[str, str | int | float] | None = None,
        said: str = "",
    ) -> None:
        self.named = cause is not None
        """Whether its cause was told; otherwise it is the usual one of its class."""
        self.cause = cause or _usual_cause(type(self))
        self.params = dict(params or {})
        self.said = said
        self.model = ""
        """The model that failed, as in the setting MODEL, once that is known."""
        super().__init__(message or _plain(self.cause, self.params))

    @property
    def row(self) -> Cause:
        """What the table of causes says of it."""
        return CAUSES[self.cause]


def _usual_cause(kind: type[Exception]) -> str:
    return next(DEFAULTS[each.__name__] for each in kind.__mro__ if each.__name__ in DEFAULTS)


def _plain(cause: str, params: Mapping[str, object]) -> str:
    """A cause in a line of the log: its id, and what it is about."""
    about = ", ".join(str(value) for value in params.values() if str(value))
    return cause.replace("_", " ") + (f" ({about})" if about else "")


class Overloaded(ProviderError):
    """Too many requests, or the service is at its limit; `retry_after` in seconds where it says."""

    def __init__(self, message: str = "", retry_after: float | None = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.retry_after = retry_after


class BadRequest(ProviderError):
    """The service refuses this request: unknown model, too long, malformed."""


class TooLong(BadRequest):
    """The conversation is longer than the model takes: a shorter one may pass.

    `room` in tokens, where the service says how much it takes.
    """

    def __init__(self, message: str = "", room: int | None = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.room = room


class AuthFailed(ProviderError):
    """The key is missing, wrong, or may not use this model; or the account is empty."""


class Unusable(ProviderError):
    """The model can't be made here: a package is missing, or it doesn't take its settings."""


class Filtered(ProviderError):
    """The service's content filter refused the question."""


class Stalled(ProviderError):
    """No token came for longer than the stall time-out."""


class Disconnected(ProviderError):
    """The service can't be reached, or the stream ended without a finish reason."""


class Malformed(ProviderError):
    """The service sent something that is not a stream of tokens."""


class Provider(Protocol):
    """One model of one AI service."""

    name: str
    """As in the setting MODEL: `provider:model`."""

    @property
    def room(self) -> int:
        """Tokens that question, history and answer may have together; it may be learned."""
        ...

    @property
    def sees(self) -> bool:
        """Whether the model takes images."""
        ...

    async def start(self) -> None:
        """Gets ready what takes time; `generate` does it where this was not called."""
        ...

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """Streams an answer: each token into `generation` and, in order, to each callback.

        Callbacks get `on_chat_model_start`, `on_llm_new_token(text, chunk=…, run_id=…, kind=…)`
        for each token with text (the chunk as LangChain's models make it), and `on_llm_end` or
        `on_llm_error`. Returns once the service said that it is done; raises a `ProviderError`
        otherwise. A cancel closes the connection.
        """
        ...

    async def aclose(self) -> None:
        """Closes connections and ends what the provider started."""
        ...


@runtime_checkable
class Traceable(Protocol):
    """What a provider may do besides: LangChain's own tracing can watch its calls."""

    traced: bool
    """Whether it may: off unless the operator wants it, since traces hold what is said."""
