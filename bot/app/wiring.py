"""How a bot is made of the settings: every part once, by one call, from top to bottom.

Only here are connectors made, and by `bot.app.models` providers. Nothing is connected to and
nothing begins: `bot.app.serve` opens what is made here, runs it and closes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from bot import http
from bot.app import demonstration
from bot.app.lifecycle import closed, now_us
from bot.app.masking import sealing_keys
from bot.app.models import Answering, make_answering, microusd
from bot.app.monitoring import Health, PageDoor, Tracer, bot_version, links
from bot.app.selftest import UNATTENDED
from bot.app.sharing import Sharing, make_sharing
from bot.cluster import Cluster, Recovery, this_seat
from bot.inspector import Inspector, Options
from bot.intake import Access, Intake, IntakeOptions, Limit, Quotas
from bot.pacing import Pacing
from bot.runs import BlockedWords, Runs
from bot.scopes import Scopes
from bot.settings import Settings, SettingsError, revealed
from bot.store import SqlDatabase, Store, open_store
from bot.telemetry import Metrics, MetricsAccess, Watchers
from bot.words import Language, Languages, installed, language_of
from connectors.base import Connector, Place, Routed, SignsIn
from connectors.terminal import TerminalConnector
from connectors.web import FileQuota, WebConnector
from connectors.web.access import AllowList
from connectors.web.login import SignIn
from connectors.web.signing import SigningKeys

Half = Literal["http", "gateway"]
"""What comes in by HTTP requests, or by connections that the bot opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """The parts of a bot that serves."""

    metrics: Metrics
    store: Store
    cluster: Cluster
    answering: Answering
    connectors: Sequence[Connector]
    tracer: Tracer | None
    """None where the settings want no traces."""
    runs: Runs
    intake: Intake
    recovery: Recovery
    health: Health
    server: http.Server | None
    """None for the half that has no port."""
    sharing: Sharing | None
    """None on SQLite."""


def make_bot(settings: Settings, *, only: Half | None) -> Bot:
    """The whole bot, or one half. For a running event loop.

    Raises `SettingsError` and `ProviderError` where it can't be made.
    """
    metrics = Metrics(bot_version())
    store = open_store(settings.database, on_written=metrics.written)
    cluster = Cluster(store, now_us=now_us, seat=this_seat())
    tracer = make_tracer(settings)
    watch = Watchers([metrics] if tracer is None else [metrics, tracer])
    answering = make_answering(settings, store, watch.tool_ended)
    connectors = chosen(make_connectors(settings, store), only)
    sharing = make_sharing(settings, cluster, connectors, metrics)
    pacing = Pacing(settings.edit_fastest_seconds, sharing.shared if sharing else None)
    runs = Runs(
        provider=answering.provider,
        store=store,
        pacing=pacing,
        options=answering.options,
        now_us=now_us,
        watch=watch,
        toolbox=answering.toolbox,
        maker=answering.maker,
    )
    languages = make_languages(settings, answering.scopes, connectors)
    questions = intake_options(settings, answering.scopes, languages)
    intake = Intake(cluster=cluster, runs=runs, pacing=pacing, options=questions, now_us=now_us)
    recovery = Recovery(
        cluster=cluster,
        runs=runs,
        pacing=pacing,
        connectors=connectors,
        door=intake,
        now_us=now_us,
        unattended=UNATTENDED,
        watch=watch,
    )
    health = Health(metrics=metrics, store=store, runs=runs, intake=intake, connectors=connectors)
    server = None if only == "gateway" else make_server(settings, store, connectors, health)
    return Bot(
        metrics=metrics, store=store, cluster=cluster, answering=answering,
        connectors=connectors, tracer=tracer, runs=runs, intake=intake, recovery=recovery,
        health=health, server=server, sharing=sharing,
    )  # fmt: skip


# The connectors.


def make_connectors(settings: Settings, store: Store) -> list[Connector]:
    """Every connector that the settings have credentials for; the page needs none."""
    connectors: list[Connector] = [make_web(settings, store)]
    if settings.slack:
        connectors.append(_slack(settings, _engine(store)))
    if (token := revealed(settings.discord_token)) is not None:
        connectors.append(_discord(settings, token, store))
    return connectors


