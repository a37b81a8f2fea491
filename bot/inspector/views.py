"""The pages' templates, filled."""

from __future__ import annotations

import base64
import hashlib
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.inspector import figures, texts
from bot.inspector.picture import picture, thinned
from bot.inspector.story import Story, breaks, chain
from connectors.base import MessageRef

HERE = Path(__file__).parent
STATIC = HERE / "static"
Link = Callable[[MessageRef], str | None]
"""Where a message can be seen on its platform."""

_MOST_STEPS = 1500
_WIDE = re.compile("[\U00010000-\U0010ffff]")
"""Characters that have two UTF-16 units."""

_environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(
    shown=texts.shown,
    plain=texts.plain,
    data=texts.data,
    when=figures.when,
    stamp=figures.stamp,
    seconds=figures.seconds,
    count=figures.count,
    cost=figures.cost,
    plural=figures.plural,
)


def filled(name: str, **values: Any) -> str:
    """A template, filled."""
    return _environment.get_template(name).render(values)


def no_link(_ref: MessageRef) -> None:
    """Knows no platform's addresses."""
    return


def run_values(story: Story, link: Link) -> dict[str, Any]:
    """What a run's page says."""
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
    }


def web_address(url: str | None) -> str | None:
    """An address that a page may lead to: this site's, or by https."""
    return url if url and url.startswith(("/", "https://")) else None


def _replay(story: Story) -> Mapping[str, Any]:
    """The steps to replay, in milliseconds and characters, and the text, where it is kept.

    Characters are counted as JavaScript does, in UTF-16 units.
    """
    text = "" if story.row.text_deleted_us is not None else story.text
    units = _units(text)

    def points(found: list[tuple[int, int]]) -> list[list[float]]:
        thin = thinned(found, _MOST_STEPS)
        return [[round(at / 1000), chars, units(chars)] for at, chars in thin]

    return {
        "text": texts.aligned(text),
        "made": points(story.generated_points),
        "seen": points(story.shown_points),
        "span": round(story.span_us / 1000),
    }


def _units(text: str) -> Callable[[int], int]:
    """How many UTF-16 units so many first characters have."""
    wide = [found.start() for found in _WIDE.finditer(text)]

    def units(chars: int) -> int:
        return chars + bisect_left(wide, chars)

    return units


def one_file(story: Story) -> str:
    """A run's page as one file that opens anywhere and asks nobody for anything."""
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
