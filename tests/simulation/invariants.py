"""The promise: what has to hold after each step, and at the end."""

from __future__ import annotations

import re
from collections import defaultdict
from uuid import UUID

from sqlalchemy import select

from bot.intake import notices
from bot.runs import Run, outcomes
from bot.store import RunEnd, RunRow
from bot.store.runs import run_of
from bot.store.schema import inbox, runs, tokens
from bot.store.schema import messages as noted
from bot.words import Sentence, english
from connectors.base import Asked, MessageRef, Place
from connectors.memory import BOT, PostedMessage
from tests.simulation.people import People
from tests.simulation.world import World

_WORD = re.compile(r"q\d+w\d+\.")
_FENCE = re.compile(r"`{3,}\w*")
_CUT = english(Sentence("shown.in_part"))
_OUTCOMES = {outcome.value for outcome in outcomes.Outcome}


class Invariants:
    """Judges what people see, and what the store says of it."""

    def __init__(self, world: World, people: People) -> None:
        self._world = world
        self._people = people
        self._most: dict[UUID, int] = {}

    # After each step.

    def after_effect(self) -> None:
        """The screen has changed: no answer shows less than before, none is there twice."""
        for run_id, messages in self._by_run().items():
            self._never_shrinks(run_id, messages)
            self._posted_once(run_id, messages)
        if self._world.plan.policy != "parallel":
            self._one_answers()

    def _one_answers(self) -> None:
        """In a conversation one process answers at a time.

        One that could not beat is excused: others had to take it for dead.
        """
        answering: defaultdict[Place, set[int]] = defaultdict(set)
        for process in self._world.processes:
            if process.number not in self._world.watch.dead and process.cluster.heartbeat.calm:
                for run in process.runs.active:
                    answering[run.question.asked.message.place].add(process.number)
        for place, numbers in answering.items():
            if len(numbers) > 1:
                self._breach(f"side by side: {sorted(numbers)} answer in {place.channel}")

    def _never_shrinks(self, run_id: UUID, messages: list[PostedMessage]) -> None:
        if any(message.deleted for message in messages):
            return
        texts = [_FENCE.sub("", message.text).strip() for message in messages]
        # A word that is parted between two messages can be read there all the same.
        shown = len({word for text in (*texts, "".join(texts)) for word in _WORD.findall(text)})
        before = self._most.get(run_id, 0)
        if shown < before:
            self._breach(f"shrinks: {run_id} showed {before} words, now {shown}")
        self._most[run_id] = max(shown, before)

    def _posted_once(self, run_id: UUID, messages: list[PostedMessage]) -> None:
        """Nobody can know of a message that was deleted before it was noted that it was posted."""
        first = [(message, message.versions[0].part) for message in messages]
        indexes = [part.index for message, part in first if part is not None]
        if len(set(indexes)) < len(indexes):
            known = self._noted(run_id)
            kept = [(m, p) for m, p in first if not m.deleted or m.ref.id in known]
            indexes = [part.index for _, part in kept if part is not None]
        if len(set(indexes)) < len(indexes):
            self._breach(f"posted twice: {run_id} has the parts {indexes}")

    def _by_run(self) -> dict[UUID, list[PostedMessage]]:
        found: defaultdict[UUID, list[PostedMessage]] = defaultdict(list)
        for message in self._world.platform.messages.values():
            if message.author == BOT and message.part is not None and message.part.run_id:
                found[message.part.run_id].append(message)
        return found

    # At each verdict.

    def at_verdict(self, number: int, run_id: UUID, verdict: str) -> None:
        """A process has compared: `verified` and `mended` say what people can read right now.

        Of a deletion that it has not heard of yet it can know nothing, nor of a message that was
        deleted before any process had noted it.
        """
        if verdict not in ("verified", "mended"):
            return
        run = self._run(number, run_id)
        if run is None:
            return
        messages = self._by_run().get(run_id, [])
        parts = set(run.reply.state.refs)
        deleted = {message.ref for message in messages if message.deleted} & parts
        if any((number, ref) in self._people.heard for ref in deleted):
            self._breach(f"receipt: {run_id} is {verdict}, and its answer was deleted before")
        generated = run.generation.text
        shown = "\n".join(message.text for message in messages if not message.deleted)
        if not deleted and _plain(generated) != _plain(shown):
            self._breach(f"receipt: {run_id} is {verdict}: {shown!r} is shown of {generated!r}")

    def _run(self, number: int, run_id: UUID) -> Run | None:
        """The run, as the process that makes it has it; None once it has let it go."""
        runs = self._world.processes[number - 1].runs.active
        return next((run for run in runs if run.id == run_id), None)

    # At the end.

    def at_the_end(self) -> None:
        """All has come to rest."""
        rows = self._rows()
        by_run = self._by_run()
        self._nothing_is_open(rows)
        for row in rows:
            self._judge(row, by_run.get(row.run_id, []))
        known = {row.run_id for row in rows}
        for run_id, messages in by_run.items():
            # Of an answer that was deleted before anything of it was recorded nothing is left.
            if run_id not in known and not all(message.deleted for message in messages):
                self._breach(f"no run: {run_id} has messages and no row")
        self._answered(rows, by_run)
        if self._world.platform.overlaps:
            self._breach("overlap: two edits of one message at once")

    def _nothing_is_open(self, rows: list[RunRow]) -> None:
        for row in rows:
            if row.end is None:
                self._breach(f"open: {row.run_id} has not ended")
            elif row.end.outcome not in _OUTCOMES:
                self._breach(f"outcome: {row.run_id} ended {row.end.outcome!r}")
        for message in self._world.platform.messages.values():
            if self._left_unfinished(message):
                self._breach(f"writing: message {message.ref.id} looks unfinished")
        for process in self._world.living:
            if process.store.journal.pending or process.runs.active or process.intake.waiting:
                self._breach(f"pending: p{process.number} has not come to rest")

    def _left_unfinished(self, message: PostedMessage) -> bool:
        """Whether it offers to stop its answer, and the platform would let that be taken away."""
        stands = message.author == BOT and message.writing and not message.deleted
        return stands and not self._world.refusals.for_ever(message.ref)

    def _judge(self, row: RunRow, messages: list[PostedMessage]) -> None:
        if row.end is None:
            return
        name = f"{row.run_id} ({row.end.outcome}, {row.end.verdict})"
        generated, recorded = row.end.generated_text, self._recorded(row.run_id)
        if row.end.outcome in ("complete", "length"):
            texts = self._world.scripts.texts.get(row.run_id, [])
            if generated not in texts and generated not in _in_a_row(texts):
                self._breach(f"cut: {name} is not what the model said: {generated!r} / {texts}")
        if row.end.verdict == "verified" and generated != recorded:
            self._breach(f"receipt: {name}: the log has {len(recorded)} of {len(generated)}")
        if row.end.outcome == "complete" and generated in self._world.scripts.odd:
            self._breach(f"whole: {name} was ended with a word that nobody knows")
        told = self._told(row.run_id)
        denied = row.run_id in self._world.watch.denied
        self._not_lost(name, row.end, messages, told=told, denied=denied)
        if not any(message.deleted for message in messages):
            self._shown(name, row.end, messages, recorded, told=told)

    def _told(self, run_id: UUID) -> bool:
        """Whether the asker alone was told of a run, once, or else the operator."""
        whispers = self._world.platform.whispers
        texts = [text for key, (_, text) in whispers.items() if key.startswith(f"{run_id}:")]
        if len(set(texts)) < len(texts):
            self._breach(f"told twice: the asker of {run_id} was told {texts}")
        return bool(texts) or run_id in self._world.watch.untold

    def _not_lost(
        self, name: str, end: RunEnd, messages: list[PostedMessage], *, told: bool, denied: bool
    ) -> None:
        """What can't be shown is told, below what stands or to the asker alone, where that goes."""
        if end.outcome != "undeliverable":
            if end.verdict == "broken":
                self._breach(f"broken: {name}: {end.receipt}")
            return
        if not denied and "not shown within" not in (end.error or ""):
            self._breach(f"given up: {name}, and no message of it was refused: {end.error}")
        if not told and not (messages and _marked(messages)):
            self._breach(f"silent: {name} was not shown, and nobody was told")

    def _shown(
        self, name: str, end: RunEnd, messages: list[PostedMessage], recorded: str, *, told: bool
    ) -> None:
        """What nobody deleted shows all that is known of the answer, and how it ended."""
        shown = "\n".join(message.text for message in messages)
        if end.verdict == "verified" and _plain(end.generated_text) != _plain(shown):
            self._breach(f"receipt: {name}: shown {shown!r}, generated {end.generated_text!r}")
        if end.outcome != "complete" and not (told or _marked(messages)):
            self._breach(f"unmarked: {name} ends without a note: {shown!r}")
        whole = any(read(shown).startswith(read(recorded)) for read in (_plain, _joined))
        # A passage may stand twice where a message did not give it up: that is no less.
        whole = whole or _once(messages).startswith(_plain(recorded))
        if end.outcome == "interrupted" and not (whole or told or _CUT in shown):
            self._breach(f"interrupted: {name} shows less than was recorded")

    def _answered(self, rows: list[RunRow], by_run: dict[UUID, list[PostedMessage]]) -> None:
        """Each question that was acknowledged has one answer, unless it was taken back."""
        kept = self._kept()
        for request in self._people.requests:
            event = request.event
            if not isinstance(event, Asked) or not request.kept:
                continue
            mine = [r for r in rows if r.start.question_id == event.message.id]
            asked = [r for r in mine if r.start.kind == "ask"]
            if len(asked) > 1 and event.message not in self._people.withdrawn:
                self._breach(f"twice: question {event.message.id} has {len(asked)} answers")
            if not mine and not self._excused(event.message):
                self._breach(f"lost: question {event.message.id} was never answered")
            if (event.message.id, "waiting") in kept:
                self._breach(f"lost: question {event.message.id} still waits in the inbox")
        for row in rows:
            seen = by_run.get(row.run_id)
            told = self._told(row.run_id)
            if (
                not (seen or told or self._unwanted(row))
                and row.end
                and row.end.outcome != "undeliverable"
            ):
                self._breach(f"unseen: {row.run_id} ({row.end.outcome}) shows nothing")

    def _unwanted(self, row: RunRow) -> bool:
        """Begun by a process that died; stopped by its asker, or replaced by a newer question of
        which they are told, while it waited to begin again. Where the platform refuses to tell
        them, the operator is told."""
        withdrawn = {message.id for message in self._people.withdrawn}
        unseen = row.end is not None and (row.end.outcome, row.end.verdict) == ("stopped", None)
        asked = row.start.question_id
        refused = None in self._world.watch.denied
        return unseen and (asked in withdrawn or refused or self._replaced(asked))

    def _replaced(self, question_id: str) -> bool:
        """Whether the asker was told that a newer question took the place of this one."""
        parts = (m.versions[0].part for m in self._world.platform.messages.values() if m.versions)
        return any(
            part.text == english(notices.REPLACED) and part.about.id == question_id
            for part in parts
            if part is not None and part.about is not None
        )

    def _excused(self, message: MessageRef) -> bool:
        return message in self._people.withdrawn or self._world.plan.policy == "replace"

    # The store, read as it is.

    def _rows(self) -> list[RunRow]:
        with self._world.database._engine.connect() as connection:
            found = connection.execute(select(runs).order_by(runs.c.started_us)).mappings()
            return [run_of(row) for row in found]

    def _recorded(self, run_id: UUID) -> str:
        query = select(tokens.c.text).where(
            tokens.c.run_id == str(run_id), tokens.c.kind.in_(["text", "refusal"])
        )
        with self._world.database._engine.connect() as connection:
            return "".join(connection.scalars(query.order_by(tokens.c.seq)))

    def _noted(self, run_id: UUID) -> set[str]:
        query = select(noted.c.message_id).where(noted.c.run_id == str(run_id))
        with self._world.database._engine.connect() as connection:
            return set(connection.scalars(query))

    def _kept(self) -> set[tuple[str, str]]:
        with self._world.database._engine.connect() as connection:
            found = connection.execute(select(inbox.c.message_id, inbox.c.state))
            return {(message_id, state) for message_id, state in found}

    def _breach(self, what: str) -> None:
        if what not in self._world.watch.broken:
            self._world.watch.breach(what)


def _in_a_row(texts: list[str]) -> set[str]:
    """What a run says that called tools: the texts of several requests."""
    ends = range(1, len(texts) + 1)
    return {"".join(texts[begin:end]) for end in ends for begin in range(end)}


def _plain(text: str) -> str:
    """What is left of a text when white space, notes and fences are taken away."""
    text = "\n".join(line for line in text.split("\n") if not re.fullmatch(r"_.*[_…]|—|…", line))
    return re.sub(r"\s+", "", _FENCE.sub("", text))


def _once(messages: list[PostedMessage]) -> str:
    """What messages show, without what the beginning of one repeats of the end before it."""
    text = ""
    for message in messages:
        more = _plain(message.text)
        lengths = range(min(len(text), len(more)), 0, -1)
        twice = next((n for n in lengths if text.endswith(more[:n])), 0)
        text += more[twice:]
    return text


def _joined(text: str) -> str:
    """A text without its white space: the log may end within a fence, which is no mark yet."""
    return "".join(text.split())


def _marked(messages: list[PostedMessage]) -> bool:
    lines = [line for m in messages for line in m.text.split("\n")]
    return not messages or any(re.fullmatch(r"_.*[_…]", line) for line in lines)
