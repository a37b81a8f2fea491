"""What one answer is made with: the model, the persona and the rest that holds in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import structlog

from bot.attachments.out import AnswerFileLimits
from bot.callbacks import Reasoning
from bot.runs.masking import MaskedRun, Masker
from bot.runs.outcomes import Question
from bot.runs.prompt import RequestOptions
from bot.runs.usage import Price, no_price
from bot.scopes import CHOSEN, FoundValue, Holding, Persona, Scopes
from bot.tools import Toolbox
from connectors.base import Asked, Connector, ConnectorError, HasLineage, Place
from providers.base import Provider

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the operator decided about runs; times in seconds."""

    request: RequestOptions
    run_seconds: float = 600
    delivery_seconds: float = 600
    log_text: bool = False
    price: Price = no_price
    reasoning: Reasoning = "hidden"
    log_tokens: bool = False
    files: AnswerFileLimits = AnswerFileLimits()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Making:
    """The model, the options and the tools of an answer.

    `record` is stored with the run: by setting, the value and where it comes from.
    """

    provider: Provider
    options: RunOptions
    toolbox: Toolbox | None = None
    """None where no tools are configured."""
    record: Mapping[str, Any] | None = None
    mask: tuple[str, ...] = ()
    """The kinds of values that are masked in this place besides those that are everywhere."""
    masks: MaskedRun | None = None
    """None where nothing is masked."""


class Models(Protocol):
    """The models that can be chosen, by their short names."""

    def chain(self, names: Sequence[str]) -> Provider:
        """These models as one, the first to be asked first; each name is one that is offered."""
        ...


Played = Callable[[str], Provider | None]
"""The model that answers a question of this text, whatever is set; None: the usual one does."""


class Maker:
    """Finds what a run is made with, once, as it begins."""

    def __init__(
        self,
        scopes: Scopes,
        models: Models,
        now_us: Callable[[], int],
        played: Played | None = None,
        masker: Masker | None = None,
    ) -> None:
        self._scopes = scopes
        self._models = models
        self._now_us = now_us
        self._played = played
        self._masker = masker

    async def making(
        self, usual: Making, asked: Asked, connector: Connector, chosen: str = ""
    ) -> Making:
        """What holds for a question now; `usual` where nothing is set.

        `chosen` is a model that its asker wants, by its short name.
        """
        if self._played is not None and (provider := self._played(asked.text)) is not None:
            return replace(usual, provider=provider)
        place = asked.message.place
        holding = self._chosen(await self._scopes.holding(place, connector), chosen)
        prompt = usual.options.request.system_prompt
        if (persona := holding.persona) is not None:
            prompt = persona.filled(self._today(), await _channel(persona, place, connector))
        models = holding.get("model")
        provider = self._models.chain(models) if models else usual.provider
        options = replace(
            usual.options,
            request=_request(usual.options.request, prompt, holding),
            reasoning=holding.get("reasoning", usual.options.reasoning),
            run_seconds=holding.get("run_seconds", usual.options.run_seconds),
        )
        tools, mask = _tools(usual.toolbox, holding), tuple(holding.get("mask", ()))
        return Making(provider, options, tools, _record(usual, holding), mask)

    def masked(self, making: Making, run_id: UUID, question: Question) -> Making:
        """The same, so that services see placeholders for what must not leave."""
        if self._masker is None:
            return making
        return self._masker.masked(making, run_id, question)

    def _chosen(self, holding: Holding, model: str) -> Holding:
        """What holds, with the model that somebody chose, if it is offered still."""
        if model not in self._scopes.offered.models:
            return holding
        found = FoundValue([model], CHOSEN)
        return replace(holding, values={**holding.values, "model": found})

    def _today(self) -> str:
        return datetime.fromtimestamp(self._now_us() / 1e6, UTC).date().isoformat()


def _request(usual: RequestOptions, prompt: str, holding: Holding) -> RequestOptions:
    return replace(
        usual,
        system_prompt=prompt,
        history_messages=holding.get("history_messages", usual.history_messages),
        max_answer_tokens=holding.get("max_answer_tokens", usual.max_answer_tokens),
    )


def _tools(usual: Toolbox | None, holding: Holding) -> Toolbox | None:
    servers = holding.get("tools")
    if usual is None or servers is None:
        return usual
    return replace(usual, only=frozenset(servers))


def _record(usual: Making, holding: Holding) -> dict[str, Any]:
    persona = Persona("default", usual.options.request.system_prompt)
    said = {"value": persona.name, "version": persona.version, "from": "default"}
    model = {"value": [usual.provider.name], "from": "default"}
    return {"model": model, "persona": said} | holding.record()


async def _channel(persona: Persona, place: Place, connector: Connector) -> str:
    """What the channel is called, if the persona wants to know; its id where that isn't known."""
    if "{channel}" not in persona.prompt or not isinstance(connector, HasLineage):
        return place.channel
    try:
        return await connector.channel_name(place) or place.channel
    except ConnectorError as error:
        log.warning("scope.no_channel_name", error=str(error))
        return place.channel
