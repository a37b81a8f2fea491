"""`doctor`: checks everything that the bot stands on, and says how to mend what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from bot import logs
from bot.app.embedded import fetch_embedded
from bot.app.lifecycle import living, opened_cluster
from bot.app.models import each_alone, each_offered, make_servers, make_transcriber
from bot.app.selftest import looped, probe
from bot.app.sharing import redis_fault
from bot.app.wiring import make_connectors
from bot.attachments import NotHeard, silence
from bot.cli.output import as_json_option, hint, misspelt, print_json, unknown_setting
from bot.cluster import Cluster
from bot.runs import Outcome, Result, first_loss
from bot.runs.outcomes import remedy
from bot.settings import (
    Settings,
    SettingsError,
    load_settings,
    near_misses,
    unknown_in_dotenv,
)
from bot.store import Store, StoreUnavailable
from bot.tools import ServerConfig, ServerDown, Servers, ToolInfo, Wanted, decide
from bot.words import Sentence, english, happened, listed
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
    label: str = "ok"
    """What stands before it where it is right: it may be only a note."""

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
        return [*_names_in_dotenv(), told, *_names_in_environment()]
    fetch_embedded(settings, hint)
    checks = [Check("settings", True, f"MODEL={settings.model}"), *_names_in_dotenv()]
    checks += _names_in_environment()
    try:
        async with opened_cluster(settings) as cluster:
            await cluster.store.probe()
            checks.append(Check("database", True, settings.database.partition(":")[0]))
            checks += await _redis(settings, cluster)
            checks += await _connectors(settings, cluster)
            checks += _keys(settings)
            checks += await _servers(settings)
            checks += await _voice(settings)
            models = [*each_alone(settings), *each_offered(settings)]
            several = len(models) > 1
            for each in models:
                checks.append(await _chain(each, cluster, f" {each.model}" if several else ""))
    except StoreUnavailable as error:
        checks.append(Check("database", False, str(error), error.cure))
    return checks


async def _redis(settings: Settings, cluster: Cluster) -> list[Check]:
    """Whether Redis can keep the budgets, where it is to."""
    if settings.redis_url is None:
        return []
    try:
        fault = await redis_fault(settings, cluster)
    except SettingsError as error:
        fault = str(error)
    if fault is not None:
        return [Check("redis", False, fault, Sentence("cure.redis"))]
    return [Check("redis", True, Sentence("doctor.reachable"))]


def _names_in_dotenv() -> list[Check]:
    """The names in `.env` that are misspelt settings; other programs' may stand there too."""
    return [
        Check(".env", False, unknown_setting(name), cure)
        for name in unknown_in_dotenv()
        if (cure := misspelt(name)) is not None
    ]


def _names_in_environment() -> list[Check]:
    """What is most likely meant for a setting; it may be another program's, so it fails nothing."""
    return [
        Check(
            "environment",
            True,
            Sentence("settings.misspelt.environment", {"name": name, "meant": other}),
            Sentence("cure.settings.misspelt", {"name": name, "meant": other}),
            label="note",
        )
        for name, other in near_misses()
    ]


def _keys(settings: Settings) -> list[Check]:
    """Where the key is that seals what Discord's commands need after a restart."""
    if settings.discord_token is None or settings.encryption_keys or settings.secret_key:
        return []
    return [Check("keys", True, Sentence("doctor.keys_in_database"))]


async def _voice(settings: Settings) -> list[Check]:
    """Whether what hears recordings does: it is given half a second of silence."""
    if not settings.voice:
        return []
    try:
        transcriber = make_transcriber(settings)
    except ProviderError as error:
        return [Check("voice", False, happened(error), remedy(error))]
    assert transcriber is not None  # noqa: S101 - it is set
    try:
        await transcriber.transcribe(silence(0.5))
    except NotHeard as error:
        if error.why.id != "file.no_words":
            return [Check("voice", False, error.why, Sentence("cure.voice"))]
    listens = Sentence("doctor.voice", {"voice": settings.voice, "most": settings.voice_seconds})
    return [Check("voice", True, listens)]


