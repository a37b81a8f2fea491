"""A model's context window: the tokens for question, history and answer together.

It is set by the operator, known from the list in genai-prices, told by the service, or learned
when the service refuses a conversation as too long. Otherwise it is assumed, with a warning.
"""

from __future__ import annotations

import re
from typing import Literal

import structlog

from providers.addresses import on_this_machine
from providers.base import TooLong

log = structlog.get_logger(__name__)

ASSUMED = 8192
"""Tokens assumed for a model of which nothing is known; most take more."""

Source = Literal["set", "known", "told", "learned", "assumed"]
"""Where a context window's size comes from."""

_LISTED = frozenset({"openai", "azure", "anthropic", "google"})
"""Providers that genai-prices has under the same name."""
_LEAST = 256
"""Tokens; anything below is not believed."""
_LIMITS = (
    # The group is the limit; a second number in a message is the conversation's length.
    re.compile(r"maximum context length (?:is|of) (\d+)", re.I),  # OpenAI, vLLM, OpenRouter
    re.compile(r"context size \((\d+) tokens\)", re.I),  # llama.cpp
    re.compile(r"\d+ tokens > (\d+) maximum", re.I),  # Anthropic
    re.compile(r"maximum number of tokens allowed \(?(\d+)", re.I),  # Google
    re.compile(r"model with (\d+) maximum context length", re.I),  # Mistral
)


class ContextWindow:
    """The size of a model's context window in tokens, and where it comes from.

    `name` is as in the setting MODEL, `tokens` what the operator has set, if anything; `url` is
    the server's address where only that identifies the service.
    """

    def __init__(self, name: str, tokens: int | None = None, url: str | None = None) -> None:
        self._name = name
        self._url = url
        self.tokens = ASSUMED if tokens is None else tokens
        self.source: Source = "assumed" if tokens is None else "set"
        if tokens is None:
            self.take(self._listed(name.partition(":")[2]), "known")

    def take(self, tokens: int | None, source: Source) -> None:
        """Takes over a size from a source; the operator's setting is never replaced."""
        if tokens is None or tokens < _LEAST or self.source == "set":
            return
        self.tokens, self.source = tokens, source

    def listed(self, tokens: int | None) -> None:
        """Takes the size from a second list (LangChain's) if the first doesn't have the model."""
        if self.source == "assumed":
            self.take(tokens, "known")

    def named(self, model: str) -> None:
        """The service said which model it is; a deployment's name on Azure doesn't tell."""
        if self.source == "assumed" and model:
            self.take(self._listed(model), "told")

    def refused(self, error: BaseException) -> None:
        """Learns the limit from a refusal, if that names one."""
        if isinstance(error, TooLong) and error.room not in (None, self.tokens):
            self.take(error.room, "learned")
            log.info("model.room", model=self._name, tokens=self.tokens, source=self.source)

    def say(self) -> None:
        """Logs the size and its source; warns if it is only assumed."""
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
            return None  # a local server may load any model with any size of window
        return known_room(model, None, self._url)


def known_room(model: str, service: str | None, url: str | None) -> int | None:
    """A model's context window in the installed genai-prices, or None. Makes no request."""
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, service, url)
    except LookupError:
        return None
    return found.context_window


def room_in(refusal: str) -> int | None:
    """The limit in tokens that a service's refusal names, or None."""
    found = next((match for limit in _LIMITS if (match := limit.search(refusal))), None)
    return int(found.group(1)) if found else None
