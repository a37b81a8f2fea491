"""The models and connectors that the settings name: the only place that knows concrete ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from bot.app.lifecycle import closed
from bot.settings import SERVICES, Settings, SettingsError
from bot.store import SqlDatabase, Store
from connectors.base import Connector, Place, Routed
from connectors.terminal import TerminalConnector
from connectors.web import FileQuota, WebConnector
from connectors.web.access import AllowList
from connectors.web.login import SignIn
from connectors.web.signing import SigningKeys
from providers.base import Provider
from providers.failover import ChainProvider, RetryPolicy
from providers.options import needed
from providers.prices import ModelPrice, Prices
from providers.thinking import slowness

# The models that the settings name.


def make_provider(settings: Settings) -> Provider:
    """The models that the settings name, as one."""
    patience = RetryPolicy(settings.first_token_seconds, settings.broken_answers == "continue")
    models = [make_model(each) for each in each_alone(settings)]
    if settings.trace_langchain:
        from providers.langchain import LangChainProvider

        for model in models:
            if isinstance(model, LangChainProvider):
                model.traced = True
    return ChainProvider(models, patience)


def each_alone(settings: Settings) -> list[Settings]:
    """The settings as they would be with each of the models alone."""
    return [settings.model_copy(update={"model": model}) for model in settings.models]


def make_model(settings: Settings) -> Provider:
    """The first model that the settings name. Imports only what that model needs."""
    known: dict[str, Any] = {
        "stall_seconds": settings.stall_seconds,
        "first_seconds": settings.first_token_seconds * slowness(settings.model_name),
        "sees": settings.model_sees_images,
        "options": settings.options_of(settings.models[0]),
    }
    if settings.context_tokens is not None:
        known["room"] = settings.context_tokens
    match settings.provider:
        case "local":
            return _local(settings, known)
        case "azure":
            return _azure(settings, known)
        case "compatible":
            return _compatible(settings, known)
        case service if service in SERVICES:
            return _service(settings, service, known)
        case "anthropic" | "google" | "langchain":
            return _through_langchain(settings, known)
        case _:
            return _openai(settings, known)


def make_prices(settings: Settings) -> Prices:
    """What the models' tokens cost, as the settings say, or by the list of prices."""
    every = None
    if settings.price_input_per_mtok is not None and settings.price_output_per_mtok is not None:
        every = ModelPrice(
            settings.price_input_per_mtok,
            settings.price_output_per_mtok,
            settings.price_cached_input_per_mtok,
        )
    own = {
        model: ModelPrice(price.input, price.output, price.cached_input)
        for model, price in (settings.prices or {}).items()
    }
    url = settings.openai_base_url
    urls = {name: settings.url_of(name) for name in SERVICES}
    if url is not None:
        urls |= {"openai": url, "compatible": url}
    return Prices(own, every, urls)


def _local(settings: Settings, known: dict[str, Any]) -> Provider:
    from providers.local import LocalProvider

    return LocalProvider(
        settings.local_model_path,
        name=settings.model,
        langchain=settings.stream_reader == "langchain",
        **known,
    )


def _azure(settings: Settings, known: dict[str, Any]) -> Provider:
    if settings.stream_reader == "langchain":
        from providers.azure import azure_provider as make
    else:
        from providers.openai_stream import azure_provider as make  # type: ignore[assignment]  # same call
    secret: Any = revealed(settings.azure_openai_api_key)
    if settings.azure_openai_auth == "entra":
        secret = _entra(settings)
        known["close"] = secret.aclose
    return make(
        settings.model_name,
        endpoint=settings.azure_openai_endpoint or "",
        secret=secret,
        api_version=settings.openai_api_version,
        api=settings.openai_api,
        store=settings.openai_store,
        **known,
    )


def _entra(settings: Settings) -> Any:
    """What gives the tokens of an identity of Entra ID."""
    module = needed("providers.entra", "azure", "AZURE_OPENAI_AUTH=entra")
    return module.EntraTokens(
        settings.azure_tenant_id,
        settings.azure_client_id,
        revealed(settings.azure_client_secret),
    )


def _compatible(settings: Settings, known: dict[str, Any]) -> Provider:
    url, key = settings.openai_base_url or "", settings.openai_api_key
    return _compatible_at(settings, known, url, key)


def _compatible_at(
    settings: Settings, known: dict[str, Any], url: str, key: SecretStr | None
) -> Provider:
    if settings.stream_reader == "langchain":
        from providers.openai import compatible_provider as make
    else:
        from providers.openai_stream import compatible_provider as make  # type: ignore[assignment]
    return make(
        settings.model_name,
        base_url=url,
        api_key=revealed(key),
        begins_thinking=settings.model_begins_thinking,
        **known,
    )


def _service(settings: Settings, name: str, known: dict[str, Any]) -> Provider:
    """A service with a short name: compatible, at an address of its own."""
    service = SERVICES[name]
    key = getattr(settings, service.key) if service.key else None
    return _compatible_at(
        settings,
        known | {"service": name, "usage": service.usage},
        settings.url_of(name),
        key,
    )


def _openai(settings: Settings, known: dict[str, Any]) -> Provider:
    if settings.stream_reader == "langchain":
        from providers.openai import openai_provider as make
    else:
        from providers.openai_stream import openai_provider as make  # type: ignore[assignment]
    if settings.openai_base_url is not None:
        known["base_url"] = settings.openai_base_url
    return make(
        settings.model_name,
        api_key=revealed(settings.openai_api_key) or "",
        api=settings.openai_api,
        store=settings.openai_store,
        **known,
    )


def _through_langchain(settings: Settings, known: dict[str, Any]) -> Provider:
    """The models that are read through LangChain only."""
    if settings.provider == "langchain":
        from providers.langchain import langchain_provider

        return langchain_provider(settings.model_name, **known)
    module = needed(f"providers.{settings.provider}", settings.provider, f"MODEL={settings.model}")
    if settings.provider == "anthropic":
        key, url = settings.anthropic_api_key, settings.anthropic_base_url
        make = module.anthropic_provider
    else:
        key, url = settings.google_api_key, settings.google_gemini_base_url
        make = module.google_provider
    if url is not None:
        known["base_url"] = url
    provider: Provider = make(settings.model_name, api_key=revealed(key) or "", **known)
    return provider


def revealed(secret: SecretStr | None) -> str | None:
    """A secret's value, for the one who needs it."""
    return None if secret is None else secret.get_secret_value()


Half = Literal["http", "gateway"]
"""What comes in by HTTP requests, or by connections that the bot opens."""


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