def make_web(settings: Settings, store: Store) -> WebConnector:
    """The page."""
    return WebConnector(
        _engine(store),
        about=settings.model if settings.provider != "local" else settings.model_name,
        small=settings.provider == "local",
        password=revealed(settings.web_password),
        inspector_password=revealed(settings.inspector_password),
        sign_in=_sign_in(settings),
        public=settings.public,
        public_url=settings.public_url,
        max_file_bytes=settings.max_file_bytes,
        runs_path="/runs",
        example=demonstration.QUESTION if settings.bare else "",
        secret_keys=settings.secret_key,
        room=FileQuota(person=settings.upload_bytes_per_person, total=settings.upload_bytes_total),
        language=settings.language,
        voice_seconds=settings.voice_seconds if settings.voice else 0,
    )


def make_signing_keys(settings: Settings, store: Store) -> SigningKeys:
    """The keys that sign what the page's visitors keep."""
    return SigningKeys(_engine(store), settings.secret_key)


def _sign_in(settings: Settings) -> SignIn:
    """The ways in by name, and who may take them."""
    oidc = None
    if settings.oidc_issuer is not None and settings.oidc_client_id is not None:
        from connectors.web.oidc import Oidc, OidcOptions

        oidc = Oidc(
            OidcOptions(
                issuer=settings.oidc_issuer,
                client_id=settings.oidc_client_id,
                client_secret=revealed(settings.oidc_client_secret),
                public_url=settings.public_url or "",
            )
        )
    people = AllowList(
        page=settings.sign_in_people,
        all_runs=settings.inspector_all_runs,
        own_runs=settings.inspector_own_runs,
    )
    return SignIn(oidc=oidc, header=settings.sign_in_header, people=people)


def _engine(store: Store) -> AsyncEngine:
    if not isinstance(store.database, SqlDatabase):
        raise TypeError("connectors keep what they must in the database")
    return store.database.engine


def _slack(settings: Settings, engine: AsyncEngine) -> Connector:
    """Slack's SDK takes a while to import, so only who uses Slack does."""
    from connectors.slack import OAuth, Prompt, SlackConnector, SlackOptions

    oauth = None
    if settings.slack_client_id is not None:
        oauth = OAuth(
            client_id=settings.slack_client_id,
            client_secret=revealed(settings.slack_client_secret) or "",
            public_url=settings.public_url or "",
            encryption_keys=settings.encryption_keys,
        )
    options = SlackOptions(
        bot_token=revealed(settings.slack_bot_token),
        app_token=revealed(settings.slack_app_token),
        signing_secret=revealed(settings.slack_signing_secret),
        api_url=settings.slack_api_url,
        streaming=settings.slack_streaming,
        edits_per_minute=settings.slack_edits_per_minute,
        posts_per_minute=settings.slack_posts_per_minute,
        appends_per_minute=settings.slack_appends_per_minute,
        starts_per_minute=settings.slack_starts_per_minute,
        message_bytes=settings.slack_message_bytes,
        table_rows=settings.slack_table_rows,
        table_columns=settings.slack_table_columns,
        table_characters=settings.slack_table_characters,
        prompts=tuple(Prompt(title=text, message=text) for text in settings.slack_prompts),
        greeting=settings.slack_greeting,
        language=settings.language,
        oauth=oauth,
    )
    return SlackConnector(options, engine)


def _discord(settings: Settings, token: str, store: Store) -> Connector:
    """Discord's library takes a while to import, so only who uses Discord does."""
    from connectors.discord import DiscordConnector, DiscordOptions, Shards

    options = DiscordOptions(
        token=token,
        api_url=settings.discord_api_url,
        gateway_url=settings.discord_gateway_url,
        calls=settings.discord_calls_per_5_seconds,
        threads=settings.discord_threads,
        ping_after_seconds=settings.discord_ping_after_seconds,
        catch_up_seconds=settings.discord_catch_up_seconds,
        check_channel=settings.discord_check_channel,
        shards=Shards(*settings.shards) if settings.shards else None,
        language=settings.language,
    )

    keys = sealing_keys(settings, store, "discord token")
    return DiscordConnector(options, store.grants, keys)


def chosen(connectors: Sequence[Connector], only: Half | None) -> list[Connector]:
    """The connectors of one half of the bot, or all. Raises `SettingsError` where none is left."""
    kept = [c for c in connectors if only is None or (only == "http") == bool(routes([c]))]
    if not kept:
        raise SettingsError(
            "--only gateway needs a platform that is reached by a gateway, "
            "such as Slack with SLACK_APP_TOKEN, or Discord."
        )
    return kept


def routes(connectors: Sequence[Connector]) -> list[BaseRoute]:
    """What the connectors serve by HTTP."""
    return [route for c in connectors if isinstance(c, Routed) for route in c.routes()]


