"""Brings the files of an answer to its platform: each once, read back, whatever becomes of the
platform's answers or of this process.

What a file is called on the platform is durable before anybody can see it. Where it is not known
whether it was shown, the platform is asked; where that can't tell, it is not sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Literal, TypeVar
from uuid import UUID

import structlog

from bot.reply.calls import PlatformCalls, answered
from bot.reply.ladder import is_final, pause_after
from bot.store import AnswerFiles, FileRow, StoreUnavailable
from bot.words import Sentence
from connectors.base import (
    AnswerFile,
    ConnectorError,
    FileStep,
    Gone,
    MessageRef,
    SendsFiles,
    SentFile,
    TooLarge,
    Unavailable,
    Unconfirmed,
)

log = structlog.get_logger(__name__)

_PAUSES_S = (0.5, 2.0, 8.0)
"""Between two tries to note something in the store."""

_Answer = TypeVar("_Answer")


class FileDelivery:
    """Shows the files of one answer with its last message."""

    def __init__(self, run_id: UUID, files: AnswerFiles, calls: PlatformCalls) -> None:
        self._run_id = run_id
        self._files = files
        self._calls = calls

    async def deliver(
        self, rows: Sequence[FileRow], ref: MessageRef | None, timeout: float
    ) -> list[FileRow]:
        """Shows what is not settled yet, and returns what became of each file.

        `ref` is None where no message of the answer stands. Takes at most `timeout` seconds.
        """
        by = asyncio.get_running_loop().time() + timeout
        return [row if row.settled else await self._settled(row, ref, by) for row in rows]

    async def _settled(self, row: FileRow, ref: MessageRef | None, by: float) -> FileRow:
        connector, kept = self._calls.connector, _Kept(self._run_id, row, self._files)
        if not isinstance(connector, SendsFiles):
            return await kept.end("refused", "out.nowhere")
        if ref is None:
            return await kept.end("refused", "out.no_answer")
        if row.size > connector.most_file_bytes(ref.place):
            return await kept.end("refused", "out.too_large_here")
        sending = _Sending(ref, connector, kept, self._calls)
        try:
            async with asyncio.timeout_at(by):
                content = await self._files.content(self._run_id, row.sha256)
                if content is None:
                    return await kept.end("refused", "out.gone")
                return await sending.send(content)
        except TimeoutError:
            return await sending.give_up("out.late")
        except StoreUnavailable as error:
            log.error("file.not_kept", n=row.n, error=str(error))
            return await sending.give_up("out.not_kept")
        except Exception:
            log.exception("file.bug")
            return await sending.give_up("out.refused")


class _Kept:
    """What the store knows of one file."""

    def __init__(self, run_id: UUID, row: FileRow, files: AnswerFiles) -> None:
        self.row = row
        self._run_id = run_id
        self._files = files

    async def uploaded(self, upload: str) -> None:
        """Notes what the platform calls it. Raises `StoreUnavailable`."""
        self.row = replace(self.row, state="uploaded", upload=upload)
        await self._files.note(self._run_id, self.row)

    async def end(self, state: Literal["refused", "uncertain"], reason: str) -> FileRow:
        """Notes that it is not shown, or perhaps not; `reason` is the id of a sentence."""
        log.warning("file.not_shown", n=self.row.n, state=state, reason=reason)
        return await self._ended(replace(self.row, state=state, reason=reason))

    async def shown(self, sent: SentFile) -> FileRow:
        """Notes that it is shown, and what was read back."""
        same = (sent.size, sent.sha256) == (self.row.size, self.row.sha256)
        log.info("file.shown", n=self.row.n, size=sent.size, same=same)
        return await self._ended(
            replace(self.row, state="shown", shown_size=sent.size, shown_sha256=sent.sha256)
        )

    async def _ended(self, row: FileRow) -> FileRow:
        """What the store doesn't take of an end is in the run's receipt all the same."""
        self.row = row
        for pause_s in (*_PAUSES_S, None):
            try:
                await self._files.note(self._run_id, row)
            except StoreUnavailable as error:
                if pause_s is None:
                    log.error("file.not_kept", n=row.n, error=str(error))
                    break
                await asyncio.sleep(pause_s)
            else:
                break
        return row


class _Sending:
    """One file on its way. `doubtful`: it may be shown, and that is not confirmed."""

    def __init__(
        self, ref: MessageRef, connector: SendsFiles, kept: _Kept, calls: PlatformCalls
    ) -> None:
        self._ref = ref
        self._connector = connector
        self._kept = kept
        self._calls = calls
        self._doubtful = kept.row.upload is not None

    async def send(self, content: bytes) -> FileRow:
        """Shows the file, and reads it back. Raises `StoreUnavailable`."""
        row = self._kept.row
        file = AnswerFile(row.name, row.media_type, content, row.sha256)
        tries = refusals = 0
        while True:
            try:
                return await self._kept.shown(await self._once(file))
            except ConnectorError as error:
                tries, refusals = tries + 1, refusals + is_final(error)
                log.warning("file.call_failed", n=row.n, error=str(error) or type(error).__name__)
                hopeless = isinstance(error, TooLarge | Gone)
                pause_s = None if hopeless else pause_after(error, tries, refusals)
                if pause_s is None:
                    return await self.give_up(_reason_of(error))
            await asyncio.sleep(pause_s)

    async def give_up(self, reason: str) -> FileRow:
        """It is not sent any more."""
        if self._doubtful:
            return await self._kept.end("uncertain", "out.unconfirmed")
        return await self._kept.end("refused", reason)

    async def _once(self, file: AnswerFile) -> SentFile:
        """Goes on from where it is known to be. Raises `ConnectorError`, `StoreUnavailable`."""
        ref, connector = self._ref, self._connector
        upload = self._kept.row.upload
        if upload is None:
            upload = await self._call("upload", lambda: connector.upload(ref, file))
            await self._kept.uploaded(upload)
        name = upload
        if self._doubtful and (sent := await self._read(file, name)) is not None:
            return sent
        await self._call("attach", lambda: self._attached(file, name))
        if (sent := await self._read(file, name)) is None:
            self._doubtful = False
            raise Unavailable("it was taken, and is not shown")
        return sent

    async def _attached(self, file: AnswerFile, upload: str) -> None:
        self._doubtful = True  # also where this is cancelled while the platform is at it
        try:
            await self._connector.attach(self._ref, file, upload)
        except Unconfirmed:
            raise
        except ConnectorError:
            self._doubtful = False
            raise

    async def _read(self, file: AnswerFile, upload: str) -> SentFile | None:
        connector, ref = self._connector, self._ref
        return await self._call("read", lambda: connector.attached(ref, file, upload))

    async def _call(self, step: FileStep, make: Callable[[], Awaitable[_Answer]]) -> _Answer:
        budget = self._connector.file_budget(self._ref.place, step)
        await self._calls.turn_in(budget)
        try:
            return await answered(make())
        except ConnectorError as error:
            self._calls.hold(budget, error)
            raise


def not_shown(row: FileRow) -> Sentence | None:
    """What a reader is told of a file that is not shown, or perhaps not; None of one that is."""
    if row.reason is None:
        return None
    id_ = "out.perhaps" if row.state == "uncertain" else "out.not_shown"
    return Sentence(id_, {"name": row.name, "why": Sentence(row.reason)})


def _reason_of(error: ConnectorError) -> str:
    """Why a file is not shown; the id of a sentence."""
    match error:
        case TooLarge():
            return "out.too_large_here"
        case Gone():
            return "out.no_answer"
        case Unavailable():
            return "out.late"
        case _:
            return "out.refused"
