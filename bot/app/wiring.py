"""The connectors that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal, Protocol, runtime_checkable

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from bot.app.lifecycle import closed
from bot.settings import Settings, SettingsError, revealed
from bot.store import SqlDatabase, Store
from connectors.base import Connector, Place
from connectors.terminal import TerminalConnector
from connectors.web import FileQuota, WebConnector
from connectors.web.access import AllowList
from connectors.web.login import SignIn
from connectors.web.signing import SigningKeys

Half = Literal["http", "gateway"]
"""What comes in by HTTP requests, or by connections that the bot opens."""


@runtime_checkable
class Routed(Protocol):
    """A connector that is reached by HTTP."""

    def routes(self) -> Sequence[BaseRoute]:
        """What it serves; nothing where it isn't reached so."""
        ...


def make_connectors(settings: Settings, store: Store) -> list[Connector]:
    """Every connector that the settings have credentials for; the page needs none."""
    connectors: list[Connector] = [make_web(settings, store)]
    if settings.slack:
        connectors.append(_slack(settings, _engine(store)))
    if (token := revealed(settings.discord_token)) is not None:
        connectors.append(_discord(settings, token, store))
    return connectors


def routes(connectors: Sequence[Connector]) -> list[BaseRoute]:
    """What the connectors serve by HTTP."""
    return [route for c in connectors if isinstance(c, Routed) for route in c.routes()]


def chosen(connectors: Sequence[Connector], only: Half | None) -> list[Connector]:
    """The connectors of one half of the bot, or all. Raises `SettingsError` where none is left."""
    kept = [c for c in connectors if only is None or (only == "http") == bool(routes([c]))]
    if not kept:
        raise SettingsError(
            "--only gateway needs a platform that is reached by a gateway, "
            "such as Slack with SLACK_APP_TOKEN, or Discord."
        )
    return kept


def make_web(settings: Settings, store: Store) -> WebConnector:
    """The page."""
    return WebConnector(
        _engine(store),
        about=_about(settings),
        password=revealed(settings.web_password),
        inspector_password=revealed(settings.inspector_password),
        sign_in=_sign_in(settings),
        public=settings.public,
        public_url=settings.public_url,
        max_file_bytes=settings.max_file_bytes,
        runs_path="/runs",
        secret_keys=settings.secret_key,
        room=FileQuota(settings.upload_bytes_per_person, settings.upload_bytes_total),
    )


def _sign_in(settings: Settings) -> SignIn:
    """The ways in by name, and who may take them."""
    oidc = None
    if settings.oidc_issuer is not None and settings.oidc_client_id is not None:
        from connectors.web.oidc import Oidc, OidcOptions

        oidc = Oidc(
            OidcOptions(
                settings.oidc_issuer,
                settings.oidc_client_id,
                revealed(settings.oidc_client_secret),
                settings.public_url or "",
            )
        )
    people = AllowList(
        settings.sign_in_people, settings.inspector_all_runs, settings.inspector_own_runs
    )
    return SignIn(oidc, settings.sign_in_header, people)


def _engine(store: Store) -> AsyncEngine:
    if not isinstance(store.database, SqlDatabase):
        raise TypeError("connectors keep what they must in the database")
    return store.database.engine


def _about(settings: Settings) -> str:
    if settings.provider != "local":
        return settings.model
    return f"{settings.model_name}, a small demonstration model on this machine"


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
        prompts=tuple(Prompt(text, text) for text in settings.slack_prompts),
        greeting=settings.slack_greeting,
        oauth=oauth,
    )
    return SlackConnector(options, engine)


def _discord(settings: Settings, token: str, store: Store) -> Connector:
    """Discord's library takes a while to import, so only who uses Discord does."""
    from connectors.discord import DiscordConnector, DiscordOptions
    from connectors.keys import Keys, derived

    options = DiscordOptions(
        token=token,
        api_url=settings.discord_api_url,
        gateway_url=settings.discord_gateway_url,
        calls=settings.discord_calls_per_5_seconds,
        threads=settings.discord_threads,
        ping_after_seconds=settings.discord_ping_after_seconds,
        catch_up_seconds=settings.discord_catch_up_seconds,
        check_channel=settings.discord_check_channel,
    )

    async def keys() -> Keys:
        """The operator's keys, or what is derived from those that sign."""
        if settings.encryption_keys:
            return Keys(settings.encryption_keys)
        secrets = settings.secret_key or await SigningKeys(_engine(store)).all()
        return Keys([derived(secret, "discord token") for secret in secrets])

    return DiscordConnector(options, store.grants, keys)


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
