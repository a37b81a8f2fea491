"""OpenAI and all servers with its API, through LangChain.

LangChain's classes lose some of what these services send. So they get stand-ins for the SDK's
client, which deliver chunks that LangChain reads completely.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from functools import partial
from types import SimpleNamespace
from typing import Any, Unpack

import openai
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import SecretStr

from providers import finish
from providers.asking import NotAsked, SharedOptions, facts_of
from providers.base import Request, TokenKind
from providers.calls import Fragment, GoesBack
from providers.chunks import chunks
from providers.clients import OPENAI_URL, TIMEOUT, Api, http_client
from providers.decoding import (
    choice_of,
    delta_of,
    reasoning_of,
    tool_calls_of,
    usage_of,
)
from providers.errors import Answered
from providers.langchain import LangChainProvider, ToolForm
from providers.openai_stream.protocols import WANT_TEXT, Chat, ResponsesProtocol
from providers.openai_stream.services import compatible_speeches, service_at, speeches
from providers.options import checked, for_responses
from providers.responses import DELTAS, DONE, ENDS, Parts, reasoning_in, status_of
from providers.service import Secret
from providers.thinking import begins


def change_of(chat: BaseChatOpenAI, api: Api) -> Callable[[], None] | None:
    """A function that switches a model to the Responses API; None if the protocol is set."""

    def change() -> None:
        chat.use_responses_api = True

    return change if api == "auto" else None


def openai_client(secret: Secret, base_url: str, *, retries: int = 0) -> openai.AsyncOpenAI:
    """The SDK's client, which LangChain asks by: for OpenAI, or any server with the same API.

    `retries` is how often it repeats a request that failed before its answer began; 0 by default,
    since `providers.failover` retries for all models together.
    """
    return plain(
        openai.AsyncOpenAI(
            api_key=secret,
            base_url=base_url,
            timeout=TIMEOUT,
            max_retries=retries,
            http_client=http_client(base_url),
        )
    )


def plain(client: openai.AsyncOpenAI) -> openai.AsyncOpenAI:
    """The client without `OPENAI_ORG_ID` and `OPENAI_PROJECT_ID`: these are no settings of ours."""
    client.organization = client.project = None
    return client


def openai_provider(
    model: str,
    *,
    api_key: str,
    base_url: str = OPENAI_URL,
    api: Api = "auto",
    store: bool = False,
    options: Mapping[str, Any] | None = None,
    **shared: Unpack[SharedOptions],
) -> LangChainProvider:
    """`openai:MODEL`. `store`: whether the service may store responses of the Responses API."""
    client = openai_client(api_key, base_url)
    name, fields = f"openai:{model}", checked(options, f"openai:{model}")
    system = "developer" if re.match(r"o\d", model) else "system"
    chat = OpenAIChat(
        model=model,
        api_key=SecretStr(api_key),
        base_url=base_url,
        stream_usage=True,
        use_responses_api=api == "responses",
        **common_options(client, store=store, options=fields),
    )
    return LangChainProvider(
        chat,
        name=name,
        form=tool_form(*speeches(name, store=store, options=fields, system=system)),
        close=client.close,
        usage_grows=True,
        whole_words=finish.OPENAI,
        change=change_of(chat, api),
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
) -> LangChainProvider:
    """`compatible:MODEL`: any server at `base_url` with OpenAI's Chat Completions.

    Requests use only what all such servers know: the limit is called `max_tokens`, and usage is
    asked for only if `usage` says that the server supports it. `retries` is for the HTTP client.
    `begins_thinking`: whether answers begin inside the model's reasoning, without an opening tag;
    None decides by the model's name. `service` is the prefix in the model's name.
    """
    key = api_key or "none"
    name, fields = f"{service}:{model}", checked(options, f"{service}:{model}")
    client = openai_client(key, base_url, retries=retries)
    chat = _Compatible(
        model=model,
        api_key=SecretStr(key),
        base_url=base_url,
        stream_usage=usage,
        use_responses_api=False,
        **common_options(client, options=fields),
    )
    return LangChainProvider(
        chat,
        name=name,
        form=tool_form(*compatible_speeches(name, service_at(base_url, service), fields)),
        ask=partial(facts_of, partial(_json, client), base_url, model),
        url=base_url,
        close=client.close,
        think_block=True,
        begun=begins(model, begins_thinking),
        usage_grows=True,
        whole_words=finish.COMPATIBLE,
        change=change_of(chat, "auto"),
        **shared,
    )


def common_options(
    client: openai.AsyncOpenAI, *, store: bool = False, options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Arguments for every LangChain model of this API; `options` are more fields of its requests.

    Each model gets a `client` of its own, since LangChain would share one between event loops.
    LangChain's stall time-out is off, because `providers.stall` has one for all providers.
    """
    return {
        "root_async_client": _Root(client, store, for_responses(options or {})),
        "async_client": _Completions(client, options or {}),
        # Never called, but without it LangChain makes a client for blocking calls.
        "client": client.chat.completions,
        "streaming": True,
        "stream_chunk_timeout": None,
    }


_Stream = openai.AsyncStream[object]


