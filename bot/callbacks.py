"""The callback handlers of a run: each token goes to the token log, to the reply and, where
LOG_TOKENS asks for it, to the bot's own log, through queues that keep one handler's delay from
the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

import structlog
from langchain_core.callbacks import AsyncCallbackHandler

from bot.words import Language, Sentence, small
from providers.base import ANSWER_KINDS, TokenKind

# A lane carries a run's tokens to one handler, and never makes the caller wait.
#
# The model's stream awaits its callbacks one after the other, so a handler that waits would hold
# up the model and every handler behind it. A token is handed to the handler at once, which costs
# no change of tasks. A handler that then waits goes on in the lane's own task, and what follows
# queues up behind it. Whatever the handler does, slow, raising or hanging, stays in its lane.


log = structlog.get_logger(__name__)

_TOKEN = "on_llm_new_token"  # noqa: S105 - a method's name

_Call = tuple[Any, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Remainder:
    """The rest of a call that was begun outside of a task and now waits for something."""

    call: Coroutine[Any, Any, None]
    waits_for: Any

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self.waits_for
        while True:
            try:
                try:
                    yield waits_for
                except BaseException as error:  # noqa: BLE001 - a cancel, most of all: the call's
                    waits_for = self.call.throw(error)
                else:
                    waits_for = self.call.send(None)
            except StopIteration:
                return


class Lane(AsyncCallbackHandler):
    """Hands every token on to `handler`, in order, without ever making the caller wait.

    A model's start and end are not passed on: no handler here needs them.
    """

    run_inline = True

    def __init__(self, handler: AsyncCallbackHandler, name: str) -> None:
        self.name = name
        self.fault: str | None = None
        """What went wrong with the handler first, or None."""
        self._handler = handler
        self.reads_chunks = getattr(handler, "reads_chunks", True)
        """Whether the handler wants LangChain's chunk beside each token."""
        self._calls: deque[_Call] = deque()
        self._begun: _Remainder | None = None
        self._busy = False
        self._wake = asyncio.Event()
        self._finished = False
        self._task = asyncio.create_task(self._carry(), name=f"lane {name}")

    async def on_chat_model_start(self, *_args: Any, **_kwargs: Any) -> None:
        """Does nothing; without it LangChain would format the messages for `on_llm_start`."""

    async def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Gives the handler a token now; if it waits, the lane's task goes on with it."""
        if self._finished:
            return
        if self._busy or self._calls:
            self._calls.append((token, {"run_id": run_id, **kwargs}))
            self._wake.set()
            return
        call = self._handler.on_llm_new_token(token, run_id=run_id, **kwargs)
        try:
            waits_for = call.send(None)
        except StopIteration:
            return
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - see `_guard`
            self._blame(f"{_TOKEN} raised {type(error).__name__}")
        else:
            self._begun, self._busy = _Remainder(call, waits_for), True
            self._wake.set()

    def close(self) -> None:
        """Takes no further tokens."""
        self._finished = True
        self._wake.set()

    async def finish(self, timeout: float) -> None:
        """Waits until the handler has had everything, at most `timeout` seconds, and ends it."""
        self.close()
        _, late = await asyncio.wait({self._task}, timeout=timeout)
        if late:
            self._blame(f"hung: {len(self._calls)} callbacks were waiting after {timeout:g} s")
            self._task.cancel()

    async def _carry(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._begun is not None:
                await self._guard(self._begun)
                self._begun = None
            while self._calls:
                self._busy, (token, kwargs) = True, self._calls.popleft()
                await self._guard(self._handler.on_llm_new_token(token, **kwargs))
            self._busy = False
            if self._finished:
                return

    async def _guard(self, call: Awaitable[None]) -> None:
        try:
            await call
        except Exception as error:  # noqa: BLE001 - a handler may fail in any way; it is reported
            self._blame(f"{_TOKEN} raised {type(error).__name__}")

    def _blame(self, fault: str) -> None:
        if self.fault is None:
            self.fault = fault
            log.error("handler.failed", handler=self.name, fault=fault)


# Token -> the token log.


class TokenSink(Protocol):
    """Where tokens are recorded; `add` never waits."""

    def add(self, run_id: UUID, seq: int, at_us: int, text: str, kind: TokenKind) -> None:
        """Takes one token: its number in the run, and microseconds since the run's start."""
        ...


class RecordingHandler(AsyncCallbackHandler):
    """Appends each token of a run to the token log."""

    run_inline = True
    reads_chunks = False

    def __init__(self, run_id: UUID, tokens: TokenSink, elapsed_us: Callable[[], int]) -> None:
        self._run_id = run_id
        self._tokens = tokens
        self._elapsed_us = elapsed_us
        self._seq = 0
        self.first_token_us: int | None = None
        """When the first token came, in microseconds since the run's start."""

    @property
    def handed_on(self) -> int:
        """Tokens that the log was given."""
        return self._seq

    async def on_llm_new_token(
        self, token: Any, *, kind: TokenKind = "text", **_kwargs: Any
    ) -> None:
        """Records one token under the run's id, whatever id the caller's own run has."""
        at_us = self._elapsed_us()
        if self.first_token_us is None:
            self.first_token_us = at_us
            log.info("run.first_token", after_us=at_us)
        self._tokens.add(self._run_id, self._seq, at_us, token, kind)
        self._seq += 1


# Token -> the reply's buffer.


Reasoning = Literal["hidden", "summary", "shown"]
"""What the reader sees of a model's reasoning: nothing, how long it took, or all of it."""

SEAM = Sentence("answer.seam")


class Buffer(Protocol):
    """What grows on the reader's screen; nothing here ever waits."""

    def append(self, text: str) -> None:
        """Takes the answer's next characters."""
        ...

    def mark(self, text: str) -> None:
        """Puts a line of ours where the answer has got to."""
        ...

    def think(self, text: str) -> None:
        """Takes the next characters of what is shown before the answer."""
        ...


class DeliveryHandler(AsyncCallbackHandler):
    """Tells a reply what a model said: its answer, and what of the rest the reader is to see.

    `elapsed_us` gives microseconds since the run began.
    """

    run_inline = True
    reads_chunks = False

    def __init__(
        self,
        reply: Buffer,
        elapsed_us: Callable[[], int],
        reasoning: Reasoning = "hidden",
        language: Language = Language.ENGLISH,
    ) -> None:
        self._language = language
        self._reply = reply
        self._elapsed_us = elapsed_us
        self._reasoning = reasoning
        self._answering = reasoning == "hidden"
        self._thinks_since_us: int | None = None

    async def on_llm_new_token(
        self, token: Any, *, kind: TokenKind = "text", **_kwargs: Any
    ) -> None:
        """Delivers a token, whatever its kind; never waits."""
        if kind in ANSWER_KINDS:
            if not self._answering:
                self._begin()
            self._reply.append(token)
        elif kind == "seam":
            self._reply.mark(small(SEAM, self._language))
        elif kind == "note":
            self._reply.mark(token)
        elif kind == "reasoning" and not self._answering:
            self._think(token)

    def _think(self, text: str) -> None:
        if self._thinks_since_us is None:
            self._thinks_since_us = self._elapsed_us()
        if self._reasoning == "shown":
            self._reply.think(text)

    def _begin(self) -> None:
        """The answer begins: what was thought until now is all that is shown of it."""
        self._answering = True
        if self._reasoning == "summary" and self._thinks_since_us is not None:
            seconds = max(1, round((self._elapsed_us() - self._thinks_since_us) / 1_000_000))
            thought = Sentence("answer.thought", {"seconds": seconds})
            self._reply.mark(small(thought, self._language))


# Token -> the bot's own log.


class TokenLines(AsyncCallbackHandler):
    """Writes a line for each token of a run; its text only where texts may be logged."""

    run_inline = True
    reads_chunks = False

    def __init__(self, run_id: UUID, elapsed_us: Callable[[], int], *, text: bool) -> None:
        self._run_id = str(run_id)
        self._elapsed_us = elapsed_us
        self._text = text
        self._seq = 0

    async def on_llm_new_token(
        self, token: Any, *, kind: TokenKind = "text", **_kwargs: Any
    ) -> None:
        """Writes one line: the token's number, when it came, its kind and its length."""
        said = {"text": token} if self._text else {}
        log.info(
            "token",
            run_id=self._run_id,
            seq=self._seq,
            at_us=self._elapsed_us(),
            kind=kind,
            length=len(token),
            **said,
        )
        self._seq += 1


# The handlers of one run.


class RunHandlers:
    """The callbacks of one run, each in a lane of its own.

    `lines`: whether each token gets a line in the bot's own log; `text`: with its text.
    """

    def __init__(
        self,
        run_id: UUID,
        elapsed_us: Callable[[], int],
        *,
        tokens: TokenSink,
        reply: Buffer,
        reasoning: Reasoning,
        lines: bool,
        text: bool,
        language: Language = Language.ENGLISH,
    ) -> None:
        self.recorder = RecordingHandler(run_id, tokens, elapsed_us)
        self.recording = Lane(self.recorder, "recording")
        delivery = DeliveryHandler(reply, elapsed_us, reasoning, language)
        self.delivery = Lane(delivery, "delivery")
        self.others: list[Lane] = []
        """Lanes that neither the record nor the screen depends on."""
        if lines:
            self.others.append(Lane(TokenLines(run_id, elapsed_us, text=text), "token lines"))
        self.lanes = [self.recording, self.delivery, *self.others]
        """All of them, in the order in which they get each token."""
