"""What it costs to show a message, whatever stands in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from connectors.web import dialect
from connectors.web.hub import Hub, Outbox, Shared
from connectors.web.messages import PageMessage
from connectors.web.protocol import _BESIDE, KEPT, Drawings
from tests.doubles.work import work

LENGTH = 11_000
"""The longest part of the page."""
WORK = 150
"""Lines that run for a character of a table, three times what any of these takes."""


def bot_message(text: str = "Hi", version: int = 1, id_: str = "message-1") -> PageMessage:
    """A message of the bot's."""
    return PageMessage(
        seq=1, conversation="conversation-1", id=id_, author_id="bot", author_name="Everytoken",
        by_bot=True, version=version, at_us=1, deleted=False, text=text,
    )  # fmt: skip


def table(columns: int, rows: int, row: str = "|", prefix: str = "") -> str:
    """A table of a shape."""
    head = [prefix + "|" * (columns + 1), prefix + "|-" * columns + "|"]
    return "\n".join([*head, *([prefix + row] * rows)])[:LENGTH]


SHAPES = {
    "wide and long": table(400, 1500),
    "narrow head, many rows": table(100, 700, "|x|"),
    "one row": table(3600, 1),
    "no outer bars": table(300, 2000, "x"),
    "in a quote": table(300, 1000, "|", "> "),
    "in a list": "- x\n" + table(300, 1000, "|", "  "),
    "many tables": "\n\n".join([table(60, 60)] * 40)[:LENGTH],
    "tables without a line between": (table(80, 20) + "\n") * 20,
    "carriage returns": table(300, 1000).replace("\n", "\r\n"),
    "aligned": table(400, 1500).replace("|-", "|:-:"),
    "tabs": table(300, 1000).replace("|-", "|\t-"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_table_of_any_shape_costs_little(shape: str) -> None:
    """In work and in HTML."""
    text = SHAPES[shape]
    assert work(lambda: dialect.write(text)) < WORK * len(text)
    html = dialect.write(text)
    assert len(html) <= 40 * len(text)
    assert "<table" in html


def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often a text was drawn."""
    texts: list[str] = []

    def write(text: str) -> str:
        texts.append(text)
        return f"<p>{text}</p>"

    monkeypatch.setattr(dialect, "write", write)
    return lambda: len(texts)


@pytest.mark.real_time
async def test_a_version_is_drawn_once_for_all_who_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty pages, two versions, and those who come later."""
    times = counted(monkeypatch)
    hub = Hub()
    outboxes = [Outbox() for _ in range(50)]
    for outbox in outboxes:
        hub.join(outbox)
        hub.watch(outbox, "conversation-1")
    for version in (1, 2):
        hub.tell(bot_message("Hi", version))
        frames = [await outbox.next() for outbox in outboxes]
        sent = await asyncio.gather(*(each.text() for each in frames if isinstance(each, Shared)))
        assert len(sent) == 50
        assert len(set(sent)) == 1
        assert times() == version
    hub.drawings.html(bot_message("Hi", 2))
    assert times() == 2


def test_what_is_kept_is_bounded() -> None:
    drawings = Drawings()
    long = bot_message("x" * 50_000)
    for n in range(300):
        drawings.html(replace(long, id=f"message-{n}"))
    assert drawings._size <= KEPT
    assert drawings._size == sum(len(html) + _BESIDE for _, html in drawings._kept.values())
    assert len(drawings._kept) > 100


def test_short_messages_are_bounded_as_well() -> None:
    """Not by their characters alone: each takes some room beside them."""
    drawings = Drawings()
    short = bot_message("Hi")
    for n in range(2 * KEPT // _BESIDE):
        drawings._keep(replace(short, id=f"message-{n}"), "<p>Hi</p>")
    assert len(drawings._kept) <= KEPT // _BESIDE


def test_of_a_message_only_the_newest_version_is_kept() -> None:
    drawings = Drawings()
    for version in (1, 3, 2):
        text = "x" * version
        assert drawings.html(bot_message(text, version)) == f"<p>{text}</p>\n"
    assert list(drawings._kept.values()) == [(3, "<p>xxx</p>\n")]
    assert drawings._size == len("<p>xxx</p>\n") + _BESIDE
