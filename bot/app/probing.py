"""Sends known tokens the whole way, and names the first link that loses one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from structlog.contextvars import bound_contextvars

from bot.app.making import make_runs
from bot.app.models import each_alone, make_model
from bot.app.rehearsal import RECORDED, Known, Play, Recording, on_loopback, playing
from bot.pacing import Pacing
from bot.runs import Loss, Outcome, Question, first_loss
from bot.settings import Settings
from bot.store import Store, StoreUnavailable
from bot.words import happened
from connectors.base import Asked, Connector, MessageRef, Person
from connectors.memory import MemoryConnector
from providers.base import Provider, TokenKind
from providers.scripted import ScriptedProvider, Step

log = structlog.get_logger(__name__)

PROBE = "Say OK."
PROBED_AS = "doctor"
"""The connector of probes: their runs have no message once their process is gone."""

_SAID: tuple[Step, ...] = (
    ("reasoning", "Hm."), "Every ", "**token** ", "`arrives`", ": ", "漢字, ", "👍🏽", ", é", ".",
)  # fmt: skip
_TEXT = "".join(step for step in _SAID if isinstance(step, str))
_TOKENS: tuple[tuple[TokenKind, str], ...] = tuple(
    ("text", step) if isinstance(step, str) else step
    for step in _SAID
    if isinstance(step, (str, tuple))
)
_TRIES = 3
"""A way that is broken is so each time; a busy machine is not."""
_SETTLE_DEADLINE_S = 5.0


class ChainBroken(Exception):
    """A link of the chain loses tokens, or the model gives none; the message names it."""


async def check_chain(
    settings: Settings, store: Store, connectors: Sequence[Connector], provider: Provider
) -> None:
    """What is checked at start, by START_CHECK. Raises `ChainBroken`."""
    if settings.start_check == "off":
        return
    losses = await asyncio.gather(*(looped(settings, store, each) for each in connectors))
    for connector, loss in zip(connectors, losses, strict=True):
        if loss is not None:
            raise ChainBroken(f"Tokens for {connector.name} get lost, at {loss}.\n{_CURE}")
    for each in each_alone(settings):
        if (loss := await rehearsed(each, store)) is not None:
            raise ChainBroken(
                f"Tokens read as {each.model} sends them get lost, at {loss}.\n{_CURE}"
            )
    if settings.start_check == "model":
        await _check_model(settings, store, provider)


_CURE = (
    "So the bot takes no messages. `everytoken doctor` looks closer; "
    "START_CHECK=off starts the bot all the same."
)


async def looped(settings: Settings, store: Store, connector: Connector) -> Loss | None:
    """The first link that loses a token on the way to a platform like this connector's.

    That platform is in memory: it has the connector's limits, and translates as it says.
    """
    for _ in range(_TRIES):
        loss = await _loop(settings, store, connector)
        if loss is None:
            return None
        log.warning("probe.lost", connector=connector.name, link=loss.link, detail=loss.detail)
    return loss


async def rehearsed(settings: Settings, store: Store) -> Loss | None:
    """The first link that loses a token of the chosen model's, read by the chosen reader.

    Its service is played on loopback, see `bot.app.rehearsal`: it costs no call.
    """
    if settings.provider not in RECORDED:
        return None  # a class of somebody else's: only it knows where its service is
    for play in (Recording(settings.provider), Known(_TOKENS)):
        if (loss := await _rehearsed(settings, store, play)) is not None:
            return loss
    return None


async def _rehearsed(settings: Settings, store: Store, play: Play) -> Loss | None:
    for _ in range(_TRIES):
        async with playing(play) as root:
            there = on_loopback(settings, root)
            provider = make_model(there)
            try:
                loss = await _loop(there, store, MemoryConnector(PROBED_AS), provider, play)
            finally:
                await provider.aclose()
        if loss is None:
            return None
        log.warning("probe.lost", model=settings.model, link=loss.link, detail=loss.detail)
    return loss


async def _loop(
    settings: Settings,
    store: Store,
    connector: Connector,
    provider: Provider | None = None,
    play: Play | None = None,
) -> Loss | None:
    memory = MemoryConnector(PROBED_AS, limits=connector.limits)
    runs = make_runs(settings, provider or ScriptedProvider(_SAID), store, Pacing())
    with bound_contextvars(probe=connector.name):
        result = await runs.answer(Question(_asked(memory)), memory)
        await memory.aclose()
        try:
            await store.settled(result.run_id, _SETTLE_DEADLINE_S)
            await store.retention.remove(result.run_id)
        except StoreUnavailable as error:
            return Loss("log", str(error))
    if result.failure is not None:
        return Loss("provider", happened(result.failure))
    return first_loss(result, _TEXT if play is None else play.text)


async def _check_model(settings: Settings, store: Store, provider: Provider) -> None:
    memory = MemoryConnector(PROBED_AS)
    with bound_contextvars(probe="model"):
        runs = make_runs(settings, provider, store, Pacing())
        result = await runs.answer(Question(_asked(memory)), memory)
    if result.outcome not in (Outcome.COMPLETE, Outcome.LENGTH):
        why = result.error or result.outcome.value
        raise ChainBroken(f"{settings.model} does not answer: {why}.\n{_CURE}")
    if (loss := first_loss(result)) is not None:
        raise ChainBroken(f"Tokens of {settings.model} get lost, at {loss}.\n{_CURE}")


def _asked(memory: MemoryConnector) -> Asked:
    return Asked(MessageRef(memory.place, "0"), Person("operator"), PROBE)
