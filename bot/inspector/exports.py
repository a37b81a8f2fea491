"""A run as a file: JSON for programs, Markdown for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from bot.inspector.figures import cost, count, seconds, stamp
from bot.inspector.story import Story, breaks, chain
from bot.inspector.texts import fenced, in_line, plain


def as_json(story: Story) -> str:
    """All that is stored of a run. It is ASCII: no mark can turn the text around it."""
    return json.dumps(as_dict(story)) + "\n"  # indented it would take five times as long


def as_dict(story: Story) -> dict[str, Any]:
    """All that is stored of a run, as JSON has it."""
    start, end = story.row.start, story.row.end
    return {
        "run_id": str(story.run_id),
        "started": stamp(start.started_us),
        "received_us": story.received_us,
        "place": asdict(start.place),
        "question_id": start.question_id,
        "person": asdict(start.person),
        "model": start.model,
        "kind": start.kind,
        "parent_run_id": None if start.parent_run_id is None else str(start.parent_run_id),
        "question": start.question,
        "files": [asdict(file) for file in start.files],
        "text_deleted_us": story.row.text_deleted_us,
        "end": None if end is None else asdict(end),
        "chain": [asdict(step) for step in chain(story)],
        "messages": [asdict(message) for message in story.messages],
        "edits": [asdict(edit) for edit in story.edits],
        "tokens": [token._asdict() for token in story.tokens],
    }


def as_markdown(story: Story) -> str:
    """A run for people: what others wrote is fenced, so that nothing in it is marked up."""
    return "\n".join([*_head(story), *_chain(story), *_witnesses(story), *_texts(story)]) + "\n"


def _head(story: Story) -> Iterator[str]:
    start, end = story.row.start, story.row.end
    yield f"# Run {story.run_id}\n"
    yield f"- started: {stamp(start.started_us)}"
    yield f"- connector: {in_line(start.place.connector)}"
    yield f"- person: {in_line(start.person.name or start.person.id)}"
    yield f"- model: {in_line(start.model)}"
    for file in start.files:
        yield f"- file: {in_line(file.name)}"
    if end is not None:
        yield f"- outcome: {end.outcome}" + (f", {in_line(end.error)}" if end.error else "")
        yield f"- the service's last word: {in_line(end.finish_word or 'none')}"
        yield f"- verdict: {end.verdict or 'none'}"
        yield f"- tokens: {count(end.tokens)}"
        yield f"- cost: {cost(end.cost_microusd, end.usage_estimated)}"


def _chain(story: Story) -> Iterator[str]:
    yield "\n## Chain\n\n| after | step | |\n|---:|---|---|"
    for step in chain(story):
        yield f"| {seconds(step.at_us)} | {step.name} | {in_line(step.detail)} |"
    yield "\n## Calls to the platform\n\n| after | call | part | shown | took | error |"
    yield "|---:|---|---:|---:|---:|---|"
    for edit in story.edits:
        yield (
            f"| {seconds(edit.at_us)} | {edit.call} | {edit.part} | {edit.position} "
            f"| {seconds(edit.latency_us)} | {in_line(edit.error or '')} |"
        )


def _witnesses(story: Story) -> Iterator[str]:
    yield "\n## Witnesses\n\n| witness | characters | SHA-256 |\n|---|---:|---|"
    for name in ("generated", "recorded", "shown"):
        witness = story.receipt.get(name)
        if witness is None:
            yield f"| {name} | - | - |"
        else:
            yield f"| {name} | {witness['chars']} | `{witness['sha256']}` |"
    for found in breaks(story):
        where = "" if found.position is None else f" at character {found.position}"
        yield f"\n**{found.link} differs{where}**: {in_line(found.detail)}"


def _texts(story: Story) -> Iterator[str]:
    if story.row.text_deleted_us is not None:
        yield "\nQuestion and answer were deleted when their time was over."
        return
    yield f"\n## Question\n\n{fenced(story.row.start.question)}"
    yield f"\n## Answer\n\n{fenced(story.text)}"
    if any(
        mark != text for text in (story.text, story.row.start.question) if (mark := plain(text))
    ):
        yield "\nMarks that can't be seen stand as `[U+…]`; the JSON has them as they are."
