"""A part of an answer as Slack's arguments, and what it takes of all that Slack counts."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

from connectors.base import Control, Cost, Limits, Part
from connectors.markdown import form, of_blocks, parse
from connectors.markdown.nodes import CodeBlock
from connectors.slack.dialect import COLUMNS, JOINT, hidden, in_text, measure, write
from connectors.slack.options import SlackOptions
from connectors.words import Sentence

PART = "everytoken_part"
"""The event type of the metadata of our messages."""

_LONGEST_TEXT = 300
"""Characters of the fallback: Slack refuses an edit whose `text` has more than 4,000 bytes."""
_LONGEST_FOOTER = 1_000
_LABELS = {
    Control.STOP: Sentence("control.stop"),
    Control.RETRY: Sentence("control.retry"),
    Control.CONTINUE: Sentence("control.continue"),
    Control.ALLOW: Sentence("control.allow"),
    Control.ALLOW_HERE: Sentence("control.allow_here"),
    Control.DENY: Sentence("control.deny"),
    Control.DETAILS: Sentence("control.details"),
}
_SIGNS = {Control.UP: "👍", Control.DOWN: "👎"}
_SPOKEN = {
    Control.STOP: Sentence("control.stop.spoken"),
    Control.RETRY: Sentence("control.retry.spoken"),
    Control.CONTINUE: Sentence("control.continue.spoken"),
    Control.UP: Sentence("control.up.spoken"),
    Control.DOWN: Sentence("control.down.spoken"),
    Control.ALLOW: Sentence("control.allow.spoken"),
    Control.ALLOW_HERE: Sentence("control.allow_here.spoken"),
    Control.DENY: Sentence("control.deny.spoken"),
    Control.DETAILS: Sentence("control.details.spoken"),
}


def message(part: Part, key: str, version: int, columns: int = COLUMNS) -> dict[str, Any]:
    """The arguments of a post or an edit that say what the message shows.

    `columns` is the most that a table may have.

    `key` and `version` (the number of edits so far) go into its metadata: by them a post is found
    again whose answer was lost.
    """
    return {
        "text": _notification(part.text),
        "blocks": _blocks(part, columns),
        "metadata": {"event_type": PART, "event_payload": _payload(part, key, version)},
        "parse": "none",
        "link_names": False,
    }


def _blocks(part: Part, columns: int) -> list[dict[str, Any]]:
    # A block may not be empty; what has no width shows nothing.
    text = write(part.text, columns=columns) or JOINT
    blocks = [_literal(part.text) if part.literal else {"type": "markdown", "text": text}]
    if part.footer:
        words = {"type": "plain_text", "text": part.footer.text[:_LONGEST_FOOTER], "emoji": False}
        blocks.append({"type": "context", "elements": [words]})
    if part.controls:
        buttons = [_button(control, part) for control in part.controls]
        blocks.append({"type": "actions", "elements": buttons})
    return blocks


def _literal(text: str) -> dict[str, Any]:
    """A block of code, and what stands below it, in a block that Slack has nothing to read in."""
    elements = []
    for block in parse(text).blocks:
        code = isinstance(block, CodeBlock)
        said = hidden("\n".join(of_blocks([block])))
        kind = "rich_text_preformatted" if code else "rich_text_section"
        elements.append({"type": kind, "elements": [{"type": "text", "text": said}]})
    return {"type": "rich_text", "elements": elements}


def _button(control: Control, part: Part) -> dict[str, Any]:
    named, language = _LABELS.get(control), part.language
    label = named.to(language).text if named else _SIGNS[control]
    button: dict[str, Any] = {
        "type": "button",
        "text": {"type": "plain_text", "text": label, "emoji": True},
        "accessibility_label": _SPOKEN[control].to(language).text,
        "action_id": action_id(control),
    }
    if part.run_id is not None:
        button["value"] = str(part.run_id)
    return button | ({"style": "danger"} if control is Control.STOP else {})


# The ids of buttons: they name the control, and their value the run, so they work after a restart.


_ACTION = "everytoken_"


def action_id(control: Control) -> str:
    """What Slack hands back when the button is pressed."""
    return f"{_ACTION}{control}"


_CONTROLS = {action_id(control): control for control in Control}


def control_of(action_id: str) -> Control | None:
    """The control that a button's id names; None where it is none of ours."""
    return _CONTROLS.get(action_id)


def _payload(part: Part, key: str, version: int) -> dict[str, Any]:
    written = part.text.encode(errors="surrogatepass")
    return {
        "key": key,
        "run": str(part.run_id or ""),
        "part": part.index,
        "version": version,
        "sha256": hashlib.sha256(written).hexdigest(),
    }


def _notification(text: str) -> str:
    """What notifications and screen readers get: plain, without mentions, and not too long."""
    said = form(text)
    cut = "…" if len(said) > _LONGEST_TEXT else ""
    return in_text(said[:_LONGEST_TEXT]) + cut or JOINT


# What a part takes of all that Slack counts, and the most of it that a message may have.


LONGEST = 10_000
"""Characters of a part's Markdown."""

_CHARACTERS = 11_500
"""Characters of a part as it is sent. Slack takes 12,000 of Markdown, and 13,200 of all blocks of
a message together: small print and buttons stand below."""
_ITEMS = 44
"""Slack takes 50 items, our own blocks among them: each heading, rule and table is one, and so is
whatever stands between two of them."""
_MAY_BE_APART = frozenset("#-=*_|")
_AROUND, _AROUND_NESTED = 16, 40
"""Characters between a line and the next: a blank line, a fence, the marks of what it stands in."""
_NESTED = frozenset(" \t>-+*0123456789")
"""What the lines of nested blocks begin with."""
_MORE = {"<": 3, "&": 4, "|": 5, ":": 4, "@": 3, JOINT: 6} | dict.fromkeys("\\`[]#", 1)
_MORE |= dict.fromkeys("*_~", 8)
"""Bytes by which a character may grow: escaped, or with what hides a mention or makes emphasis."""


def limits(options: SlackOptions) -> Limits:
    """What one message may hold."""
    most = Cost(
        characters=_CHARACTERS,
        bytes=options.message_bytes,
        blocks=_ITEMS,
        rows=options.table_rows,
        columns=options.table_columns,
        cells=options.table_characters,
    )
    return Limits(
        LONGEST,
        keeps_source=False,
        most=most,
        measure=partial(measure, columns=options.table_columns),
        adds=adds,
    )


def adds(line: str) -> Cost:
    """The most that a line adds to what `measure` says."""
    if not line.strip():
        return Cost(characters=1, bytes=1)
    around = _AROUND_NESTED if line[0] in _NESTED else _AROUND
    more = around + sum(each * line.count(character) for character, each in _MORE.items())
    size = len(line.encode(errors="surrogatepass"))
    return Cost(
        characters=len(line) + more,
        bytes=size + more,
        blocks=0 if _MAY_BE_APART.isdisjoint(line) else 2,
        rows=1,
        cells=size,
    )