# What watches, and what is done with a question.


def make_tracer(settings: Settings) -> Tracer | None:
    """Traces, where they are wanted; their libraries are imported only then."""
    if settings.otel_exporter_otlp_endpoint is None:
        return None
    try:
        from bot.telemetry.tracing import otlp_tracing
    except ImportError as error:
        raise SettingsError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT needs a library that is not installed ({error.name}): "
            f"run `{installed().install('otel')}`"
        ) from error
    return otlp_tracing(
        endpoint=settings.otel_exporter_otlp_endpoint,
        headers=revealed(settings.otel_exporter_otlp_headers) or "",
        version=bot_version(),
    )


def make_languages(
    settings: Settings, scopes: Scopes, connectors: Sequence[Connector]
) -> Languages:
    """Who reads which language: what is set for a channel counts where a person's isn't known."""
    by_name = {connector.name: connector for connector in connectors}

    async def of_scope(place: Place) -> Language | None:
        holding = await scopes.holding(place, by_name.get(place.connector))
        return language_of(str(holding.get("language", "")))

    return Languages(settings.language, of_scope)


def intake_options(
    settings: Settings, scopes: Scopes | None = None, languages: Languages | None = None
) -> IntakeOptions:
    """What the settings say about questions."""
    access = Access(
        allow_people=settings.named("allow_people"),
        block_people=settings.named("block_people"),
        allow_channels=settings.allow_channels,
        block_channels=settings.block_channels,
        allow_workspaces=settings.allow_workspaces,
        block_workspaces=settings.block_workspaces,
        allow_external=settings.allow_external_people,
    )
    return IntakeOptions(
        policy=settings.conversation_policy,
        access=access,
        max_question_chars=settings.max_question_chars,
        follow_ups=settings.follow_ups,
        edit_seconds=settings.edit_seconds,
        admins=settings.named("admins"),
        limits=_limits(settings),
        languages=languages or Languages(settings.language),
        scopes=scopes,
        tell_changes=settings.tell_changes,
        blocked=BlockedWords(settings.block_words),
        settings_by=settings.settings_by,
    )


def _limits(settings: Settings) -> Quotas:
    return Quotas(
        person=Limit(
            runs_at_once=settings.person_runs_at_once,
            runs_per_day=settings.person_runs_per_day,
            tokens_per_day=settings.person_tokens_per_day,
            microusd_per_month=microusd(settings.person_usd_per_month),
        ),
        workspace=Limit(
            runs_at_once=settings.workspace_runs_at_once,
            runs_per_day=settings.workspace_runs_per_day,
            tokens_per_day=settings.workspace_tokens_per_day,
            microusd_per_month=microusd(settings.workspace_usd_per_month),
        ),
        deployment=Limit(microusd_per_day=microusd(settings.usd_per_day)),
    )


# What is served by HTTP.


def make_server(
    settings: Settings, store: Store, connectors: Sequence[Connector], health: Health
) -> http.Server:
    """The server of what watches, of the inspector, and of the connectors."""
    access = MetricsAccess(token=revealed(settings.metrics_token), public=settings.public)
    inspector = make_inspector(store, connectors, questions=settings.log_text)
    served = [*health.routes(access), *inspector.routes(), *routes(connectors)]
    return http.serve(
        http.build(served),
        limits=http.limits_for(
            total=settings.http_connections, per_address=settings.http_connections_per_address
        ),
        proxies=http.Proxies(settings.trusted_proxies),
        proxy_header=settings.sign_in_header,
    )


def make_inspector(store: Store, connectors: Sequence[Connector], *, questions: bool) -> Inspector:
    """The inspector, behind the sign-in of the first connector that has one.

    `questions`: whether it lists their first words.
    """
    door = next(PageDoor(c.gate(), c.name) for c in connectors if isinstance(c, SignsIn))
    options = Options(now_us=now_us, link=links(connectors), questions=questions)
    return Inspector(store, door, options)


# For commands, which need no whole bot.


@asynccontextmanager
async def connector_for_reading(
    settings: Settings, store: Store, place: Place
) -> AsyncIterator[Connector | None]:
    """The connector that can read messages of a place back; None where it isn't set up."""
    connectors = [TerminalConnector(None), *make_connectors(settings, store)]
    try:
        yield next((c for c in connectors if c.name == place.connector), None)
    finally:
        for connector in connectors:
            await closed(connector.aclose)
