"""The services that can be read this way, each named as in the setting MODEL."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Unpack

from providers import finish
from providers.asking import SharedOptions, facts_of
from providers.clients import OPENAI_URL, Api, Secret, azure_client, openai_client
from providers.openai_stream.protocols import Chat, ResponsesProtocol, Speech
from providers.openai_stream.provider import LeanProvider
from providers.options import checked
from providers.thinking import begins

# Which of OpenAI's models take images, as far as that can be told by their names.


_SEEING = re.compile(r"gpt-(4o|4\.1|4-turbo|5|6)|o1|o3(?!-mini)|o4")
_BLIND = re.compile(r".*(audio|realtime|transcribe|tts|search|-mini-preview|o1-mini|o1-preview)")


def sees_images(model: str) -> bool:
    """Whether the model is known to take images; no where it isn't known."""
    return bool(_SEEING.match(model)) and not _BLIND.match(model)


def openai_provider(
    model: str,
    *,
    api_key: str,
    base_url: str = OPENAI_URL,
    api: Api = "auto",
    store: bool = False,
    options: Mapping[str, Any] | None = None,
    **shared: Unpack[SharedOptions],
) -> LeanProvider:
    """`openai:MODEL`. `store`: whether the service may keep a response of the Responses API."""
    # Models that reason take their orders from a developer.
    system = "developer" if re.match(r"o\d", model) else "system"
    fields = checked(options, f"openai:{model}")
    speech, other = _speeches(model, api, store=store, options=fields, system=system)
    return LeanProvider(
        openai_client(api_key, base_url, "own"),
        speech,
        other,
        name=f"openai:{model}",
        guess=sees_images(model),
        **shared,
    )


def azure_provider(
    deployment: str,
    *,
    endpoint: str,
    secret: Secret,
    api_version: str = "2024-10-21",
    api: Api = "auto",
    store: bool = False,
    options: Mapping[str, Any] | None = None,
    close: Callable[[], Awaitable[None]] | None = None,
    **shared: Unpack[SharedOptions],
) -> LeanProvider:
    """`azure:DEPLOYMENT` at `https://<resource>.openai.azure.com`.

    `secret` is a key, or what gives Entra ID's tokens, which `close` closes.
    """
    fields = checked(options, f"azure:{deployment}")
    speech, other = _speeches(deployment, api, store=store, options=fields)
    return LeanProvider(
        azure_client(deployment, endpoint, secret, api_version, "own"),
        speech,
        other,
        name=f"azure:{deployment}",
        guess=sees_images(deployment),
        close=close,
        **shared,
    )


def compatible_provider(
    model: str,
    *,
    base_url: str,
    api_key: str | None = None,
    usage: bool = False,
    retries: int = 0,
    begins_thinking: bool | None = None,
    service: str = "compatible",
    options: Mapping[str, Any] | None = None,
    **shared: Unpack[SharedOptions],
) -> LeanProvider:
    """`compatible:MODEL`: any server that speaks OpenAI's chat completions at `base_url`.

    It is asked for nothing that only some of them know: the limit is called `max_tokens`, and
    usage is only asked for where `usage` says that the server knows how.
    `retries` are the client's own. `begins_thinking`: whether answers begin within the model's
    reasoning, which nothing opens; None: as is known of the model. `service`: the short name of
    one that has its own.
    """
    fields = checked(options, f"{service}:{model}")
    client = openai_client(api_key or "none", base_url, "own", retries=retries)
    chat = Chat(
        model,
        limit="max_tokens",
        usage=usage,
        think_block=True,
        begun=begins(model, begins_thinking),
        whole=finish.COMPATIBLE,
        options=fields,
    )
    return LeanProvider(
        client,
        chat,
        ResponsesProtocol(model, options=fields),
        name=f"{service}:{model}",
        guess=sees_images(model),
        ask=partial(facts_of, client, model),
        url=base_url,
        **shared,
    )


_Speeches = tuple[Speech, Speech | None]
"""The protocol that is spoken, and the one to go over to where the service wants that."""


def _speeches(
    model: str, api: Api, *, store: bool, options: Mapping[str, Any], system: str = "system"
) -> _Speeches:
    chat = Chat(model, limit="max_completion_tokens", usage=True, system=system, options=options)
    responses = ResponsesProtocol(model, store=store, options=options)
    if api == "responses":
        return responses, None
    return chat, (responses if api == "auto" else None)
