"""The services that can be read without LangChain, each named as in the setting MODEL."""

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

# Which of OpenAI's models take images, by their names.


_SEEING = re.compile(r"gpt-(4o|4\.1|4-turbo|5|6)|o1|o3(?!-mini)|o4")
_BLIND = re.compile(r".*(audio|realtime|transcribe|tts|search|-mini-preview|o1-mini|o1-preview)")


def sees_images(model: str) -> bool:
    """Whether a model takes images; False for unknown names."""
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
    """`openai:MODEL`. `store`: whether the service may store responses of the Responses API."""
    # OpenAI's o-series calls the role of system messages `developer`.
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

    `secret` is an API key, or a function that returns Entra ID tokens; `close` closes the latter.
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
    """`compatible:MODEL`: any server at `base_url` with OpenAI's Chat Completions.

    Requests use only what all such servers know: the limit is called `max_tokens`, and usage is
    asked for only if `usage` says that the server supports it. `retries` is for the HTTP client.
    `begins_thinking`: whether answers begin inside the model's reasoning, without an opening tag;
    None decides by the model's name. `service` is the prefix in the model's name.
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
"""The protocol in use, and the one to switch to if the service says so."""


def _speeches(
    model: str, api: Api, *, store: bool, options: Mapping[str, Any], system: str = "system"
) -> _Speeches:
    chat = Chat(model, limit="max_completion_tokens", usage=True, system=system, options=options)
    responses = ResponsesProtocol(model, store=store, options=options)
    if api == "responses":
        return responses, None
    return chat, (responses if api == "auto" else None)