async def _json(client: openai.AsyncOpenAI, path: str, body: Any = None, /) -> Any:
    """See `providers.asking.Get`."""
    once = client.with_options(max_retries=0)
    try:
        if body is not None:
            return await once.post(path, body=body, cast_to=object)
        return await once.get(path, cast_to=object)
    except openai.APIStatusError:
        return None
    except openai.OpenAIError as error:
        raise NotAsked(str(error)) from error


class _Completions:
    """Stands in for the SDK's `chat.completions`; its chunks are dictionaries, as they were sent.

    The SDK makes objects of them, and LangChain dictionaries again. On the way, a chunk with an
    unexpected shape is quoted with its text in a warning, and an event without data, which some
    services send as a keep-alive, counts as a broken chunk.
    """

    def __init__(self, client: openai.AsyncOpenAI, options: Mapping[str, Any]) -> None:
        self._client = client
        self._options = options

    async def create(self, **payload: Any) -> aclosing[AsyncGenerator[Any]]:
        """Opens a stream: LangChain calls it by this name, with `stream` always true."""
        body = {**payload, **_beside(self._options, payload)}
        stream = await self._client.post(
            "/chat/completions", body=body, cast_to=object, stream=True, stream_cls=_Stream
        )
        return aclosing(chunks(stream.response))


class _Root:
    """Stands in for the SDK's client, of which LangChain uses only `responses`."""

    def __init__(self, client: openai.AsyncOpenAI, store: bool, options: dict[str, Any]) -> None:
        self.responses = _Responses(client, {"store": store, **options})


class _Responses:
    """Stands in for the SDK's `responses`; keeps the code of an error in the stream.

    LangChain raises a bare `ValueError` for such an error.
    """

    def __init__(self, client: openai.AsyncOpenAI, fields: dict[str, Any]) -> None:
        self._client = client
        self._fields = fields

    async def create(self, **payload: Any) -> aclosing[AsyncGenerator[Any]]:
        """Opens a stream: LangChain calls it by this name, with `stream` always true."""
        fields = _beside(self._fields, payload)
        asked = self._client.responses.create(**payload, extra_body=fields)
        return aclosing(_events(await asked))


