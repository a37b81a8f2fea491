"""The interface to an AI service: a `Request` in, tokens to callbacks and into a `Generation`.

A provider knows its service, and nothing about platforms, runs or the store. Every failure that
leaves a provider is a `ProviderError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from providers.causes import CAUSES, DEFAULTS, Cause

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackHandler

TokenKind = Literal["text", "reasoning", "tool", "refusal", "seam", "note"]
"""What a token is. Callbacks get it as the keyword argument `kind`; without one it is `text`.

Two do not come from a model. A `seam` names the model that continues another's answer here; a
`note` is a line of the bot's own that stands here, such as what became of a tool call.
"""

ANSWER_KINDS: frozenset[TokenKind] = frozenset({"text", "refusal"})
"""The kinds that are shown to the reader and compared by the receipt. A refusal is an answer."""

GO_ON = (
    "Your last answer was cut off. Continue it exactly where it stopped: "
    "repeat nothing, and add no introduction."
)
"""The instruction to a model that continues an answer that broke off."""

FinishReason = Literal["stop", "tools", "length", "filter", "unknown"]
"""Why an answer ended. Only `stop` means that it is complete; `unknown` is a reason given by the
service that `providers.finish` does not list. With `tools` the model waits for the results of
`Generation.calls`; it comes only of a request that offers tools."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a request, its content in base64."""

    media_type: str
    base64: str


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file in an answer, as its service sent it: the content in base64, perhaps no valid one."""

    media_type: str
    base64: str = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a model may call. `schema` is the JSON schema of its arguments, an object."""

    name: str
    description: str
    schema: Mapping[str, Any]

    @property
    def text(self) -> str:
        """What a service counts of it, roughly."""
        return f"{self.name} {self.description} {json.dumps(self.schema, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model has finished.

    `arguments` is the text as the model made it: empty, or broken JSON, if that is what it made.
    `id` is unique in the conversation: the service's, or ours if it gives none or one twice.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something in an answer that has to go back to the same model unchanged, such as a signature.

    `item` is JSON; what it means is known by the adapter that made it.
    """

    model: str
    """Whose it is, as in the setting MODEL. Others are not sent it."""
    kind: str
    item: Any
    calls: int = 0
    """How many of the answer's calls come before it."""
    chars: int = 0
    """How many characters of the answer's text come before it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation in a request.

    An assistant's turn may have `calls`; each is answered by a turn of role `tool`, which has the
    call's id and the tool's name, and says in `failed` whether the call failed. (OpenAI's API has
    no field for that: there only the text tells the model.)
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    images: tuple[Image, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    opaque: tuple[Opaque, ...] = ()
    call_id: str = ""
    name: str = ""
    failed: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """All that a service counts of it, but for the images."""
        called = (text for call in self.calls for text in (call.name, call.arguments))
        kept = (json.dumps(each.item, ensure_ascii=False) for each in self.opaque)
        return (self.text, *called, *kept)


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked. `max_tokens` limits its answer; None leaves that to the service.

    As long as turns have calls the tools are offered too: some services refuse calls of tools that
    they were not told of.
    """

    turns: tuple[Turn, ...]
    max_tokens: int | None = None
    tools: tuple[Tool, ...] = ()


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
    notes: list[tuple[int, str]] = field(default_factory=list)
    """The lines of the bot's own, with their offsets in the answer, in characters."""
    trimmed: bool = False
    """Whether earlier turns were left out because the conversation was too long for the model."""
    called: list[str] = field(default_factory=list)
    """The tokens of the last request's tool calls, in order."""
    calls: list[ToolCall] = field(default_factory=list)
    """The finished calls of the last request, in order; none unless it ended with `tools`."""
    opaque: list[Opaque] = field(default_factory=list)
    """What has to go back to the model with these calls."""
    files: list[MadeFile] = field(default_factory=list)
    """The files that the model made, in order."""
    besides: list[tuple[str, Usage]] = field(default_factory=list)
    """What other models were used for, by a tool, as in the setting MODEL, and what that took."""
    begins: int = 0
    """Offset in the answer, in characters, at which that of the last request begins."""

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.pieces)

    @property
    def said(self) -> str:
        """The answer of the last request so far."""
        return self.text[self.begins :]

    @property
    def turn(self) -> Turn:
        """The last request's answer as a turn, to be followed by its calls' results."""
        return Turn("assistant", self.said, calls=tuple(self.calls), opaque=tuple(self.opaque))

    def go_on(self) -> None:
        """Prepares for another request of the same run, with the results of the last one's calls.

        Text, tokens, usage and attempts go on; calls and finish reason begin again.
        """
        self.begins = len(self.text)
        self.called.clear()
        self.calls.clear()
        self.opaque.clear()
        self.finish_reason, self.finish_word = None, ""

    def add(self, text: str, kind: TokenKind = "text") -> None:
        """Adds one token that was read."""
        self.tokens += 1
        if kind in ANSWER_KINDS:
            self.pieces.append(text)
        elif kind == "seam":
            self.seams.append(len(self.text))
        elif kind == "note":
            self.notes.append((len(self.text), text))
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
        `on_llm_error`. Where all of them have `reads_chunks = False`, nothing of LangChain's is
        made: no chunk, no start, and no end.

        Returns once the service has said that the answer is done, and raises a `ProviderError`
        otherwise. Cancelling it closes the connection, so that the service stops generating.

        A token of kind `tool` has a further keyword argument, `call`: the number of the call that
        it belongs to, counted from 0 in the order in which the answer's calls begin, as they stand
        in `Generation.calls`. A call's first token is its name, the others are its arguments. A
        `Generation` that was used before has to be told so by `go_on`.
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


@runtime_checkable
class Several(Protocol):
    """An optional capability of a provider: it is made of several models."""

    def each(self, change: Callable[[Provider], Provider]) -> Provider:
        """The same of changed models; what is known of how they fail is shared."""
        ...


@runtime_checkable
class TakesTools(Protocol):
    """An optional capability of a provider: its model can call tools."""

    @property
    def tools(self) -> bool:
        """Whether it can. May change as more becomes known, for example by a refusal."""
        ...


def takes_tools(provider: Provider) -> bool:
    """Whether a provider's model can call tools."""
    return isinstance(provider, TakesTools) and provider.tools
