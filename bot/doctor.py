"""Checks everything that the bot stands on, and says how to mend what fails."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bot import app
from bot.receipts import Verdict
from bot.runs import Outcome, Result
from bot.settings import Settings, SettingsError, load_settings
from bot.store import Store, StoreUnavailable
from connectors.base import Connector, ConnectorError
from providers.base import ProviderError

PROBE = "Say OK."


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
        return [Check("settings", False, str(error), "set it in the environment or in .env")]
    checks = [Check("settings", True, f"MODEL={settings.model}")]
    try:
        async with app.opened_store(settings) as store:
            await store.probe()
            checks.append(Check("database", True, settings.database.partition(":")[0]))
            checks += await _connectors(settings, store)
            checks.append(await _chain(settings, store))
    except StoreUnavailable as error:
        checks.append(Check("database", False, str(error), _DATABASE_CURE))
    return checks


_DATABASE_CURE = (
    "check that the database of DATABASE_URL runs and that its address, name and password are "
    "right; without DATABASE_URL, that DATA_DIR can be written"
)


async def _connectors(settings: Settings, store: Store) -> list[Check]:
    connectors = app.make_connectors(settings, store)
    try:
        return [await _connector(connector) for connector in connectors]
    finally:
        for connector in connectors:
            await connector.aclose()


async def _connector(connector: Connector) -> Check:
    try:
        await connector.probe()
    except ConnectorError as error:
        return Check(connector.name, False, str(error), _CONNECTOR_CURES.get(connector.name, ""))
    return Check(connector.name, True, "reachable")


_CONNECTOR_CURES = {
    "slack": "as said above; step by step: docs/connect-slack.md",
    "discord": "as said above; step by step: docs/connect-discord.md",
}


async def _chain(settings: Settings, store: Store) -> Check:
    """Sends a probe the whole way: the model, both handlers, the log and a platform in memory."""
    try:
        result = await app.probe(settings, store, PROBE)
    except ProviderError as error:
        return Check("model", False, str(error), _cure(settings, type(error).__name__))
    if result.outcome not in (Outcome.COMPLETE, Outcome.LENGTH):
        kind = (result.error or "").partition(":")[0]
        return Check("model", False, result.error or result.outcome.value, _cure(settings, kind))
    return _proven(result)


def _proven(result: Result) -> Check:
    receipt = result.receipt
    detail = f"{result.tokens} tokens, {receipt.verdict.value}"
    if receipt.verdict is Verdict.VERIFIED:
        return Check("chain", True, detail)
    links = "; ".join(str(fault) for fault in receipt.faults) or receipt.unproven
    return Check("chain", False, f"{detail}: {links}", "the log of `everytoken run` tells more")


_KEYS = {
    "openai": "OPENAI_API_KEY",
    "compatible": "OPENAI_API_KEY and OPENAI_BASE_URL",
    "azure": "AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GOOGLE_API_KEY",
    "langchain": "the key in MODEL_OPTIONS",
}


def _cure(settings: Settings, kind: str) -> str:
    if settings.provider == "local":
        return "run `make setup`, or set LOCAL_MODEL_PATH to a GGUF file"
    key = _KEYS[settings.provider]
    return {
        "AuthFailed": f"check {key}: the service refused it",
        "BadRequest": f"check MODEL={settings.model}: the service refused the request",
        "Unusable": "as said above; docs/providers.md tells more",
        "TooLong": "set CONTEXT_TOKENS to what the model takes",
        "Overloaded": "try again later, or choose another MODEL",
    }.get(kind, f"check {key} and that the service can be reached from here")
