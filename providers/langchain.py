"""Any LangChain chat model as a provider, also one given by its module and class."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Unpack, cast
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, GenerationChunk, LLMResult
from langsmith import tracing_context

from providers import finish
from providers.asking import STALL_SECONDS, Ask, Knowing, SharedOptions
from providers.base import Generation, MadeFile, Request, Tool, Unusable, Usage
from providers.calls import GoesBack, settle
from providers.decoding import Content, Decoder, TextDelta
from providers.errors import by_code, cause_of, failure
from providers.files import files_in
from providers.finish import TRAILER_SECONDS
from providers.messages import as_messages
from providers.options import made
from providers.relay import Relay
from providers.stall import AnswerPatience, Bounds, whole


def tool_specs(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Tools in the form that every LangChain class takes."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.schema),
            },
        }
        for tool in tools
    ]


@dataclass(frozen=True, slots=True)
class ToolForm:
    """How a LangChain class is asked with tools, and what it sends that has to go back to it.

    `options` are further arguments of a request with tools or calls; None lets the class make
    them. `messages` makes its conversation; `keep` keeps what is opaque in a message; `reasoning`:
    whether the model wants its thoughts back.
    """

    options: Callable[[Request], dict[str, Any]] | None = None
    messages: Callable[[Request], list[BaseMessage]] = lambda request: as_messages(request.turns)
    keep: Callable[[AIMessageChunk, GoesBack], None] = lambda _message, _kept: None
    reasoning: bool = False


_FORM = ToolForm()


class LangChainProvider(Knowing):
    """Streams a LangChain chat model.

    The stream is decoded twice, for the callbacks and for the `Generation`: the receipt compares
    the two, so they must not share a path.

    - `room` (tokens) and `sees` (takes images) are settings; None leaves them to `Knowing`.
    - `stall_seconds` is how long the stream may be silent, `first_seconds` how long before the
      answer's first piece (None: the same).
    - `limit` is the model's argument for the most tokens of an answer; None if it takes none.
    - `think_block`: whether answers may begin with reasoning between tags; `begun`: whether they
      begin inside it, without an opening tag.
    - `usage_grows`: whether each chunk's usage is the total so far, as with OpenAI, instead of the
      chunk's share.
    - `whole_words` are the service's words for a complete answer.
    - `change` switches the model to its service's other protocol; called at most once.
    - `form` is how the model is asked with tools.
    """

    def __init__(
        self,
        model: BaseChatModel,
        *,
        name: str,
        stall_seconds: float = STALL_SECONDS,
        first_seconds: float | None = None,
        room: int | None = None,
        sees: bool | None = None,
        ask: Ask | None = None,
        url: str | None = None,
        close: Callable[[], Awaitable[None]] | None = None,
        limit: str | None = "max_tokens",
        think_block: bool = False,
        begun: bool = False,
        usage_grows: bool = False,
        whole_words: frozenset[str] = finish.ANY,
        change: Callable[[], None] | None = None,
        form: ToolForm = _FORM,
    ) -> None:
        profile = model.profile or {}
        sees_by_profile = bool(profile.get("image_inputs"))
        super().__init__(name, room=room, sees=sees, guess=sees_by_profile, ask=ask, url=url)
        self._known.listed(profile.get("max_input_tokens"))
        self.room = self._known.tokens
        self._model = model
        self._first_seconds = first_seconds or stall_seconds
        self._stall_seconds = stall_seconds
        self._close = close
        self._limit = limit
        self._thinking = {"think_block": think_block, "begun": begun}
        self._usage_grows = usage_grows
        self.traced = False
        """Whether LangSmith may trace the requests, as its own variables (`LANGSMITH_…`) say."""
        self._whole_words = whole_words
        self._change = change
        self._form = form
        if type(model).bind_tools is BaseChatModel.bind_tools:
            self.tools = False

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """See `Provider.generate`. A transport's error after the finish reason is only logged."""
        relay = Relay(callbacks, run_id)
        listener = _Listener(relay, Decoder(**self._thinking))
        decoder = Decoder(**self._thinking)
        form = self._form
        kept = GoesBack(self.name, generation, decoder.calls, reasoning=form.reasoning)
        reader = _ChunkReader(
            generation,
            decoder,
            kept,
            keep=form.keep,
            usage_grows=self._usage_grows,
            whole_words=self._whole_words,
        )
        # In this order, whatever happens: read, flush what was held back, then tell the callbacks
        # the end or the error. A cancel passes through here too, hence `BaseException`.
        try:
            try:
                with tracing_context(enabled=None if self.traced else False):
                    reading = self._read_either(request, run_id, listener, reader)
                    await whole(generation, reading, self.name, request)
            finally:
                is_whole = generation.finish_reason == "stop"
                reader.flush(whole=is_whole)
                await listener.flush(whole=is_whole)
            if request.tools:
                settle(generation, kept, request, run_id)
        except BaseException as error:
            self._learn(generation, error)
            await relay.fail(error)
            raise
        self._learn(generation)
        await relay.end(generation)

    async def aclose(self) -> None:
        """Closes the model's HTTP client if it is ours."""
        if self._close is not None:
            await self._close()

    def _stream(
        self, request: Request, run_id: UUID, listener: _Listener
    ) -> AsyncGenerator[AIMessageChunk]:
        more = self._tool_options(request)
        if self._limit is not None and request.max_tokens is not None:
            more[self._limit] = request.max_tokens
        stream = self._model.astream(
            self._form.messages(request),
            config={"run_id": run_id, "callbacks": [listener]},
            **more,
        )
        # LangChain types it as an iterator, but it is a generator, and only `aclose` frees the
        # connection at once.
        return cast("AsyncGenerator[AIMessageChunk]", stream)

    def _tool_options(self, request: Request) -> dict[str, Any]:
        """The arguments for a request's tools; raises a `ProviderError` if the class takes none."""
        if not request.tools and not any(turn.calls for turn in request.turns):
            return {}
        if self._form.options is not None:
            return self._form.options(request)
        if not request.tools:
            return {}
        try:
            bound: Any = self._model.bind_tools(tool_specs(request.tools))
        except NotImplementedError as error:
            raise failure("tools_refused", {"model": self.name}) from error
        return dict(bound.kwargs)

    async def _read_either(
        self, request: Request, run_id: UUID, listener: _Listener, reader: _ChunkReader
    ) -> None:
        """Reads an answer, by the other protocol if the service knows the model only there.

        If the service doesn't have the other protocol either, the first refusal is raised.
        """
        try:
            await self._read(self._stream(request, run_id, listener), reader)
        except Exception as refusal:
            if self._change is None or cause_of(refusal) != "responses_only":
                raise
            change, self._change = self._change, None
            change()
            try:
                await self._read(self._stream(request, run_id, listener), reader)
            except Exception as error:
                if cause_of(error) != "path_unknown":
                    raise
                raise refusal from error

    async def _read(self, stream: AsyncGenerator[AIMessageChunk], reader: _ChunkReader) -> None:
        bounds = Bounds(self._first_seconds, self._stall_seconds, TRAILER_SECONDS)
        async with aclosing(stream), AnswerPatience(bounds, reader.generation) as patience:
            async for chunk in stream:
                reader.take(chunk)
                patience.took()


