"""The services that can be read this way, each named as in the setting MODEL."""

from __future__ import annotations

import re

from providers.clients import OPENAI_URL, azure_client, openai_client
from providers.lean.chat import Chat
from providers.lean.protocol import Speech
from providers.lean.provider import GATHER_SECONDS, LeanProvider
from providers.lean.responses import Responses, needs_responses
from providers.sight import sees_images


def openai_provider(
    model: str,
    *,
    api_key: str,
    base_url: str = OPENAI_URL,
    stall_seconds: float = 60.0,
    room: int = 128_000,
    sees: bool | None = None,
    gather_seconds: float = GATHER_SECONDS,
) -> LeanProvider:
    """`openai:MODEL`. `room` is the model's context in tokens; `sees`: whether it takes images."""
    return LeanProvider(
        openai_client(api_key, base_url, "aiohttp"),
        _openai_speech(model),
        name=f"openai:{model}",
        room=room,
        sees=sees_images(model) if sees is None else sees,
        stall_seconds=stall_seconds,
        gather_seconds=gather_seconds,
    )


def azure_provider(
    deployment: str,
    *,
    endpoint: str,
    api_key: str,
    api_version: str = "2024-10-21",
    stall_seconds: float = 60.0,
    room: int = 128_000,
    sees: bool | None = None,
    gather_seconds: float = GATHER_SECONDS,
) -> LeanProvider:
    """`azure:DEPLOYMENT` at `https://<resource>.openai.azure.com`. `room` is in tokens."""
    return LeanProvider(
        azure_client(deployment, endpoint, api_key, api_version, "aiohttp"),
        Chat(deployment, limit="max_completion_tokens", usage=True),
        name=f"azure:{deployment}",
        room=room,
        sees=sees_images(deployment) if sees is None else sees,
        stall_seconds=stall_seconds,
        gather_seconds=gather_seconds,
    )


def compatible_provider(
    model: str,
    *,
    base_url: str,
    api_key: str | None = None,
    usage: bool = False,
    stall_seconds: float = 60.0,
    room: int = 8192,
    sees: bool | None = None,
    gather_seconds: float = GATHER_SECONDS,
    retries: int = 0,
) -> LeanProvider:
    """`compatible:MODEL`: any server that speaks OpenAI's chat completions at `base_url`.

    It is asked for nothing that only some of them know: the limit is called `max_tokens`, and
    usage is only asked for where `usage` says that the server knows how.
    `retries` are the client's own.
    """
    return LeanProvider(
        openai_client(api_key or "none", base_url, "aiohttp", retries=retries),
        Chat(model, limit="max_tokens", usage=usage, think_block=True),
        name=f"compatible:{model}",
        room=room,
        sees=sees_images(model) if sees is None else sees,
        stall_seconds=stall_seconds,
        gather_seconds=gather_seconds,
    )


def _openai_speech(model: str) -> Speech:
    if needs_responses(model):
        return Responses(model)
    # Models that reason take their orders from a developer.
    system = "developer" if re.match(r"o\d", model) else "system"
    return Chat(model, limit="max_completion_tokens", usage=True, system=system)
