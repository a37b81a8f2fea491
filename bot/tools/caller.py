"""An approved call, made: the one way from `approved` to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from bot.attachments.out import files_in
from bot.store import (
    AskedCall,
    CallBinding,
    CallKey,
    CallResult,
    CallRow,
    CallState,
    CallStore,
    EndedCall,
    FileRow,
    StoreUnavailable,
)
from bot.store.call_rows import WAYS
from bot.tools.connection import CallDeclined, CallLost, CallNotSent, ServerDown
from bot.tools.policy import arguments_of, binding_of
from bot.tools.results import ToolAnswer, result_of
from bot.tools.servers import Servers
from bot.words import Sentence
from connectors.base import AnswerFile
from providers.base import Usage

log = structlog.get_logger(__name__)

OnEnd = Callable[[EndedCall], None]
"""Hears of each call's end."""
KeepFiles = Callable[[Sequence[AnswerFile]], Awaitable[list[FileRow]]]
"""Keeps what a call has made for the reader. Raises `StoreUnavailable`."""


@dataclass(frozen=True, slots=True)
class MadeCall:
    """What became of a call, as the record has it."""

    state: CallState
    result: CallResult | None = None
    """What the model is given; None where there is no answer."""
    reason: Sentence | None = None
    """Why there is none."""
    elsewhere: bool = False
    """Whether another step than this process's ended it."""
    files: Sequence[FileRow] = ()
    """What it made for the reader."""
    spent: tuple[str, Usage] | None = None
    """The model that was used for it, and what that took."""


