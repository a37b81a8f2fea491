"""Azure OpenAI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Unpack

import openai
from langchain_openai import AzureChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import SecretStr

from providers import finish
from providers.addresses import MAX_RETRIES
from providers.asking import SharedOptions
from providers.clients import AZURE_V1, TIMEOUT, Api, azure_v1, http_client
from providers.langchain import LangChainProvider
from providers.openai import (
    KeepsEveryDelta,
    OpenAIChat,
    change_of,
    common_options,
    openai_client,
    plain,
    tool_form,
)
from providers.openai_stream.services import speeches
from providers.options import checked
from providers.service import Secret

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
    client = _client(deployment, endpoint, secret, api_version)

    async def closed() -> None:
        await client.close()
        if close is not None:
            await close()

    name, fields = f"azure:{deployment}", checked(options, f"azure:{deployment}")
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
        name=name,
        form=tool_form(*speeches(name, store=store, options=fields)),
        close=closed,
        usage_grows=True,
        whole_words=finish.OPENAI,
        change=change_of(chat, api),
        **shared,
    )


def _client(deployment: str, endpoint: str, secret: Secret, api_version: str) -> openai.AsyncOpenAI:
    """The SDK's client; with the API version `v1`, for the endpoint that works like OpenAI's."""
    if api_version == AZURE_V1:
        return openai_client(secret, azure_v1(endpoint))
    shown: dict[str, Any] = (
        {"api_key": secret} if isinstance(secret, str) else {"azure_ad_token_provider": secret}
    )
    return plain(
        openai.AsyncAzureOpenAI(
            azure_endpoint=endpoint,
            azure_deployment=deployment,
            api_version=api_version,
            timeout=TIMEOUT,
            max_retries=MAX_RETRIES,
            http_client=http_client(endpoint),
            **shown,
        )
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
