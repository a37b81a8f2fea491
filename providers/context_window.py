"""A model's room: the tokens that question, history and answer may have together.

Set by the operator, known from a kept list of models, told by the service, or learned from its
refusal of a conversation that was too long. Where it is none of these it is assumed, and said.
"""

from __future__ import annotations

import re
from typing import Literal

import structlog

from providers.addresses import on_this_machine
from providers.base import TooLong

log = structlog.get_logger(__name__)

ASSUMED = 8192
"""What is assumed of a model of which nothing is known: most take more."""

Source = Literal["set", "known", "told", "learned", "assumed"]

_LISTED = frozenset({"openai", "azure", "anthropic", "google"})
_LEAST = 256
_LIMITS = (
    # Ours is the number that each says; where it says two, the other is the conversation's.
    re.compile(r"maximum context length (?:is|of) (\d+)", re.I),  # OpenAI, vLLM, OpenRouter
    re.compile(r"context size \((\d+) tokens\)", re.I),  # llama.cpp
    re.compile(r"\d+ tokens > (\d+) maximum", re.I),  # Anthropic
    re.compile(r"maximum number of tokens allowed \(?(\d+)", re.I),  # Google
    re.compile(r"model with (\d+) maximum context length", re.I),  # Mistral
)


class ContextWindow:
    """How much room a model has, and how that is known.

    `name` as in the setting MODEL; `tokens` where the operator set them; `url` of the server where
    only that tells which service it is.
    """

    def __init__(self, name: str, tokens: int | None = None, url: str | None = None) -> None:
        self._name = name
        self._url = url
        self.tokens = ASSUMED if tokens is None else tokens
        self.source: Source = "assumed" if tokens is None else "set"
        if tokens is None:
            self.take(self._listed(name.partition(":")[2]), "known")

    def take(self, tokens: int | None, source: Source) -> None:
        """Keeps what is better known than before; what the operator set stands."""
        if tokens is None or tokens < _LEAST or self.source == "set":
            return
        self.tokens, self.source = tokens, source

    def listed(self, tokens: int | None) -> None:
        """Another list of models, where the first doesn't have this one."""
        if self.source == "assumed":
            self.take(tokens, "known")

    def named(self, model: str) -> None:
        """The service said which model it is: a deployment on Azure is called anything."""
        if self.source == "assumed" and model:
            self.take(self._listed(model), "told")

    def refused(self, error: BaseException) -> None:
        """The service refused a conversation, and may have said how long one may be."""
        if isinstance(error, TooLong) and error.room not in (None, self.tokens):
            self.take(error.room, "learned")
            log.info("model.room", model=self._name, tokens=self.tokens, source=self.source)

    def say(self) -> None:
        """Says how much it is, and how that is known; warns where it is only assumed."""
        if self.source != "assumed":
            log.info("model.room", model=self._name, tokens=self.tokens, source=self.source)
        else:
            log.warning(
                "model.room_assumed",
                model=self._name,
                tokens=self.tokens,
                cure="set CONTEXT_TOKENS to what the model takes",
            )

    def _listed(self, model: str) -> int | None:
        service = self._name.partition(":")[0]
        if service in _LISTED:
            return known_room(model, service, None)
        if self._url is None or on_this_machine(self._url):
            return None
        return known_room(model, None, self._url)


def known_room(model: str, service: str | None, url: str | None) -> int | None:
    """A model's room as `genai-prices` has it; None where it hasn't. It asks nobody for it."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, service, url)
    except LookupError:
        return None
    return found.context_window


def room_in(refusal: str) -> int | None:
    """The room that a service names where it refuses a conversation; None where it names none."""
    found = next((match for limit in _LIMITS if (match := limit.search(refusal))), None)
    return int(found.group(1)) if found else None