class Caller:
    """Makes calls. Belongs to the running loop."""

    def __init__(self, store: CallStore, servers: Servers, on_end: OnEnd | None = None) -> None:
        self._store = store
        self._servers = servers
        self._on_end = on_end
        self._notes: set[asyncio.Task[None]] = set()
        self._making: dict[CallKey, Callable[[MadeCall], None]] = {}
        """The calls that are being made, and who is to hear of each one's end."""
        self._keeping: dict[CallKey, KeepFiles] = {}
        servers.on_late = self._late

    @property
    def servers(self) -> Servers:
        """The servers that are called."""
        return self._servers

    async def make(
        self,
        row: CallRow,
        epoch: int,
        sender: UUID | None = None,
        keep: KeepFiles | None = None,
    ) -> MadeCall:
        """Makes a call that is approved, at most once, and returns what the record says of it.

        `epoch` is that under which this process owns the run that makes the call (`sender`; None:
        the one that asked for it; see `CallStore.epoch`). Files in the answer are given to `keep`
        before the call counts as answered; None: they are named, and no more. It is `approved`
        still where another process owns the run by now: that one may make it. Raises
        `StoreUnavailable`: then nothing was sent, or an answer could not be kept and counts for
        nothing; the call stays where it is, and is `uncertain` once the run is taken over.
        """
        began = _now()

        def told(made: MadeCall) -> None:
            if not made.elsewhere:
                self.tell(row.asked, sender or row.key.run_id, made.state, _now() - began)

        self._making[row.key] = told
        if keep is not None:
            self._keeping[row.key] = keep
        try:
            made = await self._make(row, epoch, sender)
        finally:
            self._making.pop(row.key, None)
            self._keeping.pop(row.key, None)
        told(made)
        return made

    def tell(self, asked: AskedCall, run_id: UUID, state: CallState, seconds: float = 0.0) -> None:
        """Tells who watches of a call that has ended, if it has."""
        if self._on_end is not None and state not in WAYS:
            tool = asked.tool if asked.server else ""
            self._on_end(EndedCall(run_id, asked.call_id, asked.server, tool, state, seconds))

    async def aclose(self) -> None:
        """Ends the servers, and keeps what is still to be noted of their calls."""
        await self._servers.aclose()
        if self._notes:
            await asyncio.wait(set(self._notes))

    async def _make(self, row: CallRow, epoch: int, sender: UUID | None) -> MadeCall:
        server = {"server": row.asked.server}
        try:
            binding = await self._bound_now(row)
        except ServerDown:
            return await self._withdrawn(row.key, Sentence("tool.not_sent", server))
        if binding != row.asked.binding:
            return await self._withdrawn(
                row.key, Sentence("tool.changed", {"name": row.asked.tool})
            )
        if not await self._store.send(row.key, epoch, binding, sender):
            late, off = Sentence("tool.too_late"), Sentence("tool.off")
            if await self._store.expire(row.key, late):
                return MadeCall("withdrawn", reason=late)
            if await self._store.off():
                return await self._withdrawn(row.key, off)
            return await self._as_recorded(row.key)
        return await self._sent(row)

    async def _bound_now(self, row: CallRow) -> CallBinding | None:
        """What would be sent and to what, as it is at this moment."""
        asked = row.asked
        config = self._servers.config(asked.server)
        if config is None or asked.tool not in config.tools:
            return None
        # Somebody pressed, perhaps long after the tool was described to them: ask again.
        tool = await self._servers.tool(asked.server, asked.tool, fresh=row.approver is not None)
        return None if tool is None else binding_of(asked.arguments, config, tool)

    async def _sent(self, row: CallRow) -> MadeCall:
        """Sends it: from here on the call ends as `answered`, `failed` or `uncertain`."""
        asked, key = row.asked, row.key
        server = {"server": asked.server}
        arguments = arguments_of(asked.arguments) or {}
        try:
            answer = await self._servers.call(asked.server, token_of(key), asked.tool, arguments)
        except CallNotSent:
            return await self._failed(key, Sentence("tool.not_sent", server))
        except CallDeclined as error:
            return await self._failed(key, Sentence("tool.error", server), str(error))
        except CallLost as error:
            return await self._lost(key, error.reason)
        except asyncio.CancelledError:
            # Kept before the cancel goes on; a second one leaves it to whoever takes the run over.
            reason = Sentence("tool.cancelled", server)
            losing = self._keep_lost(key, reason, self._making.get(key))
            await asyncio.shield(self._note(losing))
            raise
        return await self._answered(row, answer)

    async def _answered(self, row: CallRow, answer: ToolAnswer) -> MadeCall:
        config = self._servers.config(row.asked.server)
        files: Sequence[FileRow] = ()
        if (keep := self._keeping.get(row.key)) is not None and not answer.is_error:
            files = await keep(list(files_in(answer.content, row.asked.tool)))
        result = result_of(answer, config.output if config is not None else 0, files)
        if answer.is_error:
            reason = Sentence("tool.error", {"server": row.asked.server})
            return await self._failed(row.key, reason, result.text)
        if await self._store.answer(row.key, result):
            return MadeCall("answered", result, files=files, spent=answer.spent)
        await self._store.late(row.key, result)  # the run was taken over meanwhile
        return await self._as_recorded(row.key)

    async def _failed(self, key: CallKey, reason: Sentence, error: str = "") -> MadeCall:
        if await self._store.fail(key, reason, error[:_MOST_ERROR]):
            kept = error[:_MOST_ERROR]
            given = CallResult(kept, "", len(kept)) if error else None
            return MadeCall("failed", given, reason)
        return await self._as_recorded(key)

    async def _lost(self, key: CallKey, reason: Sentence) -> MadeCall:
        if await self._store.lose(key, reason):
            return MadeCall("uncertain", reason=reason)
        return await self._as_recorded(key)

    async def _keep_lost(
        self, key: CallKey, reason: Sentence, told: Callable[[MadeCall], None] | None
    ) -> None:
        try:
            made = await self._lost(key, reason)
        except StoreUnavailable as error:  # it is uncertain once the run is taken over
            log.error("tool.end_not_kept", error=str(error), n=key.n)
        else:
            if told is not None:
                told(made)

    async def _withdrawn(self, key: CallKey, reason: Sentence) -> MadeCall:
        if await self._store.withdraw(key, reason):
            return MadeCall("withdrawn", reason=reason)
        return await self._as_recorded(key)

    async def _as_recorded(self, key: CallKey) -> MadeCall:
        """What another step made of it."""
        row = await self._store.get(key)
        if row is None:
            return MadeCall("withdrawn", reason=Sentence("tool.ended"), elsewhere=True)
        return MadeCall(row.state, row.result, row.reason, elsewhere=True)

    def _late(self, token: str, answer: ToolAnswer) -> None:
        key = _key_of(token)
        log.info("tool.late", run_id=str(key.run_id), n=key.n)
        self._note(self._keep_late(key, answer))

    async def _keep_late(self, key: CallKey, answer: ToolAnswer) -> None:
        try:
            await self._store.late(key, result_of(answer, 0))
        except StoreUnavailable as error:
            log.warning("tool.late_not_kept", error=str(error))

    def _note(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)
        return task


def _now() -> float:
    return asyncio.get_running_loop().time()


_MOST_ERROR = 2_000
"""Characters of an error that are kept and given to the model."""


def token_of(key: CallKey) -> str:
    """What names a call to its server."""
    return f"{key.run_id}/{key.n}"


def _key_of(token: str) -> CallKey:
    run_id, _, n = token.partition("/")
    return CallKey(UUID(run_id), int(n))
