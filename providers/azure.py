"""Azure OpenAI."""

from __future__ import annotations

from typing import Any

from langchain_openai import AzureChatOpenAI
from pydantic import SecretStr

from providers.clients import azure_client
from providers.langchain import LangChainProvider
from providers.openai import KeepsEveryDelta, common_options


def azure_provider(
    deployment: str,
    *,
    endpoint: str,
    api_key: str,
    api_version: str = "2024-10-21",
    stall_seconds: float = 60.0,
    room: int = 128_000,
    sees: bool | None = None,
) -> LangChainProvider:
    """`azure:DEPLOYMENT` at `https://<resource>.openai.azure.com`. `room` is in tokens."""
    client = azure_client(deployment, endpoint, api_key, api_version)
    chat = _Azure(
        azure_deployment=deployment,
        azure_endpoint=endpoint,
        api_key=SecretStr(api_key),
        api_version=api_version,
        model=deployment,
        stream_usage=True,
        **common_options(client),
    )
    return LangChainProvider(
        chat,
        name=f"azure:{deployment}",
        room=room,
        sees=sees,
        stall_seconds=stall_seconds,
        close=client.close,
        usage_grows=True,
    )


class _Azure(KeepsEveryDelta, AzureChatOpenAI):
    """A deployment on Azure. LangChain gives it the limit's old name, which newer models refuse."""

    def _get_request_payload(self, input_: Any, **kwargs: Any) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, **kwargs)
        if "max_tokens" in payload:
            payload["max_completion_tokens"] = payload.pop("max_tokens")
        return payload
