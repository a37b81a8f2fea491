"""The models that the settings name, each read by its provider; and what their tokens cost."""

from __future__ import annotations

from typing import Any

import structlog
from pydantic import SecretStr

from bot.settings import SERVICES, Settings, revealed
from providers.base import Provider, Traceable, Usage
from providers.failover import ChainProvider, RetryPolicy
from providers.options import needed
from providers.prices import ModelPrice, Prices
from providers.thinking import slowness

log = structlog.get_logger(__name__)


def make_provider(settings: Settings) -> Provider:
    """The models that the settings name, as one."""
    patience = RetryPolicy(
        seconds=settings.first_token_seconds, goes_on=settings.broken_answers == "continue"
    )
    models = [make_model(each) for each in each_alone(settings)]
    if settings.trace_langchain:
        for model in models:
            if isinstance(model, Traceable):
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
            input=settings.price_input_per_mtok,
            output=settings.price_output_per_mtok,
            cached_input=settings.price_cached_input_per_mtok,
        )
    own = {
        model: ModelPrice(input=price.input, output=price.output, cached_input=price.cached_input)
        for model, price in (settings.prices or {}).items()
    }
    url = settings.openai_base_url
    urls = {name: settings.url_of(name) for name in SERVICES}
    if url is not None:
        urls |= {"openai": url, "compatible": url}
    return Prices(own=own, every=every, urls=urls)


def load_prices(settings: Settings) -> Prices:
    """What tokens cost, with the list of prices read now, and not at the first answer's end.

    Tells the operator where a limit of money can't hold, since a price is not known.
    """
    prices = make_prices(settings)
    for model in settings.model.split(","):
        unknown = prices.cost(model.strip(), "", Usage(1, 1)) is None
        if unknown and settings.limits_money:
            log.warning("limits.no_price", model=model, cure="set PRICES or PRICE_INPUT_PER_MTOK")
    return prices


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
