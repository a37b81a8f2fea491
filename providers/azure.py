"""Azure OpenAI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Unpack

import openai
from langchain_openai import AzureChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import SecretStr

from providers import finish
from providers.asking import SharedOptions
from providers.clients import AZURE_V1, Api, Secret, azure_client
from providers.langchain import LangChainProvider
from providers.openai import KeepsEveryDelta, OpenAIChat, change_of, common_options
from providers.options import checked

_UNUSED = SecretStr("unused")
"""LangChain insists on a key. It is never sent: our own client has the real secret."""


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
) -> LangChainProvider:
    """`azure:DEPLOYMENT` at `https://<resource>.openai.azure.com`.

    `secret` is an API key, or a function that returns Entra ID tokens; `close` closes the latter.
    """
    client = azure_client(deployment, endpoint, secret, api_version)

    async def closed() -> None:
        await client.close()
        if close is not None:
            await close()

    fields = checked(options, f"azure:{deployment}")
    chat = _chat(
        deployment,
        client,
        endpoint=endpoint,
        api_version=api_version,
        api=api,
        options=common_options(client, store=store, options=fields),
    )
    return LangChainProvider(
        chat,
        name=f"azure:{deployment}",
        close=closed,
        usage_grows=True,
        whole_words=finish.OPENAI,
        change=change_of(chat, api),
        **shared,
    )


def _chat(
    deployment: str,
    client: openai.AsyncOpenAI,
    *,
    endpoint: str,
    api_version: str,
    api: Api,
    options: dict[str, Any],
) -> BaseChatOpenAI:
    known: dict[str, Any] = {
        "model": deployment,
        "api_key": _UNUSED,
        "stream_usage": True,
        "use_responses_api": api == "responses",
        **options,
    }
    # The newer endpoint works like OpenAI's; LangChain's class for Azure only knows the older one.
    if api_version == AZURE_V1:
        return OpenAIChat(base_url=str(client.base_url), **known)
    return _Azure(
        azure_deployment=deployment, azure_endpoint=endpoint, api_version=api_version, **known
    )


class _Azure(KeepsEveryDelta, AzureChatOpenAI):
    """A deployment on Azure, asked with `max_completion_tokens`.

    LangChain sends Azure the limit's old name, `max_tokens`, which newer models refuse.
    """

    def _get_request_payload(self, input_: Any, **kwargs: Any) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, **kwargs)
        if "max_tokens" in payload:
            payload["max_completion_tokens"] = payload.pop("max_tokens")
        return payload
