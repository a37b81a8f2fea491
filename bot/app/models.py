"""The model that the settings name."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from bot.settings import Settings
from providers.base import Provider
from providers.prices import ModelPrice, Prices


def make_provider(settings: Settings) -> Provider:
    """The model that the settings name. Imports only what that model needs."""
    known: dict[str, Any] = {
        "stall_seconds": settings.stall_seconds,
        "sees": settings.model_sees_images,
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
    return Prices(own, every, {} if url is None else {"openai": url, "compatible": url})


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
        from providers.lean import azure_provider as make  # type: ignore[assignment]  # same call
    return make(
        settings.model_name,
        endpoint=settings.azure_openai_endpoint or "",
        api_key=revealed(settings.azure_openai_api_key) or "",
        api_version=settings.openai_api_version,
        **known,
    )


def _compatible(settings: Settings, known: dict[str, Any]) -> Provider:
    if settings.stream_reader == "langchain":
        from providers.openai import compatible_provider as make
    else:
        from providers.lean import compatible_provider as make  # type: ignore[assignment]
    return make(
        settings.model_name,
        base_url=settings.openai_base_url or "",
        api_key=revealed(settings.openai_api_key),
        **known,
    )


def _openai(settings: Settings, known: dict[str, Any]) -> Provider:
    if settings.stream_reader == "langchain":
        from providers.openai import openai_provider as make
    else:
        from providers.lean import openai_provider as make  # type: ignore[assignment]
    if settings.openai_base_url is not None:
        known["base_url"] = settings.openai_base_url
    return make(settings.model_name, api_key=revealed(settings.openai_api_key) or "", **known)


def revealed(secret: SecretStr | None) -> str | None:
    """A secret's value, for the one who needs it."""
    return None if secret is None else secret.get_secret_value()
