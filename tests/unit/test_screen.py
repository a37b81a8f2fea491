"""Markdown set on a terminal: nothing of the model's is lost, and nothing is drawn twice."""

from __future__ import annotations

import io
import re

import pytest

from bot.cli.screen import MarkdownScreen, sets_markdown

TEXT = """# Title

Some **bold**, `code` and <b>HTML</b> &amp; [a link](https://x.example/a) ![p](https://x.example/p).

1. one
2. two
   - nested

```python
x = 1

y = 2
```

| a | b |
|---|---|
| 1 | 2 |

See[^1] [docs][2].

[2]: https://docs.example
"""
_MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(io.StringIO):
    """A screen that somebody looks at."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def drawn(written: str, height: int = 200) -> list[str]:
    """The lines that stand on a screen after what was written to it."""
    lines, row, column = [""] * height, 0, 0
    for piece in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\r|\n)", written):
        if piece == "\n":
            row, column = row + 1, 0
        elif piece == "\r":
            column = 0
        elif match := re.fullmatch(r"\x1b\[(\d*)([A-Za-z])", piece):
            if match[2] == "A":
                row -= int(match[1] or 1)
            elif match[2] == "K":
                lines[row] = ""
        elif piece and not piece.startswith("\x1b"):
            line = lines[row].ljust(column)
            lines[row] = line[:column] + piece + line[column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines]


def set_in(pieces: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What stands on the screen once an answer has come in these pieces."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    out = Terminal()
    screen = MarkdownScreen(out)
    for piece in pieces:
        screen.write(piece)
        screen.flush()
    screen.end()
    return [line for line in drawn(out.getvalue()) if line]


def test_an_answer_that_grew_looks_as_one_that_came_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = set_in([TEXT], monkeypatch)
    for size in (1, 3, 17):
        pieces = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
        assert set_in(pieces, monkeypatch) == whole


@pytest.mark.parametrize(
    "words",
    [
        "Title", "bold", "<b>HTML</b> &amp;", "a link (https://x.example/a)", "https://x.example/p",
        "2 two", "y = 2", "See[^1] [docs][2].", "[2]: https://docs.example",
    ],
)  # fmt: skip
def test_what_is_no_markup_is_drawn(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words in " ".join(" ".join(set_in([TEXT], monkeypatch)).split())


def test_a_block_that_is_longer_than_the_screen_is_drawn_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = ["```\n", *(f"line {n}\n" for n in range(80)), "```\n"]
    lines = set_in(code, monkeypatch)
    assert [line.strip() for line in lines] == [f"line {n}" for n in range(80)]


@pytest.mark.parametrize(("term", "sets"), [("xterm", True), ("dumb", False), ("", False)])
def test_only_a_terminal_that_can_is_set(
    term: str, sets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    assert sets_markdown(Terminal()) is sets
    assert not sets_markdown(io.StringIO())
