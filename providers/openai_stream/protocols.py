"""OpenAI's two protocols, Chat Completions and Responses: the request, and the stream's reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Protocol

from providers import finish
from providers.base import Generation, Opaque, Request, TokenKind, Tool, ToolCall, Turn
from providers.calls import GoesBack
from providers.decoding import (
    Decoder,
    TextDelta,
    choice_of,
    counted,
    delta_of,
    usage_of,
)
from providers.files import image_of
from providers.messages import arguments_text, content_of, id_for, laid_out
from providers.options import for_responses
from providers.responses import DELTAS, DONE, ENDS, Parts, reasoning_in, status_of
from providers.thinking import slowness

# The interface of a protocol.


class StreamReader(Protocol):
    """Reads one answer's chunks, and notes its finish reason and usage in the `Generation`.

    The pieces that it returns are added to the `Generation` by the caller. `kept` has the answer's
    tool calls, and what has to go back to the model with them.
    """

    kept: GoesBack

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
    `whole`: the service's words for a complete answer; `service`: the service by its prefix in the
    setting MODEL, where it has habits of its own; `name`: the model as in that setting.
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
    service: str = ""
    name: str = ""
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
        plain = [
            {"role": roles.get(turn.role, turn.role), "content": content_of(turn)}
            for turn in request.turns
        ]
        body["messages"] = [
            self._with_calls(turn, message) if turn.calls or turn.call_id else message
            for turn, message in zip(request.turns, plain, strict=True)
        ]
        if request.tools:
            own = self.options.get("tools") or ()
            told = ({"type": "function", "function": _function(tool)} for tool in request.tools)
            body["tools"] = [*own, *told]
        return body

    def reader(self, generation: Generation) -> ChatReader:
        """See `Speech`."""
        decoder = Decoder(think_block=self.think_block, begun=self.begun)
        kept = GoesBack(self.name, generation, decoder.calls, reasoning=self.service in WANT_TEXT)
        return ChatReader(generation, decoder, self.whole, kept)

    def _with_calls(self, turn: Turn, message: dict[str, Any]) -> dict[str, Any]:
        """A turn's message with its calls, or with the call that it answers."""
        if turn.role == "tool":
            call_id = id_for(self.service, turn.call_id)
            return {**message, "tool_call_id": call_id, "name": turn.name}
        message["content"] = turn.text or None
        message["tool_calls"] = [
            {
                "id": id_for(self.service, call.id),
                "type": "function",
                "function": {"name": call.name, "arguments": arguments_text(call)},
            }
            for call in turn.calls
        ]
        self._give_back(turn, message)
        return message

    def _give_back(self, turn: Turn, message: dict[str, Any]) -> None:
        """Adds what the service wants back with its calls."""
        own = [each for each in turn.opaque if each.model == self.name]
        for each in own:
            if each.kind == "call" and each.calls < len(turn.calls):
                message["tool_calls"][each.calls]["extra_content"] = each.item
        kept = {each.kind: each.item for each in own}
        match WANT_REASONING.get(self.service):
            case "reasoning_content":
                # Without it such a service refuses the request; to Moonshot "" is nothing.
                message["reasoning_content"] = kept.get("reasoning") or " "
            case "content" if kept.get("reasoning"):
                message["content"] = f"<think>{kept['reasoning']}</think>{turn.text}"
            case "reasoning_details" if kept.get("reasoning_details"):
                message["reasoning_details"] = kept["reasoning_details"]


WANT_REASONING: Mapping[str, str] = {
    "deepseek": "reasoning_content",
    "moonshot": "reasoning_content",
    "zhipu": "reasoning_content",
    "minimax": "content",
    "openrouter": "reasoning_details",
}
"""Services that want a model's reasoning back with its calls, and where in a message they want it.

To others a field that they don't know may be an error."""


WANT_TEXT = WANT_REASONING.keys() - {"openrouter"}
"""Those of them that want the reasoning's text."""


