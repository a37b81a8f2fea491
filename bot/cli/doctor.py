"""`doctor`: checks everything that the bot stands on, and says how to mend what fails."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import click

from bot import app, logs
from bot.cli.output import as_json_option, misspelt, print_json, unknown_setting
from bot.cluster import Cluster
from bot.runs import Outcome, Result, first_loss
from bot.runs.outcomes import remedy
from bot.settings import Settings, SettingsError, load_settings, unknown_in_dotenv
from bot.store import Store, StoreUnavailable
from bot.words import Sentence, english, happened
from connectors.base import Connector, ConnectorError, RateLimited, Unavailable
from providers.base import ProviderError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and what mends it.

    `found` is no sentence of ours where it is a value, or what a platform says of itself.
    """

    name: str
    ok: bool
    found: Sentence | str
    mends: Sentence | None = None

    @property
    def detail(self) -> str:
        """What was found, as text."""
        return self.found if isinstance(self.found, str) else english(self.found)

    @property
    def cure(self) -> str:
        """What mends it, as text; empty where nothing has to."""
        return english(self.mends) if self.mends else ""

    def as_dict(self) -> dict[str, Any]:
        """As it is printed."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "cure": self.cure}


async def examine(channel: str | None = None) -> list[Check]:
    """Looks at the settings, the database, every connector, and the way of a token.

    `channel` is the id of a Discord channel in which the bot's permissions are looked at.
    """
    try:
        settings = load_settings()
        if channel is not None:
            settings = settings.model_copy(update={"discord_check_channel": channel})
    except SettingsError as error:
        told = Check("settings", False, str(error), Sentence("cure.settings"))
        return [told, *_names_in_dotenv()]
    checks = [Check("settings", True, f"MODEL={settings.model}"), *_names_in_dotenv()]
    try:
        async with app.opened_cluster(settings) as cluster:
            await cluster.store.probe()
            checks.append(Check("database", True, settings.database.partition(":")[0]))
            checks += await _connectors(settings, cluster)
            checks += _keys(settings)
            several = len(settings.models) > 1
            for each in app.each_alone(settings):
                checks.append(await _chain(each, cluster, f" {each.model}" if several else ""))
    except StoreUnavailable as error:
        checks.append(Check("database", False, str(error), error.cure))
    return checks


def _names_in_dotenv() -> list[Check]:
    """The names in `.env` that are misspelt settings; other programs' may stand there too."""
    return [
        Check(".env", False, unknown_setting(name), cure)
        for name in unknown_in_dotenv()
        if (cure := misspelt(name)) is not None
    ]


def _keys(settings: Settings) -> list[Check]:
    """Where the key is that seals what Discord's commands need after a restart."""
    if settings.discord_token is None or settings.encryption_keys or settings.secret_key:
        return []
    return [Check("keys", True, Sentence("doctor.keys_in_database"))]


async def _connectors(settings: Settings, cluster: Cluster) -> list[Check]:
    """Whether each platform can be reached, and whether tokens arrive on one like it."""
    store = cluster.store
    connectors = app.make_connectors(settings, store)
    try:
        reached = [await _connector(connector) for connector in connectors]
        async with app.living(cluster):
            return reached + [await _loopback(settings, store, each) for each in connectors]
    finally:
        for connector in connectors:
            await connector.aclose()


async def _connector(connector: Connector) -> Check:
    try:
        await connector.probe()
    except (RateLimited, Unavailable) as error:
        return Check(connector.name, False, str(error), _UNREACHED.get(connector.name))
    except ConnectorError as error:
        return Check(connector.name, False, str(error), _CONNECTOR_CURES.get(connector.name))
    return Check(connector.name, True, Sentence("doctor.reachable"))


async def _loopback(settings: Settings, store: Store, connector: Connector) -> Check:
    loss = await app.looped(settings, store, connector)
    name = f"loopback {connector.name}"
    if loss is None:
        return Check(name, True, Sentence("doctor.verified"))
    return Check(name, False, Sentence("doctor.lost", {"where": str(loss)}), _LOSS_CURES[loss.link])


_LOG_CURE = Sentence("cure.lost")
_LOSS_CURES: dict[str, Sentence] = {
    "provider": Sentence("cure.lost.provider"),
    "recording": _LOG_CURE,
    "log": Sentence("cure.lost.log"),
    "delivery": _LOG_CURE,
    "connector": _LOG_CURE,
}

_UNREACHED = {
    "slack": Sentence("cure.platform_unreached", {"address": "SLACK_API_URL"}),
    "discord": Sentence("cure.platform_unreached", {"address": "DISCORD_API_URL"}),
    "web": Sentence("cure.store.unreached"),
}
"""Where a platform does not answer, it says nothing of what to do; the page needs the database."""
_CONNECTOR_CURES = {
    "slack": Sentence("cure.slack"),
    "discord": Sentence("cure.discord"),
}


async def _chain(settings: Settings, cluster: Cluster, which: str) -> Check:
    """Sends a probe the whole way: one model, both handlers, the log and a platform in memory."""
    name = f"model{which}"
    try:
        result = await app.probe(settings, cluster)
    except ProviderError as error:
        error.model = error.model or settings.model
        return _failed(name, error)
    if result.failure is not None:
        return _failed(name, result.failure)
    if result.outcome not in (Outcome.COMPLETE, Outcome.LENGTH):
        return Check(name, False, result.error or result.outcome.value, Sentence("cure.ended"))
    return _proven(result, f"chain{which}")


def _failed(name: str, error: ProviderError) -> Check:
    found: Sentence | str = happened(error)
    if error.said:
        found = Sentence("doctor.said", {"happened": found, "said": error.said})
    return Check(name, False, found, remedy(error))


def _proven(result: Result, name: str) -> Check:
    proven = {"tokens": result.tokens, "verdict": result.receipt.verdict.value}
    detail = Sentence("doctor.proven", proven)
    loss = first_loss(result)
    if loss is None:
        return Check(name, True, detail)
    lost = Sentence("doctor.lost_of", {"proven": detail, "where": str(loss)})
    return Check(name, False, lost, _LOSS_CURES[loss.link])


# `doctor`.


@click.command()
@click.option("--channel", help="A Discord channel's id: what the bot may do there.")
@as_json_option
def doctor(as_json: bool, channel: str | None) -> None:
    """Check settings, database, model and the whole way of a token, with a probe.

    The exit code is 1 where anything fails; each failure comes with its cure.
    """
    logs.set_up("critical", "console")
    checks = asyncio.run(examine(channel))
    healthy = all(check.ok for check in checks)
    if as_json:
        print_json({"ok": healthy, "checks": [check.as_dict() for check in checks]})
    else:
        for check in checks:
            _print(check)
    raise SystemExit(0 if healthy else 1)


def _print(check: Check) -> None:
    click.echo(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
    if check.cure:
        click.echo(f"     cure: {check.cure}")
