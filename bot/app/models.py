"""The models that the settings name, each read by its provider; and what their tokens cost."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import structlog

from bot.settings import Settings, revealed
from providers.base import Provider, Traceable, Usage
from providers.failover import ChainProvider, RetryPolicy
from providers.options import needed
from providers.prices import ModelPrice, Prices
from providers.registry import PROVIDERS, SERVICES, ProviderEntry
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
    entry = PROVIDERS[settings.provider]
    make = _maker(entry, settings)
    provider: Provider = make(settings.model_name, **_reached(entry, settings), **known)
    return provider


def _maker(entry: ProviderEntry, settings: Settings) -> Callable[..., Provider]:
    """The function that makes a provider; its module is imported now."""
    langchain = settings.stream_reader == "langchain" and entry.make_langchain
    module, _, name = (entry.make_langchain if langchain else entry.make).partition(":")
    if entry.extra:
        found = needed(module, entry.extra, f"MODEL={settings.model}")
    else:
        found = import_module(module)
    make: Callable[..., Provider] = found.__dict__[name]
    return make


def _reached(entry: ProviderEntry, settings: Settings) -> dict[str, Any]:
    """What it is reached by: address and key, and what its dialect needs besides."""
    known = _of_dialect(entry, settings)
    if entry.dialect == "azure":
        return known
    if entry.key:
        known["api_key"] = revealed(getattr(settings, entry.key)) or ""
    if entry.base_url:
        known["base_url"] = settings.url_of(settings.provider)
    elif entry.address and (url := getattr(settings, entry.address)) is not None:
        known["base_url"] = url
    return known


def _of_dialect(entry: ProviderEntry, settings: Settings) -> dict[str, Any]:
    match entry.dialect:
        case "openai":
            return {"api": settings.openai_api, "store": settings.openai_store}
        case "compatible":
            return {
                "begins_thinking": settings.model_begins_thinking,
                "service": settings.provider,
                "usage": entry.usage,
            }
        case "local":
            path, reader = settings.local_model_path, settings.stream_reader
            return {"path": path, "langchain": reader == "langchain"}
        case "azure":
            return _azure(settings)
        case _:
            return {}


def _azure(settings: Settings) -> dict[str, Any]:
    known: dict[str, Any] = {
        "endpoint": settings.azure_openai_endpoint or "",
        "secret": revealed(settings.azure_openai_api_key),
        "api_version": settings.openai_api_version,
        "api": settings.openai_api,
        "store": settings.openai_store,
    }
    if settings.azure_openai_auth == "entra":
        secret = _entra(settings)
        known |= {"secret": secret, "close": secret.aclose}
    return known


def _entra(settings: Settings) -> Any:
    """What gives the tokens of an identity of Entra ID."""
    module = needed("providers.entra", "azure", "AZURE_OPENAI_AUTH=entra")
    return module.EntraTokens(
        tenant_id=settings.azure_tenant_id,
        client_id=settings.azure_client_id,
        client_secret=revealed(settings.azure_client_secret),
    )


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
