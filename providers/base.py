"""The interface to an AI service: a `Request` in, tokens to callbacks and into a `Generation`.

A provider knows its service, and nothing about platforms, runs or the store. Every failure that
leaves a provider is a `ProviderError`.
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
"""What a token is. Callbacks get it as the keyword argument `kind`; without one it is `text`.

A `seam` does not come from a model: its text names the model that continues another's answer here.
"""

ANSWER_KINDS: frozenset[TokenKind] = frozenset({"text", "refusal"})
"""The kinds that are shown to the reader and compared by the receipt. A refusal is an answer."""

GO_ON = (
    "Your last answer was cut off. Continue it exactly where it stopped: "
    "repeat nothing, and add no introduction."
)
"""The instruction to a model that continues an answer that broke off."""

FinishReason = Literal["stop", "length", "filter", "unknown"]
"""Why an answer ended. Only `stop` means that it is complete; `unknown` is a reason given by the
service that `providers.finish` does not list."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a request, its content in base64."""

    media_type: str
    base64: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation in a request."""

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked. `max_tokens` limits its answer; None leaves that to the service."""

    turns: tuple[Turn, ...]
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the service counted them, or an estimate if it reported none."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    """The part of `input_tokens` that came from the service's prompt cache."""
    estimated: bool = False


AttemptKind = Literal["first", "retry", "failover", "trimmed"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of one model; an answer takes several if one fails."""

    model: str
    """As in the setting MODEL: `provider:model`."""
    kind: AttemptKind
    at_us: int
    """When it began: microseconds since the generation began."""
    chars: int
    """Length of the answer in characters when it began; above 0, it continues that answer."""
    error: str | None = None
    """Class and message of the error that ended it, or None."""


@dataclass(slots=True)
class Generation:
    """What a provider has read so far; kept after an error, a stop or a cancel.

    The provider fills it as it reads, independently of the callbacks: the receipt compares what
    both have, so neither may be made from the other.
    """

    pieces: list[str] = field(default_factory=list)
    """The answer's tokens (kinds `text` and `refusal`), in order."""
    tokens: int = 0
    """How many tokens with text have come, of any kind."""
    finish_reason: FinishReason | None = None
    finish_word: str = ""
    """The service's own word for the finish reason: printable, at most 64 characters."""
    model: str = ""
    usage: Usage | None = None
    attempts: list[Attempt] = field(default_factory=list)
    """The attempts, in order; empty if the first model succeeded at once."""
    seams: list[int] = field(default_factory=list)
    """Offsets in the answer, in characters, from which on another model continued it."""
    trimmed: bool = False
    """Whether earlier turns were left out because the conversation was too long for the model."""
    called: list[str] = field(default_factory=list)
    """The tokens of tool calls, in order."""

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.pieces)

    def add(self, text: str, kind: TokenKind = "text") -> None:
        """Adds one token that was read."""
        self.tokens += 1
        if kind in ANSWER_KINDS:
            self.pieces.append(text)
        elif kind == "seam":
            self.seams.append(len(self.text))
        elif kind == "tool":
            self.called.append(text)


class ProviderError(Exception):
    """The model failed. Subclasses say how.

    `cause` names a row of `providers.causes`, which decides about retries and what the reader is
    told; `params` are the parameters of its sentences. `said` are the service's own words,
    redacted, for the operator only.
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
        """Whether a cause was given; if not, it is the default of the class."""
        self.cause = cause or _usual_cause(type(self))
        self.params = dict(params or {})
        self.said = said
        self.model = ""
        """The model that failed, as in the setting MODEL; empty until a caller fills it in."""
        super().__init__(message or _plain(self.cause, self.params))

    @property
    def row(self) -> Cause:
        """The cause's row in the table."""
        return CAUSES[self.cause]


def _usual_cause(kind: type[Exception]) -> str:
    return next(DEFAULTS[each.__name__] for each in kind.__mro__ if each.__name__ in DEFAULTS)


def _plain(cause: str, params: Mapping[str, object]) -> str:
    """A cause for the log: its id as words, and its parameters."""
    about = ", ".join(str(value) for value in params.values() if str(value))
    return cause.replace("_", " ") + (f" ({about})" if about else "")


class Overloaded(ProviderError):
    """Too many requests, or the service is out of capacity.

    `retry_after` is how long it asks to be left alone, in seconds; None if it doesn't say.
    """

    def __init__(self, message: str = "", retry_after: float | None = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.retry_after = retry_after


class BadRequest(ProviderError):
    """The service refuses this request: an unknown model, an unsupported option, a bad format."""


class TooLong(BadRequest):
    """The conversation is longer than the model takes; a shorter one may be accepted.

    `room` is the limit in tokens, if the service names it.
    """

    def __init__(self, message: str = "", room: int | None = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.room = room


class AuthFailed(ProviderError):
    """The key is missing, wrong or not allowed to use this model; or the account is empty."""


class Unusable(ProviderError):
    """The model can't be created here: a package is missing, or a setting is invalid."""


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
        """The context window: tokens for question, history and answer together.

        May change while the model is used, as more becomes known.
        """
        ...

    @property
    def sees(self) -> bool:
        """Whether the model takes images."""
        ...

    async def start(self) -> None:
        """Prepares what takes time. Optional: `generate` does it if this was not called."""
        ...

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """Streams an answer: each token into `generation` and then, in order, to each callback.

        Callbacks get `on_chat_model_start`, `on_llm_new_token(text, chunk=…, run_id=…, kind=…)`
        for each token with text (the chunk as LangChain's models make it), and `on_llm_end` or
        `on_llm_error`. Returns once the service has said that the answer is done, and raises a
        `ProviderError` otherwise. Cancelling it closes the connection, so that the service stops
        generating.
        """
        ...

    async def aclose(self) -> None:
        """Closes connections and stops whatever the provider has started."""
        ...


@runtime_checkable
class Traceable(Protocol):
    """An optional capability of a provider: LangSmith can trace its calls."""

    traced: bool
    """Whether it may. Off unless the operator asks for it, because traces contain the texts."""