class _Listener(AsyncCallbackHandler):
    """The only callback that LangChain gets; it passes the pieces on to the relay."""

    # In the reader's own task: LangChain would make one for each call.
    run_inline = True

    def __init__(self, relay: Relay, decoder: Decoder) -> None:
        self._relay = relay
        self._decoder = decoder
        self._heard = False
        self._begun = False

    async def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **_kwargs: Any
    ) -> None:
        if not self._begun:  # asking by a second protocol is still the same question
            self._begun = True
            await self._relay.start(serialized, messages)

    async def on_llm_new_token(
        self,
        token: Content,
        *,
        chunk: GenerationChunk | ChatGenerationChunk | None = None,
        **_kwargs: Any,
    ) -> None:
        self._heard = True
        if isinstance(chunk, ChatGenerationChunk):
            await self._relay.tokens(self._decoder.message(chunk.message))
        else:
            await self._relay.tokens(self._decoder.content(token))

    async def on_llm_end(self, response: LLMResult, **_kwargs: Any) -> None:
        """Takes the whole answer of a model that can't stream: it sends no tokens."""
        answers = [] if self._heard else response.generations[0]
        for answer in answers:
            if isinstance(answer, ChatGeneration):
                await self._relay.tokens(self._decoder.message(answer.message))

    async def flush(self, *, whole: bool) -> None:
        """The stream is over."""
        await self._relay.tokens(self._decoder.flush(whole=whole))