@dataclass(slots=True)
class ChatReader:
    """Reads the chunks of one chat completion; see `StreamReader`."""

    _generation: Generation
    _decoder: Decoder
    _whole: frozenset[str]
    kept: GoesBack

    def take(self, chunk: Any) -> list[TextDelta]:
        """The pieces in a chunk."""
        if (chunk.get("usage") or "x_groq" in chunk) and (usage := usage_of(chunk)):
            self._generation.usage = counted(usage)
        choice = choice_of(chunk)
        if choice is None:
            return []
        delta = delta_of(choice)
        pieces = self._decoder.delta(delta)
        if "reasoning_details" in delta:
            self.kept.detail(delta["reasoning_details"])
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
    name: str = ""
    """The model as in the setting MODEL."""
    path: str = "/responses"

    def body(self, request: Request) -> dict[str, Any]:
        """See `Speech`."""
        body: dict[str, Any] = {"model": self.model, "stream": True, "store": self.store}
        if request.max_tokens is not None:
            body["max_output_tokens"] = request.max_tokens
        body.update(for_responses(self.options))
        body["input"] = [item for turn in request.turns for item in self._items(turn)]
        if request.tools:
            own = self.options.get("tools") or ()
            told = ({"type": "function", "strict": False, **_function(t)} for t in request.tools)
            body["tools"] = [*own, *told]
            # A model that thinks goes on with its reasoning once it has the results. Others
            # refuse to be asked for it.
            if slowness(self.model) > 1 and not self.store:
                wanted = self.options.get("include") or ()
                body["include"] = [*wanted, "reasoning.encrypted_content"]
        return body

    def reader(self, generation: Generation) -> ResponsesReader:
        """See `Speech`."""
        return ResponsesReader(generation, self.name)

    def _items(self, turn: Turn) -> Iterator[dict[str, Any]]:
        """A turn as items of the model's input."""
        if turn.role == "tool":
            call_id = id_for("", turn.call_id)
            yield {"type": "function_call_output", "call_id": call_id, "output": turn.text}
        elif turn.calls:
            for part in laid_out(turn, self.name):
                yield from self._part(part)
        else:
            yield _item(turn)

    def _part(self, part: str | ToolCall | Opaque) -> Iterator[dict[str, Any]]:
        if isinstance(part, str):
            yield _item(Turn("assistant", part))
        elif isinstance(part, ToolCall):
            told = {"name": part.name, "arguments": arguments_text(part)}
            yield {"type": "function_call", "call_id": id_for("", part.id), **told}
        elif part.kind == "item" and (self.store or part.item.get("encrypted_content")):
            yield part.item


class ResponsesReader:
    """Reads the events of one response; see `StreamReader`."""

    def __init__(self, generation: Generation, model: str = "") -> None:
        self._generation = generation
        self._decoder = Decoder()
        self._parts = Parts()
        self._images: set[Any] = set()
        self.kept = GoesBack(model, generation, self._decoder.calls)

    def take(self, chunk: Any) -> list[TextDelta]:
        """The pieces in an event."""
        event = chunk["type"]
        if kind := DELTAS.get(event):
            return self._told(chunk, kind, self._parts.delta(chunk, kind))
        if event in DONE:
            return self._told(chunk, *self._parts.done(chunk))
        if event in ENDS or event == "response.failed":
            return self._end(event, chunk["response"])
        if event == "response.output_item.added":
            return self._item(chunk)
        if event == "response.output_item.done":
            self._made(chunk["item"])
            if reasoning := reasoning_in(chunk["item"]):
                self.kept.add("item", reasoning)
            return self._item(chunk) if chunk["item"].get("type") == "function_call" else []
        return []

    def _made(self, item: Mapping[str, Any]) -> None:
        """Keeps the image that an item has made, once: the response's end has it again."""
        if item.get("type") == "image_generation_call" and item.get("id") not in self._images:
            self._images.add(item.get("id"))
            self._generation.files += image_of(item)

    def _told(self, event: Any, kind: TokenKind, text: str) -> list[TextDelta]:
        if kind == "tool":
            return self._decoder.call(self._parts.fragment(event, text))
        return self._decoder.text(text, kind)

    def _item(self, event: Any) -> list[TextDelta]:
        fragment = self._parts.item(event)
        if fragment is not None:
            return self._decoder.call(fragment)
        return (
            []
            if event["item"].get("type") == "function_call"
            else (self._decoder.content([event["item"]]))
        )

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
        output = response.get("output")
        for item in output if isinstance(output, list) else ():
            self._made(item)
        pieces = [
            piece
            for kind, rest in self._parts.ended(output)
            for piece in self._decoder.text(rest, kind)
        ]
        for whole in self._parts.calls_of(output):
            pieces += self._item(whole)
        return pieces


def _function(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}


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
