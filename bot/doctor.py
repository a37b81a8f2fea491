"""Checks everything that the bot stands on, and says how to mend what fails."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bot import app
from bot.cures import cure, happened, unknown_setting
from bot.runs import Outcome, Result, first_loss
from bot.settings import Settings, SettingsError, load_settings, meant, unknown_in_dotenv
from bot.store import Store, StoreUnavailable
from bot.words import english
from connectors.base import Connector, ConnectorError
from providers.base import ProviderError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `cure` says what mends it."""

    name: str
    ok: bool
    detail: str
    cure: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As it is printed."""
        return asdict(self)


async def examine(channel: str | None = None) -> list[Check]:
    """Looks at the settings, the database, every connector, and the way of a token.

    `channel` is the id of a Discord channel in which the bot's permissions are looked at.
    """
    try:
        settings = load_settings()
        if channel is not None:
            settings = settings.model_copy(update={"discord_check_channel": channel})
    except SettingsError as error:
        told = Check("settings", False, str(error), "set it in the environment or in .env")
        return [told, *_names_in_dotenv()]
    checks = [Check("settings", True, f"MODEL={settings.model}"), *_names_in_dotenv()]
    try:
        async with app.opened_store(settings) as store:
            await store.probe()
            checks.append(Check("database", True, settings.database.partition(":")[0]))
            checks += await _connectors(settings, store)
            several = len(settings.models) > 1
            for each in app.each_alone(settings):
                checks.append(await _chain(each, store, f" {each.model}" if several else ""))
    except StoreUnavailable as error:
        checks.append(Check("database", False, str(error), english(error.cure)))
    return checks


def _names_in_dotenv() -> list[Check]:
    """The names in `.env` that are misspelt settings; other programs' may stand there too."""
    return [
        Check(".env", False, english(unknown_setting(name)), f"write {other} instead of {name}")
        for name in unknown_in_dotenv()
        if (other := meant(name)) is not None
    ]


async def _connectors(settings: Settings, store: Store) -> list[Check]:
    """Whether each platform can be reached, and whether tokens arrive on one like it."""
    connectors = app.make_connectors(settings, store)
    try:
        reached = [await _connector(connector) for connector in connectors]
        async with app.living(store):
            return reached + [await _loopback(settings, store, each) for each in connectors]
    finally:
        for connector in connectors:
            await connector.aclose()


async def _connector(connector: Connector) -> Check:
    try:
        await connector.probe()
    except ConnectorError as error:
        return Check(connector.name, False, str(error), _CONNECTOR_CURES.get(connector.name, ""))
    return Check(connector.name, True, "reachable")


async def _loopback(settings: Settings, store: Store, connector: Connector) -> Check:
    loss = await app.looped(settings, store, connector)
    name = f"loopback {connector.name}"
    if loss is None:
        return Check(name, True, "verified")
    return Check(name, False, f"tokens get lost at {loss}", _LOSS_CURES[loss.link])


_LOG_CURE = "the log of `everytoken run` tells more; please report it"
_LOSS_CURES: dict[str, str] = {
    "provider": "try another MODEL or STREAM_READER; please report it",
    "recording": _LOG_CURE,
    "log": "check the database of DATABASE_URL, or that DATA_DIR has room",
    "delivery": _LOG_CURE,
    "connector": _LOG_CURE,
}

_CONNECTOR_CURES = {
    "slack": "as said above; step by step: docs/connect-slack.md",
    "discord": "as said above; step by step: docs/connect-discord.md",
}


async def _chain(settings: Settings, store: Store, which: str) -> Check:
    """Sends a probe the whole way: one model, both handlers, the log and a platform in memory."""
    name = f"model{which}"
    try:
        result = await app.probe(settings, store)
    except ProviderError as error:
        error.model = error.model or settings.model
        return _failed(name, error)
    if result.failure is not None:
        return _failed(name, result.failure)
    if result.outcome not in (Outcome.COMPLETE, Outcome.LENGTH):
        return Check(name, False, result.error or result.outcome.value, _ENDED_CURE)
    return _proven(result, f"chain{which}")


_ENDED_CURE = "ask the same with `everytoken ask`, or choose another MODEL"


def _failed(name: str, error: ProviderError) -> Check:
    said = f' (it said: "{error.said}")' if error.said else ""
    return Check(name, False, happened(error) + said, cure(error))


def _proven(result: Result, name: str) -> Check:
    detail = f"{result.tokens} tokens, {result.receipt.verdict.value}"
    loss = first_loss(result)
    if loss is None:
        return Check(name, True, detail)
    return Check(name, False, f"{detail}: lost at {loss}", _LOSS_CURES[loss.link])