class _ChunkReader:
    """Fills a `Generation` from the stream's chunks, independently of the callbacks."""

    def __init__(
        self,
        generation: Generation,
        decoder: Decoder,
        kept: GoesBack,
        *,
        keep: Callable[[AIMessageChunk, GoesBack], None],
        usage_grows: bool,
        whole_words: frozenset[str],
    ) -> None:
        self.generation = generation
        self._decoder = decoder
        self._kept = kept
        self._keep = keep
        self._usage_grows = usage_grows
        self._whole_words = whole_words

    def take(self, chunk: AIMessageChunk) -> None:
        """Takes a chunk: its text, model, finish reason and usage."""
        self._keep(chunk, self._kept)
        if isinstance(chunk.content, list):
            self.generation.files += (f for f in files_in(chunk.content) if self._is_new(f))
        self._add(self._decoder.message(chunk))
        metadata = chunk.response_metadata
        model = metadata.get("model_name") or metadata.get("model")
        if isinstance(model, str):
            self.generation.model = model
        if (metadata.get("prompt_feedback") or {}).get("block_reason"):
            raise by_code("content_filter")  # how Google's filter refuses a question
        finish.ended(self.generation, _finish_word(metadata), self._whole_words)
        if chunk.usage_metadata:
            self._count(chunk.usage_metadata)

    def _is_new(self, file: MadeFile) -> bool:
        """Whether no earlier block had it: some classes tell an image twice."""
        return all(each.base64 != file.base64 for each in self.generation.files)

    def flush(self, *, whole: bool) -> None:
        """The stream is over."""
        self._add(self._decoder.flush(whole=whole))

    def _add(self, pieces: list[TextDelta]) -> None:
        for kind, text in pieces:
            self.generation.add(text, kind)
            if kind == "reasoning":
                self._kept.think(text)

    def _count(self, usage: UsageMetadata) -> None:
        """Replaces the usage if chunks have the total so far, or adds each chunk's share."""
        before = (None if self._usage_grows else self.generation.usage) or Usage(0, 0)
        details = usage.get("input_token_details") or {}
        self.generation.usage = Usage(
            before.input_tokens + usage["input_tokens"],
            before.output_tokens + usage["output_tokens"],
            before.cached_input_tokens + (details.get("cache_read") or 0),
        )


def _finish_word(metadata: dict[str, Any]) -> Any:
    """The service's word for why the answer ended; None while it goes on."""
    details = metadata.get("incomplete_details")
    if isinstance(details, dict) and details.get("reason"):
        return details["reason"]
    if metadata.get("object") == "response":
        return metadata.get("status")
    names = ("finish_reason", "stop_reason", "done_reason")
    return next((word for name in names if (word := metadata.get(name))), None)


# A chat model given by its module and class.


def langchain_provider(
    path: str,
    *,
    options: Mapping[str, Any] | None = None,
    **shared: Unpack[SharedOptions],
) -> LangChainProvider:
    """`langchain:PACKAGE.MODULE:CLASS`, created with the keyword arguments in `options`.

    Raises `Unusable` if there is no such chat model, or it refuses the arguments.
    """
    chat = made(_class(path), options or {}, f"langchain:{path}")
    return LangChainProvider(
        chat,
        name=f"langchain:{path}",
        limit=None,  # each class has its own name for it, which users put into `options`
        **shared,
    )


def _class(path: str) -> type[BaseChatModel]:
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        known = {"model": f"langchain:{path}", "module": str(error.name)}
        raise Unusable(cause="module_missing", params=known) from error
    except AttributeError as error:
        known = {"model": f"langchain:{path}", "module": module, "name": name}
        raise Unusable(cause="class_missing", params=known) from error
    if not (isinstance(found, type) and issubclass(found, BaseChatModel)):
        known = {"model": f"langchain:{path}", "name": name}
        raise Unusable(cause="no_chat_model", params=known)
    return found
