"""The models that the settings name."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from bot.settings import Settings
from providers.base import Provider
from providers.failover import ChainProvider, Patience


def make_provider(settings: Settings) -> Provider:
    """The models that the settings name, as one."""
    patience = Patience(settings.first_token_seconds, settings.broken_answers == "continue")
    return ChainProvider([make_model(each) for each in each_alone(settings)], patience)


def each_alone(settings: Settings) -> list[Settings]:
    """The settings as they would be with each of the models alone."""
    return [settings.model_copy(update={"model": model}) for model in settings.models]


def make_model(settings: Settings) -> Provider:
    """The first model that the settings name. Imports only what that model needs."""
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
