"""Renders the templates, and exports a run as HTML, JSON or Markdown."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from bot.inspector import formats
from bot.inspector.calls import call_as_dict
from bot.inspector.charts import picture, thinned
from bot.inspector.formats import cost, count, fenced, in_line, plain, seconds, stamp
from bot.inspector.story import Story, breaks, chain
from bot.scopes import made_lines
from bot.words import english
from connectors.base import MessageRef

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
STATIC = HERE / "static"
Link = Callable[[MessageRef], str | None]
"""Returns the URL of a message on its platform, or None."""

_MOST_STEPS = 1500
"""Most steps of a replay."""
_WIDE = re.compile("[\U00010000-\U0010ffff]")
"""Characters that take two UTF-16 units."""


@cache
def _templates() -> Environment:
    """The pages' templates. Their library is imported once somebody looks at a page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shown=formats.shown,
        plain=formats.plain,
        data=formats.data,
        when=formats.when,
        stamp=formats.stamp,
        seconds=formats.seconds,
        count=formats.count,
        cost=formats.cost,
        plural=formats.plural,
        said=english,
    )
    return environment


def filled(name: str, **values: Any) -> str:
    """Renders a template."""
    return _templates().get_template(name).render(values)


def no_link(_ref: MessageRef) -> None:
    """A `Link` without any URLs, for a page outside the bot."""
    return


def run_values(story: Story, link: Link) -> dict[str, Any]:
    """The values for the template of a run's page."""
    return {
        "story": story,
        "start": story.row.start,
        "end": story.row.end,
        "chain": chain(story),
        "breaks": breaks(story),
        "receipt": story.receipt,
        "picture": picture(story),
        "replay": _replay(story),
        "links": [url for message in story.messages if (url := web_address(link(message.ref)))],
        "behind": story.most_behind,
        "made": list(made_lines(story.row.start.made_with)),
    }


def web_address(url: str | None) -> str | None:
    """The URL if a page may link to it (a path on this site, or https), else None."""
    return url if url and url.startswith(("/", "https://")) else None


def _replay(story: Story) -> Mapping[str, Any]:
    """The data of the replay: the text, if it is still stored, and the steps.

    A step is milliseconds, characters, and the same number in UTF-16 units, as JavaScript counts.
    """
    text = "" if story.row.text_deleted_us is not None else story.text
    units = _units(text)

    def points(found: list[tuple[int, int]]) -> list[list[float]]:
        thin = thinned(found, _MOST_STEPS)
        return [[round(at / 1000), chars, units(chars)] for at, chars in thin]

    return {
        "text": formats.aligned(text),
        "made": points(story.generated_points),
        "seen": points(story.shown_points),
        "span": round(story.span_us / 1000),
    }


def _units(text: str) -> Callable[[int], int]:
    """A function from a number of leading characters to their UTF-16 units."""
    wide = [found.start() for found in _WIDE.finditer(text)]

    def units(chars: int) -> int:
        return chars + bisect_left(wide, chars)

    return units


def one_file(story: Story) -> str:
    """A run's page as one HTML file that works offline and loads nothing.

    Its policy allows only our script, by hash: text from the run could not run one even if it got
    into the page unescaped.
    """
    script = (STATIC / "replay.js").read_text(encoding="utf-8")
    style = (STATIC / "inspector.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return filled(
        "run.html",
        **run_values(story, no_link),
        alone=True,
        policy=policy,
        style=Markup(style),  # noqa: S704 - a file of ours
        script=Markup(f"\n{script}\n"),  # noqa: S704 - a file of ours
        logout=False,
    )


# A run as JSON for programs, and as Markdown for people.


def as_json(story: Story) -> str:
    """Everything that is stored about a run, as JSON.

    It is ASCII, so that no invisible character in it can affect the text around it.
    """
    return json.dumps(as_dict(story)) + "\n"  # indenting it would take five times as long


def as_dict(story: Story) -> dict[str, Any]:
    """Everything that is stored about a run, as values for JSON."""
    start, end = story.row.start, story.row.end
    return {
        "run_id": str(story.run_id),
        "started": stamp(start.started_us),
        "received_us": story.received_us,
        "place": asdict(start.place),
        "question_id": start.question_id,
        "person": asdict(start.person),
        "model": start.model,
        "made_with": start.made_with,
        "kind": start.kind,
        "parent_run_id": None if start.parent_run_id is None else str(start.parent_run_id),
        "question": start.question,
        "files": [asdict(file) for file in start.files],
        "text_deleted_us": story.row.text_deleted_us,
        "end": None if end is None else asdict(end),
        "chain": [asdict(step) for step in chain(story)],
        "messages": [asdict(message) for message in story.messages],
        "edits": [asdict(edit) for edit in story.edits],
        "calls": [call_as_dict(call) for call in story.called],
        "goes_on": None if story.goes_on is None else str(story.goes_on),
        "tokens": [token._asdict() for token in story.tokens],
    }


def as_markdown(story: Story) -> str:
    """A run as Markdown. All foreign text is fenced, so that none of it is read as markup."""
    return "\n".join([*_head(story), *_chain(story), *_witnesses(story), *_texts(story)]) + "\n"


def _head(story: Story) -> Iterator[str]:
    start, end = story.row.start, story.row.end
    yield f"# Run {story.run_id}\n"
    yield f"- started: {stamp(start.started_us)}"
    yield f"- connector: {in_line(start.place.connector)}"
    yield f"- person: {in_line(start.person.name or start.person.id)}"
    yield f"- model: {in_line(start.model)}"
    for name, value, source in made_lines(start.made_with):
        yield f"- {name}: {in_line(value)}, from {in_line(source)}"
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
