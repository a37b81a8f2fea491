"""Google's Gemini models, through LangChain."""

from __future__ import annotations

import json
import ssl
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Unpack

from google.genai import Client
from google.genai.types import FunctionDeclaration, HttpOptions, Tool
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import SecretStr

from providers import finish
from providers.addresses import MAX_RETRIES
from providers.asking import SharedOptions
from providers.base import Request, Turn
from providers.calls import GoesBack
from providers.clients import http_client
from providers.langchain import LangChainProvider, ToolForm
from providers.messages import as_message
from providers.options import made

# The SDK warns about each finish reason that it doesn't know; `providers.finish` logs them already.
warnings.filterwarnings("ignore", r"(?s).* is not a valid FinishReason", UserWarning)

GOOGLE_URL = "https://generativelanguage.googleapis.com"


def google_provider(
    model: str,
    *,
    api_key: str,
    base_url: str = GOOGLE_URL,
    options: Mapping[str, Any] | None = None,
    **shared: Unpack[SharedOptions],
) -> LangChainProvider:
    """`google:MODEL`. `options` are further keyword arguments of `ChatGoogleGenerativeAI`."""
    settings: dict[str, Any] = {
        "model": model,
        "api_key": SecretStr(api_key),
        "base_url": base_url,
        "vertexai": False,
        "max_retries": MAX_RETRIES + 1,  # the SDK counts the first try too
        "client_args": _unused_tls(),
        **(options or {}),
    }
    chat = made(ChatGoogleGenerativeAI, settings, f"MODEL=google:{model}")
    name = f"google:{model}"
    client, closed = _client(api_key, base_url)
    chat.client = client
    return LangChainProvider(
        chat,
        name=name,
        form=ToolForm(_tools, lambda request: _messages(request, name), _keep),
        whole_words=finish.GOOGLE,
        close=closed,
        limit="max_output_tokens",
        **shared,
    )


_SIGNATURES = "__gemini_function_call_thought_signatures__"
"""Where LangChain has the signatures of calls in a message, by the calls' ids."""


def _tools(request: Request) -> dict[str, Any]:
    """The tools with their schemas as they are: LangChain would leave out what it doesn't know."""
    if not request.tools:
        return {}
    told = [
        FunctionDeclaration(
            name=tool.name,
            description=tool.description,
            parameters_json_schema=dict(tool.schema),
        )
        for tool in request.tools
    ]
    return {"tools": [Tool(function_declarations=told)]}


def _keep(message: AIMessageChunk, kept: GoesBack) -> None:
    """Keeps the signatures of thoughts: a call has one, or the text."""
    signed = message.additional_kwargs.get(_SIGNATURES, {})
    for place, call in enumerate(message.tool_call_chunks):
        if signature := signed.get(call["id"]):
            kept.add("signature", signature, after=place)
    for block in message.content if isinstance(message.content, list) else ():
        if isinstance(block, dict) and (signature := (block.get("extras") or {}).get("signature")):
            kept.add("text_signature", signature)


def _messages(request: Request, name: str) -> list[BaseMessage]:
    """The conversation, with the signatures of this model."""
    return [_message(turn, name) for turn in request.turns]


def _message(turn: Turn, name: str) -> BaseMessage:
    if turn.role == "tool":  # a text as it is: LangChain would make an object of one that is JSON
        return as_message(turn, json.dumps({"error" if turn.failed else "output": turn.text}))
    if not turn.calls:
        return as_message(turn)
    own = [each for each in turn.opaque if each.model == name]
    signatures = {
        turn.calls[each.calls].id: each.item
        for each in own
        if each.kind == "signature" and each.calls < len(turn.calls)
    }
    of_text = [each.item for each in own if each.kind == "text_signature"]
    content: Any = turn.text
    if of_text:
        content = [{"type": "text", "text": turn.text, "extras": {"signature": of_text[-1]}}]
    more = {"additional_kwargs": {_SIGNATURES: signatures}} if signatures else {}
    return as_message(turn, content, response_metadata={"model_provider": "google_genai"}, **more)


def _unused_tls() -> dict[str, Any]:
    """Keeps the SDK from reading all certificates six times, for transports that carry nothing.

    The context trusts nobody, so they couldn't either.
    """
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return {"verify": nobody, "ssl": nobody}


def _client(api_key: str, base_url: str) -> tuple[Client, Callable[[], Awaitable[None]]]:
    """A client over a transport of our own, and what closes both.

    LangChain's would have no bound on connecting, and its own use of aiohttp leaves a
    coroutine that nobody awaits behind each failed request.
    """
    transport = http_client(base_url)
    options = HttpOptions(
        base_url=base_url, httpx_async_client=transport, async_client_args=_unused_tls()
    )
    client = Client(vertexai=False, api_key=api_key, http_options=options)

    async def closed() -> None:
        client.close()
        await client.aio.aclose()
        await transport.aclose()

    return client, closed
