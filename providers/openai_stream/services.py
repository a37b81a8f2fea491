"""The services that can be read without LangChain, each named as in the setting MODEL."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Unpack
from urllib.parse import urlsplit

from providers import finish
from providers.asking import SharedOptions, facts_of
from providers.clients import OPENAI_URL, Api, azure_service, openai_service
from providers.openai_stream.protocols import Chat, ResponsesProtocol, Speech
from providers.openai_stream.provider import LeanProvider
from providers.options import checked
from providers.registry import SERVICES
from providers.service import Secret
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
    name = f"openai:{model}"
    speech, other = _speeches(name, api, store=store, options=fields, system=system)
    return LeanProvider(
        openai_service(api_key, base_url),
        speech,
        other,
        name=name,
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
    name = f"azure:{deployment}"
    speech, other = _speeches(name, api, store=store, options=fields)
    return LeanProvider(
        azure_service(deployment, endpoint, secret, api_version),
        speech,
        other,
        name=name,
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
    asked for only if `usage` says that the server supports it. `retries`: see `Service`.
    `begins_thinking`: whether answers begin inside the model's reasoning, without an opening tag;
    None decides by the model's name. `service` is the prefix in the model's name.
    """
    name = f"{service}:{model}"
    fields = checked(options, name)
    asked = openai_service(api_key or "none", base_url, retries=retries)
    chat, responses = compatible_speeches(name, service_at(base_url, service), fields)
    spoken = replace(chat, usage=usage, begun=begins(model, begins_thinking))
    return LeanProvider(
        asked,
        spoken,
        responses,
        name=name,
        guess=sees_images(model),
        ask=partial(facts_of, asked.json, base_url, model),
        url=base_url,
        **shared,
    )


_Speeches = tuple[Speech, Speech | None]
"""The protocol in use, and the one to switch to if the service says so."""


def _speeches(
    name: str, api: Api, *, store: bool, options: Mapping[str, Any], system: str = "system"
) -> _Speeches:
    chat, responses = speeches(name, store=store, options=options, system=system)
    if api == "responses":
        return responses, None
    return chat, (responses if api == "auto" else None)


def speeches(
    name: str, *, store: bool, options: Mapping[str, Any], system: str = "system"
) -> tuple[Chat, ResponsesProtocol]:
    """Both protocols of a model of OpenAI or Azure, with its name as in the setting MODEL."""
    model = name.partition(":")[2]
    known: dict[str, Any] = {"options": options, "name": name}
    chat = Chat(model, limit="max_completion_tokens", usage=True, system=system, **known)
    return chat, ResponsesProtocol(model, store=store, **known)


def compatible_speeches(
    name: str, service: str, options: Mapping[str, Any]
) -> tuple[Chat, ResponsesProtocol]:
    """Both protocols of a model of another service; `service` is that of `service_at`."""
    model = name.partition(":")[2]
    chat = Chat(
        model,
        limit="max_tokens",
        usage=False,
        think_block=True,
        whole=finish.COMPATIBLE,
        options=options,
        service=service,
        name=name,
    )
    return chat, ResponsesProtocol(model, options=options, name=name)


def service_at(base_url: str, service: str = "compatible") -> str:
    """The named service at an address, by its prefix in the setting MODEL; or `service`."""
    host = urlsplit(base_url).hostname
    known = (
        name
        for name, entry in SERVICES.items()
        if host and host in (urlsplit(entry.base_url).hostname, urlsplit(entry.elsewhere).hostname)
    )
    return service if service in SERVICES else next(known, service)
