"""Runs to look at, with a pause and a 429; one may have a planted loss."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Update, and_, update

from bot.runs.receipts import Evidence, compare, of_log
from bot.store import (
    AskedCall,
    CallBinding,
    CallKey,
    EditRow,
    MessageRow,
    RunEnd,
    RunStart,
    Store,
)
from bot.store.schema import tool_calls
from bot.words import Sentence
from connectors.base import Asked, File, MessageRef, Person, Place

BEGAN_US = 1_763_800_000_000_000
RUN = UUID("5f0c1c6e-8a1b-4c59-9d53-0a1f5c6b7d01")
LOST = UUID("9be77f24-2d3f-4b0e-8f0d-6a2f6f1f7d02")
PLACE = Place("slack", "T1", "C1", "171.5")
ADA = Person("U1", "Ada Lovelace")
SENTENCE = "Light from the sun is scattered by the air, and blue light is scattered most. "


def words(count: int) -> list[str]:
    """The tokens of an answer."""
    pieces = [word + " " for word in (SENTENCE * (count // 10 + 1)).split()]
    return pieces[:count]


async def add_run(
    store: Store,
    run_id: UUID = RUN,
    *,
    tokens: list[str] | None = None,
    lost: int | None = None,
    question: str = "Why is the sky blue?",
    person: Person = ADA,
    model: str = "openai:gpt-5",
    files: tuple[File, ...] = (),
    started_us: int = BEGAN_US,
    **end: object,
) -> RunEnd:
    """A run as the bot would have kept it; the log never got token number `lost`."""
    texts = words(240) if tokens is None else tokens
    asked = Asked(MessageRef(PLACE, f"m{run_id}"), person, question, files)
    await store.inbox.add(asked, started_us - 3_000, run_id)
    store.runs.begin(
        RunStart(run_id, PLACE, f"m{run_id}", person, question, model, started_us, files=files)
    )
    at = [420_000 + n * 33_000 + (2_600_000 if n > 140 else 0) for n in range(len(texts))]
    for n, (at_us, text) in enumerate(zip(at, texts, strict=True)):
        if n != lost:
            store.tokens.add(run_id, n, at_us, text, "text")
    last = at[-1] if at else 0
    for edit in edits(at, texts, last):
        store.edits.add(run_id, edit)
    store.messages.add(
        run_id, MessageRow(0, MessageRef(PLACE, "1712.5"), chars=len("".join(texts)))
    )
    await store.settled(run_id, 5)
    text = "".join(texts)
    recorded = of_log(await store.tokens.recorded(run_id), len(texts))
    receipt = compare(text, recorded, Evidence(text))
    usual = RunEnd(
        started_us + last + 900_000, "complete", text, len(texts), receipt.verdict,
        receipt.as_dict(), 420_000, 980_000, "stop", input_tokens=812, output_tokens=len(texts),
        usage_estimated=False, cost_microusd=4_310,
    )  # fmt: skip
    whole = replace(usual, **end)  # type: ignore[arg-type]  # the tests name real fields
    store.runs.end(run_id, whole)
    await store.settled(run_id, 5)
    return whole


def _execute(change: Update, connection: Connection) -> None:
    connection.execute(change)


async def add_calls(store: Store, run_id: UUID = RUN) -> None:
    """Two calls of a run: one that needed nobody, and one that a person allowed."""
    for n, (tool, arguments, result) in enumerate(
        (
            ("search", '{"words": "sky"}', "No ticket has these words."),
            ("create_ticket", '{"title": "The sky is too blue"}', "Ticket 4711 is open."),
        )
    ):
        bound = CallBinding("ab" * 32, "cd" * 32, "ef" * 32)
        asked = AskedCall(f"call_{n}", "tickets", tool, arguments, bound)
        await store.calls.ask(CallKey(run_id, n), asked)
        reads = Sentence("tool.reads", {"name": tool})
        writes = Sentence("tool.writes", {"name": tool})
        begun = BEGAN_US + 900_000 + n * 1_700_000
        values: dict[str, Any] = {
            "state": "answered", "asked_us": begun, "decided_us": begun + 4_000,
            "reason": (writes if n else reads).id, "reason_params": {"name": tool},
            "approved_us": begun + (1_900_000 if n else 4_000),
            "sent_us": begun + (1_910_000 if n else 9_000),
            "ended_us": begun + (2_400_000 if n else 640_000),
            "approver": "slack:T1/U1" if n else None,
            "until_us": begun + 3_600_000_000 if n else None,
            "result": result, "result_sha256": "12" * 32, "result_bytes": len(result),
        }  # fmt: skip
        mine = and_(tool_calls.c.run_id == str(run_id), tool_calls.c.n == n)
        change = update(tool_calls).where(mine).values(values)
        await store.database.run(partial(_execute, change))


def edits(at: list[int], texts: list[str], last: int) -> list[EditRow]:
    """An edit every 1.2 seconds; the fifth is refused, and a pause follows."""
    found, time, n = [], 700_000, 0
    while time < last + 1_200_000:
        shown = sum(len(t) for a, t in zip(at, texts, strict=True) if a <= time)
        error = "RateLimited: slow down, 2.5 s" if n == 4 else None
        call = "edit" if n else "post"
        found.append(EditRow(n, 0, call, time, 280_000, shown, "ab" * 32, error))  # type: ignore[arg-type]  # one of the two
        time, n = time + (2_500_000 if error else 1_200_000), n + 1
    end = EditRow(n, 0, "edit", last + 600_000, 250_000, sum(map(len, texts)), "cd" * 32)
    return [*found[: len(found)], end]
