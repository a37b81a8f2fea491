"""What has to hold of tool calls at the end, whoever died or stalled on their way."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from bot.store import CallRow, RunRow
from bot.store.call_rows import call_of
from bot.store.runs import run_of
from bot.store.schema import runs, tool_calls
from bot.tools.caller import token_of
from connectors.base import DECIDING
from connectors.memory import BOT
from tests.simulation.bell import RING, Bell
from tests.simulation.people import People
from tests.simulation.world import World

WAYS: Mapping[str, str] = {
    "": "asked",
    "asked": "refused waiting approved",
    "waiting": "approved denied lapsed withdrawn",
    "approved": "sending withdrawn",
    "sending": "answered failed uncertain",
}
"""Written once more, so that the bot's own list isn't taken for granted."""
_RANG = re.compile(r"rang (\S+)\.")
_STEPS = text("SELECT call, old, new, by, owner FROM steps ORDER BY rowid")


class CallInvariants:
    """Judges the record of calls against what the server did, and what people pressed."""

    def __init__(self, world: World, people: People, bell: Bell) -> None:
        self._world = world
        self._people = people
        self._bell = bell
        self._rows: dict[str, CallRow] = {}
        self._runs: dict[UUID, RunRow] = {}

    def at_the_end(self) -> None:
        """All has come to rest."""
        with self._world.database._engine.connect() as connection:
            calls = [call_of(row) for row in connection.execute(select(tool_calls)).mappings()]
            self._rows = {token_of(call.key): call for call in calls}
            found = connection.execute(select(runs)).mappings()
            self._runs = {row.run_id: row for row in map(run_of, found)}
            steps = connection.execute(_STEPS).all()
        for step in steps:
            self._went(*step)
        for token, count in self._bell.counted.items():
            self._done(token, count)
        for token, call in self._rows.items():
            self._ended(token, call)
        for run in self._runs.values():
            self._proven(run)
        self._nothing_asks()

    def _went(self, call: str, old: str, new: str, by: str | None, owner: str | None) -> None:
        """One step: an allowed one, and what is sent is sent by who owns the run just then."""
        if new not in WAYS.get(old, "").split():
            self._breach(f"way: {call} went from {old!r} to {new!r}")
        if new == "sending" and (by is None or by != owner):
            self._breach(f"owner: {call} was sent by a process that had lost its run")

    def _done(self, token: str, count: int) -> None:
        """What the server did: once, what was asked for, and what somebody allowed."""
        call = self._rows.get(token)
        if count > 1:
            self._breach(f"call twice: {token} was done {count} times")
        if call is None:
            self._breach(f"unrecorded: {token} was done")
            return
        asked = self._world.scripts.wanted[call.asked.call_id]
        if self._bell.arguments[token] != asked:
            self._breach(f"arguments: {token} was done with {self._bell.arguments[token]}")
        if call.state not in ("answered", "uncertain"):
            self._breach(f"denied: {token} is {call.state}, and was done")
        by_rule = call.rule_id is not None
        if call.asked.tool == RING and not by_rule and call.key.run_id not in self._people.allowed:
            self._breach(f"unasked: {token} was done, and nobody allowed it")

    def _ended(self, token: str, call: CallRow) -> None:
        """How the record says that it ended is how it ended."""
        if call.state in ("asked", "waiting", "approved", "sending"):
            self._breach(f"call left: {token} is {call.state}")
        if call.state == "answered" and not self._bell.counted[token]:
            self._breach(f"undone: {token} is answered, and was not done")
        if call.state == "uncertain" and not self._may_be_unknown(token):
            self._breach(f"doubt: {token} is uncertain ({call.reason}), and its end was known")
        allowed = call.times["approved_us"] is not None
        if allowed and call.state == "withdrawn" and not self._may_be_withdrawn(call):
            self._breach(f"uncalled: {token} was allowed and withdrawn: {call.reason}")

    def _may_be_unknown(self, token: str) -> bool:
        """It was lost, given up, or who heard of its end died or could not write it down."""
        by = self._bell.returned.get(token)
        return token in self._bell.unknown or by in self._world.watch.dead or not self._calm

    def _may_be_withdrawn(self, call: CallRow) -> bool:
        turns = {turn for _, turn in self._bell.calling.turns}
        reason = "" if call.reason is None else call.reason.id
        excused = {
            "tool.changed": bool(turns & {"tamper", "redescribe"}),
            "tool.off": self._people.switched,
            "tool.too_late": True,
            "tool.not_sent": False,
        }
        return excused.get(reason, self._stopped(call) or not self._calm)

    def _stopped(self, call: CallRow) -> bool:
        """Whether the run that was to make it did not come so far."""
        mine = [call.key.run_id, call.sender]
        follows = [r for r in self._runs.values() if r.start.parent_run_id in mine]
        candidates = follows or [r for r in self._runs.values() if r.run_id in mine]
        return any(
            r.end is None or r.end.outcome not in ("complete", "waiting") for r in candidates
        )

    @property
    def _calm(self) -> bool:
        """Whether every process could write down at once what it knew."""
        plan = self._world.plan
        away = any(act.startswith("database") for _, act in plan.acts)
        stalls = any(not strike.kills for strike in self._bell.calling.strikes) or any(
            turn == "stall" for _, turn in self._bell.calling.turns
        )
        return not (plan.store_odds or plan.slow_store_odds or away or stalls)

    def _proven(self, run: RunRow) -> None:
        """A receipt counts as the record does; what was answered is what the model was given."""
        sent = [c for c in self._rows.values() if c.sender == run.run_id]
        answered = {token_of(c.key) for c in sent if c.state == "answered"}
        told = set(_RANG.findall(self._world.scripts.given.get(run.run_id, "")))
        if unknown := told - {t for t, c in self._rows.items() if c.state == "answered"}:
            self._breach(f"given: {run.run_id} was given {unknown}, which the record has not")
        if run.end is None or run.end.receipt is None or run.end.verdict != "verified":
            return
        counted: Mapping[str, Any] = run.end.receipt.get("calls") or {}
        again = any(self._bell.returned.get(token) in self._world.watch.dead for token in answered)
        if counted and counted["answered"] != len(answered) and not again:
            self._breach(f"receipt: {run.run_id} counts {counted}, and {answered} are answered")
        if sent and not counted and self._calm and not again:
            self._breach(f"receipt: {run.run_id} sent {len(sent)} calls and counts none")
        if run.end.outcome == "complete" and answered - told and not again:
            self._breach(f"not given: {run.run_id} was not given {answered - told}")

    def _nothing_asks(self) -> None:
        """No answer offers to decide what is decided."""
        by_run: dict[UUID, list[CallRow]] = defaultdict(list)
        for call in self._rows.values():
            by_run[call.key.run_id].append(call)
        for message in self._world.platform.messages.values():
            part = message.part
            if message.author != BOT or message.deleted or part is None or part.run_id is None:
                continue
            asks = any(control in DECIDING for control in part.controls)
            waits = any(call.state == "waiting" for call in by_run[part.run_id])
            if asks and not waits and not self._world.refusals.for_ever(message.ref):
                self._breach(f"asks: message {message.ref.id} asks what is decided")

    def _breach(self, what: str) -> None:
        if what not in self._world.watch.broken:
            self._world.watch.breach(what)
