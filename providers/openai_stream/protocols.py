"""OpenAI's two protocols, Chat Completions and Responses: the request, and the stream's reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Protocol

from providers import finish
from providers.base import Generation, Request, Turn
from providers.decoding import (
    DELTAS,
    DONE,
    ENDS,
    Decoder,
    Parts,
    TextDelta,
    choice_of,
    counted,
    delta_of,
    status_of,
    usage_of,
)
from providers.messages import content_of
from providers.options import for_responses

# The interface of a protocol.


class StreamReader(Protocol):
    """Reads one answer's chunks, and notes its finish reason and usage in the `Generation`.

    The pieces that it returns are added to the `Generation` by the caller.
    """

    def take(self, chunk: Any) -> list[TextDelta]:
        """The pieces in the next chunk. Raises if the chunk reports an error."""
        ...

    def flush(self) -> list[TextDelta]:
        """The pieces that were held back, at the end of the stream."""
        ...


class Speech(Protocol):
    """A protocol, for one model."""

    @property
    def path(self) -> str:
        """The path of requests, relative to the service's base URL."""
        ...

    def body(self, request: Request) -> dict[str, Any]:
        """A request as JSON."""
        ...

    def reader(self, generation: Generation) -> StreamReader:
        """A reader for one answer."""
        ...


# Chat Completions, which every service with this API has.


@dataclass(frozen=True, slots=True)
class Chat:
    """Chat Completions for one model.

    `limit` is the service's field for the most tokens of an answer; `usage`: whether to ask for
    usage; `system`: the role of system messages; `think_block`: whether answers may begin with
    reasoning between tags; `begun`: whether they begin inside it, without an opening tag;
    `whole`: the service's words for a complete answer.
    """

    model: str
    _: KW_ONLY
    limit: str
    usage: bool
    system: str = "system"
    think_block: bool = False
    begun: bool = False
    whole: frozenset[str] = finish.OPENAI
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of a request."""
    path: str = "/chat/completions"

    def body(self, request: Request) -> dict[str, Any]:
        """See `Speech`."""
        body: dict[str, Any] = {"model": self.model, "stream": True}
        if self.usage:
            body["stream_options"] = {"include_usage": True}
        if request.max_tokens is not None:
            body[self.limit] = request.max_tokens
        body.update(self.options)
        roles = {"system": self.system}
        body["messages"] = [
            {"role": roles.get(turn.role, turn.role), "content": content_of(turn)}
            for turn in request.turns
        ]
        return body

    def reader(self, generation: Generation) -> ChatReader:
        """See `Speech`."""
        decoder = Decoder(think_block=self.think_block, begun=self.begun)
        return ChatReader(generation, decoder, self.whole)


class ChatReader:
    """Reads the chunks of one chat completion; see `StreamReader`."""

    def __init__(self, generation: Generation, decoder: Decoder, whole: frozenset[str]) -> None:
        self._generation = generation
        self._decoder = decoder
        self._whole = whole

    def take(self, chunk: Any) -> list[TextDelta]:
        """The pieces in a chunk."""
        if (chunk.get("usage") or "x_groq" in chunk) and (usage := usage_of(chunk)):
            self._generation.usage = counted(usage)
        choice = choice_of(chunk)
        if choice is None:
            return []
        pieces = self._decoder.delta(delta_of(choice))
        if word := choice.get("finish_reason"):
            if usage := usage_of(chunk):  # Moonshot has it inside the last choice
                self._generation.usage = counted(usage)
            self._generation.model = chunk.get("model") or self._generation.model
            finish.ended(self._generation, word, self._whole)
        return pieces

    def flush(self) -> list[TextDelta]:
        """See `StreamReader`."""
        return self._decoder.flush(whole=self._generation.finish_reason == "stop")


@dataclass(frozen=True, slots=True)
class ResponsesProtocol:
    """The Responses API for one model."""

    model: str
    _: KW_ONLY
    store: bool = False
    """Whether the service stores the response; it does unless a request says not to."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of a request, named as in Chat Completions."""
    path: str = "/responses"

    def body(self, request: Request) -> dict[str, Any]:
        """See `Speech`."""
        body: dict[str, Any] = {"model": self.model, "stream": True, "store": self.store}
        if request.max_tokens is not None:
            body["max_output_tokens"] = request.max_tokens
        body.update(for_responses(self.options))
        body["input"] = [_item(turn) for turn in request.turns]
        return body

    def reader(self, generation: Generation) -> ResponsesReader:
        """See `Speech`."""
        return ResponsesReader(generation)


class ResponsesReader:
    """Reads the events of one response; see `StreamReader`."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._decoder = Decoder()
        self._parts = Parts()

    def take(self, chunk: Any) -> list[TextDelta]:
        """The pieces in an event."""
        event = chunk["type"]
        if kind := DELTAS.get(event):
            return self._decoder.text(self._parts.delta(chunk, kind), kind)
        if event in DONE:
            kind, rest = self._parts.done(chunk)
            return self._decoder.text(rest, kind)
        if event in ENDS or event == "response.failed":
            return self._end(event, chunk["response"])
        if event == "response.output_item.added":
            return self._decoder.content([chunk["item"]])
        return []

    def flush(self) -> list[TextDelta]:
        """See `StreamReader`."""
        return self._decoder.flush()

    def _end(self, event: str, response: Mapping[str, Any]) -> list[TextDelta]:
        status = status_of(event, response)
        if usage := response.get("usage"):
            self._generation.usage = counted(usage)
        self._generation.model = response.get("model") or self._generation.model
        details = response.get("incomplete_details") or {}
        finish.ended(self._generation, details.get("reason") or status, finish.OPENAI)
        rests = self._parts.ended(response.get("output"))
        return [piece for kind, rest in rests for piece in self._decoder.text(rest, kind)]


def _item(turn: Turn) -> dict[str, Any]:
    """A turn as an item of the model's input."""
    if turn.role == "assistant":
        text = {"type": "output_text", "text": turn.text, "annotations": []}
        return {"type": "message", "role": "assistant", "content": [text]}
    return {"type": "message", "role": turn.role, "content": _content(turn)}


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    if not turn.images:
        return turn.text
    pictures = [
        {"type": "input_image", "image_url": f"data:{image.media_type};base64,{image.base64}"}
        for image in turn.images
    ]
    return [{"type": "input_text", "text": turn.text}, *pictures]
