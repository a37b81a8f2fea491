"""The Responses API, which some of OpenAI's models speak and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers import finish
from providers.base import Generation, Request, Turn
from providers.decoding import Decoder, Piece
from providers.dialect import counted
from providers.options import for_responses
from providers.parts import DELTAS, DONE, ENDS, Parts, status_of


@dataclass(frozen=True, slots=True)
class Responses:
    """The Responses API of one model."""

    model: str
    store: bool = False
    """Whether the service is to keep the response: it does, unless it is told not to."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of a request, as Chat Completions calls them."""
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
    """Reads the events of one response; see `Reader`."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._decoder = Decoder()
        self._parts = Parts()

    def take(self, chunk: Any) -> list[Piece]:
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

    def flush(self) -> list[Piece]:
        """What the decoder kept back."""
        return self._decoder.flush()

    def _end(self, event: str, response: Mapping[str, Any]) -> list[Piece]:
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
