"""What is longer than some messages comes as a file, too: code as it is, tables as CSV."""

from __future__ import annotations

import pytest

from bot.attachments.blocks import long_blocks

CODE = "".join(f"print({n})\n" for n in range(400))


def files(text: str, most: int = 100) -> list[tuple[str, str]]:
    """The names and contents of the long blocks."""
    return [(file.name, file.content.decode()) for file in long_blocks(text, most)]


def test_a_long_block_of_code_is_a_file_of_its_language() -> None:
    text = f"Here:\n\n```python\n{CODE}```\n\nDone."
    assert files(text) == [("code.py", CODE)]


@pytest.mark.parametrize(
    ("info", "name"),
    [("", "code.txt"), ("rust", "code.rs"), ("../../x", "code.txt"), ("c++", "code.cpp")],
)
def test_the_name_ends_as_files_of_the_language_do(info: str, name: str) -> None:
    assert files(f"```{info}\n{CODE}```") == [(name, CODE)]


def test_fences_within_a_longer_fence_are_code() -> None:
    inner = f"```\n{CODE}```\n"
    assert files(f"````md\n{inner}````\nafter") == [("code.md", inner)]


def test_a_block_that_was_cut_off_is_what_there_is_of_it() -> None:
    assert files(f"~~~js\n{CODE}last") == [("code.js", f"{CODE}last\n")]


def test_a_long_table_is_csv() -> None:
    rows = "\n".join(f"| {n} | a, \\| b |" for n in range(40))
    [(name, content)] = files(f"| n | what |\n|---|:--|\n{rows}\n\nText | with a bar")
    assert name == "table.csv"
    assert content.startswith('n,what\n0,"a, | b"\n')
    assert len(content.splitlines()) == 41


def test_what_is_short_is_no_file() -> None:
    assert files("```\nshort\n```\n| a |\n|---|\n| b |") == []
    assert files("x" * 10_000) == []
