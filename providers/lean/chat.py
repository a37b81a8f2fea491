"""Chat Completions, which every service of this dialect speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers import finish
from providers.base import Generation, Request
from providers.decoding import Decoder, Piece
from providers.dialect import choice_of, counted, delta_of, usage_of
from providers.messages import content_of


@dataclass(frozen=True, slots=True)
class Chat:
    """Chat Completions of one model.

    `limit` is what the service calls the most tokens of an answer; `usage`: whether it is asked
    to count; `system`: the role of a system message; `think_block`: whether answers may begin
    with their reasoning between tags; `begun`: whether they do, without the first; `whole`: the
    service's words for a whole answer.
    """

    model: str
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
    """Reads the chunks of one chat completion; see `Reader`."""

    def __init__(self, generation: Generation, decoder: Decoder, whole: frozenset[str]) -> None:
        self._generation = generation
        self._decoder = decoder
        self._whole = whole

    def take(self, chunk: Any) -> list[Piece]:
        """The pieces in a chunk."""
        if (chunk.get("usage") or "x_groq" in chunk) and (usage := usage_of(chunk)):
            self._generation.usage = counted(usage)
        choice = choice_of(chunk)
        if choice is None:
            return []
        pieces = self._decoder.delta(delta_of(choice))
        if word := choice.get("finish_reason"):
            if usage := usage_of(chunk):  # Moonshot's, which stands in the choice
                self._generation.usage = counted(usage)
            self._generation.model = chunk.get("model") or self._generation.model
            finish.ended(self._generation, word, self._whole)
        return pieces

    def flush(self) -> list[Piece]:
        """What the decoder kept back."""
        return self._decoder.flush(whole=self._generation.finish_reason == "stop")
