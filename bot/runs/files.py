"""The files of one run, from where they are made to the receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from bot.attachments.blocks import long_blocks
from bot.attachments.out import AnswerFileLimits, decoded, media_type_of, named
from bot.reply import Reply, not_shown
from bot.store import AnswerFiles, FileRow, StoreUnavailable
from bot.tools import made_file
from bot.words import Sentence, render
from connectors.base import AnswerFile
from providers.base import MadeFile

log = structlog.get_logger(__name__)

_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class FileProof:
    """One file on the receipt: its size in bytes and its hash as it was made, recorded and shown.

    `recorded` is the hash of what the store has, `shown` that of what the platform hands out; each
    is None where there is none.
    """

    name: str
    size: int
    generated: str | None
    recorded: str | None
    shown: str | None
    state: str
    reason: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the same was made, recorded and read back."""
        return self.generated == self.recorded == self.shown is not None

    @property
    def unproven(self) -> bool:
        """Whether nobody can say what readers get."""
        return self.state == "uncertain" or (self.state == "shown" and self.shown is None)


class RunFiles:
    """Keeps a run's files as they are made, and proves what became of them."""

    def __init__(self, run_id: UUID, store: AnswerFiles, limits: AnswerFileLimits) -> None:
        self._run_id = run_id
        self._store = store
        self._limits = limits
        self.made: list[FileRow] = []
        """All of them, as they were kept."""
        self.proofs: tuple[FileProof, ...] = ()
        """What became of each, once they were sent."""
        self._taken = 0

    async def keep(self, files: Sequence[AnswerFile]) -> list[FileRow]:
        """Keeps what was made, before anybody is told of it. Raises `StoreUnavailable`."""
        kept = []
        for file in files:
            row = await self._store.keep(
                self._run_id, file, self._limits.most, self._limits.most_bytes
            )
            self.made.append(row)
            log.info("file.made", n=row.n, size=row.size, state=row.state)
            kept.append(row)
        return kept

    async def take(self, made: Sequence[MadeFile]) -> list[Sentence]:
        """Keeps what a model has made since it was asked last; the lines that stand for it."""
        new, self._taken = made[self._taken :], len(made)
        return await self._lines([_file(each) for each in new])

    async def blocks(self, text: str, most: int) -> list[Sentence]:
        """Keeps the answer's blocks of more than `most` characters; the lines that say so."""
        return await self._lines(list(long_blocks(text, most)))

    async def _lines(self, files: Sequence[AnswerFile]) -> list[Sentence]:
        lines = []
        for file in files:
            try:
                lines += [made_file(row) for row in await self.keep([file])]
            except StoreUnavailable as error:
                log.error("file.not_kept", error=str(error))
                why = Sentence("out.not_kept")
                lines.append(Sentence("out.not_shown", {"name": file.name, "why": why}))
        return lines

    async def send(self, reply: Reply, within: float) -> tuple[str, ...]:
        """Shows the files below the answer, once that stands, and proves what became of them.

        Takes at most about `within` seconds; the lines for the reader of what is not shown.
        """
        rows = await reply.attach(self.made, self._store, min(within, _DEADLINE_S))
        self.proofs = tuple(
            [await proof(self._store, self._run_id, row, row.sha256) for row in rows]
        )
        missing = (line for line in map(not_shown, rows) if line is not None)
        return tuple(render(line, reply.language) for line in missing)


def _file(made: MadeFile) -> AnswerFile:
    """What a model made as a file of the answer; what is no base64 is an empty one, and told."""
    media_type = media_type_of(made.media_type)
    stem = media_type.partition("/")[0] if made.media_type else "file"
    name = named(made.name or stem, media_type)
    return AnswerFile.of(name, media_type, decoded(made.base64) or b"")


async def proof(store: AnswerFiles, run_id: UUID, row: FileRow, generated: str | None) -> FileProof:
    """What is known of one file; its recorded content is hashed again."""
    try:
        content = await store.content(run_id, row.sha256)
    except StoreUnavailable as error:
        log.warning("file.not_read", n=row.n, error=str(error))
        content = None
    recorded = None if content is None else hashlib.sha256(content).hexdigest()
    return FileProof(
        row.name, row.size, generated, recorded, row.shown_sha256, row.state, row.reason
    )


def of_files(files: Sequence[FileProof]) -> Sentence:
    """The files in the small print."""
    count = Sentence("count.file" if len(files) == 1 else "count.files", {"count": len(files)})
    if all(file.whole for file in files):
        return Sentence("files.whole", {"count": count})
    recorded = sum(file.recorded is not None for file in files)
    shown = sum(file.whole for file in files)
    return Sentence("files.partly", {"count": count, "recorded": recorded, "shown": shown})
