"""One question without a server: at the start for known tokens that must pass the whole way, with
the first link named that loses one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from structlog.contextvars import bound_contextvars

from bot.app.lifecycle import closed, living, now_us
from bot.app.loopback import RECORDED, Known, Play, Recording, on_loopback, playing
from bot.app.models import (
    each_alone,
    make_model,
    make_prices,
    make_provider,
    run_options,
)
from bot.cluster import Cluster
from bot.pacing import Pacing
from bot.runs import Loss, Outcome, Question, Result, RunOptions, Runs, first_loss
from bot.settings import Settings
from bot.store import Store, StoreUnavailable
from bot.tools import Toolbox
from bot.words import happened, typed
from connectors.base import Asked, Connector, MessageRef, Person
from connectors.memory import MemoryConnector
from providers.base import Provider, TokenKind
from providers.scripted import ScriptedProvider, Step

TERMINAL = "terminal"
"""The connector of `everytoken ask` and `everytoken chat`."""
PROBED_AS = "doctor"
"""The connector of probes."""
UNATTENDED = (TERMINAL, PROBED_AS)
"""The connectors of runs that have no message any more once their process is gone."""

# Sends known tokens the whole way, and names the first link that loses one.


log = structlog.get_logger(__name__)

PROBE = "Say OK."

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
    options, models = _options(settings), each_alone(settings)
    # All at once: each waits as a reply does, which costs no CPU.
    losses, told = await asyncio.gather(
        asyncio.gather(*(_looped(options, store, each) for each in connectors)),
        asyncio.gather(*(rehearsed(each, store) for each in models)),
    )
    for connector, loss in zip(connectors, losses, strict=True):
        if loss is not None:
            raise ChainBroken(f"Tokens for {connector.name} get lost, at {loss}.\n{_cure()}")
    for each, loss in zip(models, told, strict=True):
        if loss is not None:
            raise ChainBroken(
                f"Tokens read as {each.model} sends them get lost, at {loss}.\n{_cure()}"
            )
    if settings.start_check == "model":
        await _check_model(settings.model, options, store, provider)


def _cure() -> str:
    return (
        f"So the bot takes no messages. `{typed('doctor')}` looks closer; "
        "START_CHECK=off starts the bot all the same."
    )


async def looped(settings: Settings, store: Store, connector: Connector) -> Loss | None:
    """The first link that loses a token on the way to a platform like this connector's.

    That platform is in memory: it has the connector's limits, and translates as it says.
    """
    return await _looped(_options(settings), store, connector)


async def _looped(options: RunOptions, store: Store, connector: Connector) -> Loss | None:
    for _ in range(_TRIES):
        loss = await _loop(options, store, connector)
        if loss is None:
            return None
        log.warning("probe.lost", connector=connector.name, link=loss.link, detail=loss.detail)
    return loss


async def rehearsed(settings: Settings, store: Store) -> Loss | None:
    """The first link that loses a token of the chosen model's, read by the chosen reader.

    Its service is played on loopback, see `bot.app.selftest`: it costs no call.
    """
    if settings.provider not in RECORDED:
        return None  # a class of somebody else's: only it knows where its service is
    plays: tuple[Play, ...] = (Recording(settings.provider), Known(_TOKENS))
    losses = await asyncio.gather(*(_rehearsed(settings, store, play) for play in plays))
    return next((loss for loss in losses if loss is not None), None)


async def _rehearsed(settings: Settings, store: Store, play: Play) -> Loss | None:
    for _ in range(_TRIES):
        async with playing(play) as root:
            there = on_loopback(settings, root)
            provider, options = make_model(there), _options(there)
            try:
                loss = await _loop(options, store, MemoryConnector(PROBED_AS), provider, play)
            finally:
                await provider.aclose()
        if loss is None:
            return None
        log.warning("probe.lost", model=settings.model, link=loss.link, detail=loss.detail)
    return loss


async def _loop(
    options: RunOptions,
    store: Store,
    connector: Connector,
    provider: Provider | None = None,
    play: Play | None = None,
) -> Loss | None:
    memory = MemoryConnector(PROBED_AS, limits=connector.limits)
    runs = _runs(provider or ScriptedProvider(_SAID), store, options)
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


async def _check_model(name: str, options: RunOptions, store: Store, provider: Provider) -> None:
    memory = MemoryConnector(PROBED_AS)
    with bound_contextvars(probe="model"):
        runs = _runs(provider, store, options)
        result = await runs.answer(Question(_asked(memory)), memory)
    if result.outcome not in (Outcome.COMPLETE, Outcome.LENGTH):
        why = result.error or result.outcome.value
        raise ChainBroken(f"{name} does not answer: {why}.\n{_cure()}")
    if (loss := first_loss(result)) is not None:
        raise ChainBroken(f"Tokens of {name} get lost, at {loss}.\n{_cure()}")


def alone(
    provider: Provider, store: Store, settings: Settings, toolbox: Toolbox | None = None
) -> Runs:
    """Runs of a command's own, with the settings' options."""
    return _runs(provider, store, _options(settings), toolbox)


def _runs(
    provider: Provider, store: Store, options: RunOptions, toolbox: Toolbox | None = None
) -> Runs:
    """Runs apart from those of the bot: they share no budget with them, and nobody watches."""
    return Runs(
        provider=provider,
        store=store,
        pacing=Pacing(),
        options=options,
        now_us=now_us,
        toolbox=toolbox,
    )


def _options(settings: Settings) -> RunOptions:
    return run_options(settings, make_prices(settings).cost)


def _asked(memory: MemoryConnector) -> Asked:
    return Asked(MessageRef(memory.place, "0"), Person("operator"), PROBE)


async def probe(settings: Settings, cluster: Cluster) -> Result:
    """Sends a question the whole way: model, handlers, log, and a platform in memory."""
    memory = MemoryConnector(PROBED_AS)
    provider = make_provider(settings)
    try:
        await provider.start()
        runs = alone(provider, cluster.store, settings)
        async with living(cluster):
            return await runs.answer(Question(_asked(memory)), memory)
    finally:
        await closed(memory.aclose)
        await closed(provider.aclose)