def _beside(options: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """The operator's fields, without those that the payload has together with the bot's tools."""
    spoken = {"tools", "include"} & payload.keys()
    return {name: value for name, value in options.items() if name not in spoken}


async def _events(stream: Any) -> AsyncGenerator[Any]:
    """The SDK's events; text that LangChain would drop comes in an extra event that it reads."""
    parts = Parts()
    async with stream:
        async for event in stream:
            if event.type == "error":
                raise Answered(event.model_dump())
            told = event.to_dict(mode="python", exclude_unset=False)
            for extra in _extra_events(parts, event.type, told):
                yield extra
            if event.type in ENDS:
                event.response.status = status_of(event.type, told["response"])
            if not _replaced(event):
                yield event


def _replaced(event: Any) -> bool:
    """Whether `_extra_events` has told all of it, by events that LangChain reads."""
    if event.type in {"response.refusal.delta", "response.refusal.done"}:
        return True
    kind = event.item.type if event.type in _ITEMS else ""
    return kind == "function_call" or (kind == "reasoning" and event.type == _ITEM_DONE)


_ITEM_DONE = "response.output_item.done"
_ITEMS = frozenset({"response.output_item.added", _ITEM_DONE})


def _extra_events(parts: Parts, event: str, told: dict[str, Any]) -> Iterator[Any]:
    """Events for what LangChain would not read, or not as it was sent."""
    if event in _ITEMS:
        yield from _of_item(parts, event, told)
        return
    for kind, text in _said(parts, event, told):
        yield _delta(kind, text, told)
    if event in ENDS:
        for each in parts.calls_of(told["response"].get("output")):
            yield from _of_item(parts, event, each)


def _of_item(parts: Parts, event: str, told: Mapping[str, Any]) -> Iterator[Any]:
    """A tool call's beginning, or the rest of its arguments; reasoning with all that it has."""
    item, at = told["item"], told.get("output_index") or 0
    fragment = parts.item(told)
    if fragment is not None and fragment.name:
        yield _call(fragment, at)
    elif fragment is not None:
        yield _delta("tool", fragment.arguments, {"output_index": at})
    elif event == _ITEM_DONE and (reasoning := reasoning_in(item)):
        # LangChain would keep a part of it: the whole goes where it keeps the encrypted content.
        sealed = SimpleNamespace(
            type="reasoning", id=item.get("id"), encrypted_content=json.dumps(reasoning)
        )
        yield SimpleNamespace(type=_ITEM_DONE, item=sealed, output_index=at)


def _call(fragment: Fragment, at: int) -> Any:
    """The event that begins a tool call."""
    item = SimpleNamespace(
        type="function_call",
        id=None,
        call_id=fragment.id,
        name=fragment.name,
        arguments=fragment.arguments,
    )
    return SimpleNamespace(type="response.output_item.added", item=item, output_index=at)


def _said(parts: Parts, event: str, told: dict[str, Any]) -> Iterator[tuple[TokenKind, str]]:
    """The text in an event that LangChain would not read."""
    if kind := DELTAS.get(event):
        text = parts.delta(told, kind)
        if event in {"response.refusal.delta", "response.reasoning_text.delta"}:
            yield kind, text
        return
    if event in DONE:
        yield parts.done(told)
    elif event in ENDS:
        yield from parts.ended(told["response"].get("output"))
    elif event == "response.failed":
        status_of(event, told["response"])


def _delta(kind: TokenKind, text: str, told: dict[str, Any]) -> Any:
    """An event with this text as LangChain reads it."""
    at = {name: told.get(name) or 0 for name in ("output_index", "content_index", "summary_index")}
    if kind == "refusal":
        return SimpleNamespace(type="response.refusal.done", refusal=text, **at)
    names: dict[TokenKind, str] = {
        "text": "response.output_text.delta",
        "reasoning": "response.reasoning_summary_text.delta",
        "tool": "response.function_call_arguments.delta",
    }
    return SimpleNamespace(type=names[kind], delta=text, **at)


_SPOKEN = frozenset({"messages", "input", "tools", "include"})

Spoken = tuple[dict[str, Any], dict[str, Any]]
"""A conversation with its tools as fields of a chat request, and of one of the Responses API."""


def tool_form(chat: Chat, responses: ResponsesProtocol) -> ToolForm:
    """How a LangChain model of this API is asked with tools: as the lean reader asks."""

    def options(request: Request) -> dict[str, Any]:
        told = (chat.body(request), responses.body(request))
        return {"spoken": tuple({name: b[name] for name in _SPOKEN & b.keys()} for b in told)}

    return ToolForm(options=options, keep=_keep, reasoning=chat.service in WANT_TEXT)


def _keep(message: Any, kept: GoesBack) -> None:
    """Keeps what `KeepsEveryDelta` and `_events` have put beside a message's text."""
    if details := message.additional_kwargs.get("reasoning_details"):
        kept.detail(json.loads(details))
    for block in message.content if isinstance(message.content, list) else ():
        if isinstance(block, dict) and (sealed := block.get("encrypted_content")):
            kept.add("item", json.loads(sealed))


class KeepsEveryDelta:
    """Mixin for LangChain's OpenAI models that loses no part of a chunk.

    LangChain drops refusals and reasoning, drops the finish reason if a chunk's delta is null, and
    fails if the delta is missing; Azure's content filter sends such chunks.
    """

    def _get_request_payload(self, input_: Any, **kwargs: Any) -> dict[str, Any]:
        """The request; with tools it has the conversation in our own form, `spoken`.

        LangChain's form loses what has to go back unchanged.
        """
        spoken: Spoken | None = kwargs.pop("spoken", None)
        payload: dict[str, Any] = super()._get_request_payload(  # type: ignore[misc]  # the class it is mixed into has it
            input_, **kwargs
        )
        if spoken is not None:
            payload |= spoken[1] if "input" in payload else spoken[0]
        return payload

    def _convert_chunk_to_generation_chunk(
        self,
        chunk: dict[str, Any],
        default_chunk_class: type[Any],
        base_generation_info: dict[str, Any] | None,
    ) -> ChatGenerationChunk | None:
        delta = _complete(chunk)
        converted: ChatGenerationChunk | None = super()._convert_chunk_to_generation_chunk(  # type: ignore[misc]  # the class it is mixed into has it
            chunk, default_chunk_class, base_generation_info
        )
        if converted is not None:
            converted.message.additional_kwargs.update(_extras(delta))
        return converted


class OpenAIChat(KeepsEveryDelta, ChatOpenAI):
    """A model of OpenAI."""


class _Compatible(KeepsEveryDelta, BaseChatOpenAI):
    """A model of another server with OpenAI's API; it sends `max_tokens`, which all servers know.

    `ChatOpenAI` would rename it to `max_completion_tokens`.
    """

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        """Streams by the protocol in use; in LangChain only `ChatOpenAI` looks at that."""
        ask = super()._astream_responses if self.use_responses_api else super()._astream
        async for chunk in ask(*args, **kwargs):
            yield chunk


def _complete(chunk: dict[str, Any]) -> Mapping[str, Any]:
    """Fills in, in place, what LangChain expects in a chunk; returns the choice's delta."""
    chunk["usage"] = usage_of(chunk)
    choice = choice_of(chunk)
    if choice is None:
        return {}
    delta = {**delta_of(choice), "role": "assistant"}
    delta["tool_calls"] = tool_calls_of(delta)
    delta.pop("function_call", None)
    choice["delta"] = delta
    return delta


def _extras(delta: Mapping[str, Any]) -> dict[str, str]:
    """What LangChain drops, as texts: those can be put together, whatever they are."""
    extras = {"refusal": delta.get("refusal"), "reasoning_content": reasoning_of(delta)}
    beside = [call.get("extra_content") for call in delta.get("tool_calls") or ()]
    if any(beside):
        extras["call_extras"] = json.dumps(beside)
    if details := delta.get("reasoning_details"):
        extras["reasoning_details"] = json.dumps(details)
    return {name: text for name, text in extras.items() if isinstance(text, str) and text}
