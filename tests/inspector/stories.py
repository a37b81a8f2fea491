"""Runs to look at, with a pause and a 429; one may have a planted loss."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from bot.runs.receipts import Evidence, compare, of_log
from bot.store import EditRow, MessageRow, RunEnd, RunStart, Store
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