async def _servers(settings: Settings) -> list[Check]:
    """Whether each server of tools starts, and which of its tools may be called."""
    try:
        servers = make_servers(settings)
    except SettingsError as error:
        return [Check("tools", False, str(error), Sentence("cure.mcp.file"))]
    try:
        return [check for name in servers.names for check in await _server(servers, name)]
    finally:
        await servers.aclose()


async def _server(servers: Servers, name: str) -> list[Check]:
    config = servers.config(name)
    try:
        found = await servers.listed(name)
    except ServerDown as error:
        return [Check(f"tools {name}", False, _said(error), error.cure)]
    has = {tool.name: tool for tool in found}
    names = ", ".join(has)
    may = [has[tool] for tool in (config.tools if config else ()) if tool in has]
    missing = [tool for tool in (config.tools if config else ()) if tool not in has]
    checks = []
    if missing:
        cure = Sentence("cure.mcp.missing_tools", {"server": name, "names": names})
        said = Sentence("mcp.missing_tools", {"names": ", ".join(missing)})
        checks.append(Check(f"tools {name}", False, said, cure))
    if may:
        told = listed([_approval(config, tool) for tool in may], "list.comma")
        params = {"count": len(may), "all": len(has), "tools": told or ""}
        checks.append(Check(f"tools {name}", True, Sentence("mcp.tools", params)))
    elif not missing:
        cure = Sentence("cure.mcp.no_tools", {"server": name, "names": names})
        none = Sentence("mcp.no_tools", {"all": len(has)})
        checks.append(Check(f"tools {name}", False, none, cure))
    return checks


def _approval(config: ServerConfig | None, tool: ToolInfo) -> Sentence:
    """A tool, and whether each call of it waits for a person."""
    asks = decide(Wanted(tool.name, "{}", config, tool)).state != "approved"
    how = Sentence("mcp.asks") if asks else Sentence("mcp.asks_not")
    return Sentence("mcp.tool", {"name": tool.name, "how": how})


def _said(error: ServerDown) -> Sentence:
    if not error.said:
        return error.happened
    return Sentence("doctor.said", {"happened": error.happened, "said": error.said})


async def _connectors(settings: Settings, cluster: Cluster) -> list[Check]:
    """Whether each platform can be reached, and whether tokens arrive on one like it."""
    store = cluster.store
    connectors = make_connectors(settings, store)
    try:
        reached = [await _connector(connector) for connector in connectors]
        async with living(cluster):
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
    loss = await looped(settings, store, connector)
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
        result = await probe(settings, cluster)
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
        width = max(len(check.name) for check in checks)
        for check in checks:
            _print(check, width)
        click.echo(f"\n{english(summary(checks))}")
    raise SystemExit(0 if healthy else 1)


def summary(checks: Sequence[Check]) -> Sentence:
    """How many are right, and the one thing to do next: what others may depend on comes first."""
    failed = [check for check in checks if not check.ok]
    if not failed:
        return Sentence("doctor.all_right", {"count": len(checks)})
    # A name that is not read may be why settings fail.
    hints = [c for c in checks if c.label == "note" and c.mends and _told(c.mends, failed)]
    broken = [check for check in failed if check.mends]
    first = next(iter([*hints, *broken]), failed[0])
    counted: dict[str, Any] = {"failed": len(failed), "count": len(checks), "name": first.name}
    if first.mends is None:
        return Sentence("doctor.failed", counted)
    return Sentence("doctor.next", counted | {"cure": first.mends})


def _told(mends: Sentence, failed: Sequence[Check]) -> bool:
    """Whether what was meant by a name is what the settings lack."""
    meant = str(mends.params["meant"])
    return any(check.name == "settings" and meant in check.detail for check in failed)


def _print(check: Check, width: int) -> None:
    label = f"{check.label:<4}" if check.ok else "FAIL"
    # Several lines stand under each other: a fault of the settings each.
    detail = check.detail.replace("\n", f"\n{'':{width + 7}}")
    click.echo(f"{label} {check.name + ':':<{width + 1}} {detail}")
    if check.cure:
        click.echo(f"     {'':{width}}  cure: {check.cure}")
