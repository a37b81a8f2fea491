"""Discord shows no tables: they are set as aligned code, and nothing of them is lost or hidden."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.discord import markup, tables
from connectors.discord.markup import MOST, content, units, visible
from connectors.discord.tables import Table, blocks

FRUIT = """Here:

| Fruit | Price |
|:------|------:|
| Apple | 3 |
| 桃 | 12 |

Done."""

SET = """Here:

```
Fruit │ Price
──────┼──────
Apple │     3
桃    │    12
```

Done."""


def shown(text: str) -> str:
    """What is compared of a message that Discord shows as it was sent."""
    return markup.seen({"content": text.strip(), "type": 0})


def test_a_table_is_set_as_aligned_code() -> None:
    assert content(FRUIT) == SET


def test_what_is_compared_of_a_table_is_its_cells() -> None:
    assert visible(FRUIT) == "Here:\n\nFruit│Price\nApple│3\n桃│12\n\nDone."
    assert shown(SET) == visible(FRUIT)


def test_a_table_without_outer_bars_is_one() -> None:
    assert content("a | b\n--- | ---\n1 | 2") == "```\na │ b\n──┼──\n1 │ 2\n```"


def test_a_table_while_it_grows_is_set_as_soon_as_it_is_one() -> None:
    assert content("| a | b |") == "| a | b |"
    assert content("| a | b |\n|---|---|") == "```\na │ b\n──┼──\n```"


def test_a_row_with_too_many_or_too_few_cells_loses_none() -> None:
    assert (
        content("|a|b|\n|-|-|\n|1|\n|1|2|3|") == "```\na │ b │\n──┼───┼──\n1 │   │\n1 │ 2 │ 3\n```"
    )


def test_an_escaped_bar_stays_in_its_cell() -> None:
    assert content(r"|a|b|" + "\n|-|-|\n" + r"|x \| y|2|").splitlines()[3] == "x | y │ 2"


def test_marks_in_a_cell_are_not_shown_as_themselves() -> None:
    text = "|**a**|`b`|\n|-|-|\n|1|2|"
    assert content(text).splitlines()[1] == "a │ b"
    assert shown(content(text)) == visible(text)


def test_what_looks_like_a_table_in_code_is_code() -> None:
    for text in ("```\n| a |\n|---|\n```", "~~~\n| a |\n|---|\n~~~", "    | a |\n    |---|"):
        assert content(f"x\n{text}") == f"x\n{text}"


def test_no_table_is_fenced_in_that_would_end_the_fence() -> None:
    text = "|a|b|\n|-|-|\n|```|2|"
    assert content(text) == text
    assert shown(content(text)) == visible(text)


def test_a_table_that_is_too_long_aligned_is_set_unaligned() -> None:
    rows = "\n".join(f"|{i}|x|" for i in range(150))
    text = f"|{'wide ' * 10}|b|\n|-|-|\n{rows}"
    sent = content(text)
    assert sent.startswith("```\nwide ")
    assert "149│x" in sent
    assert units(sent) <= MOST
    assert shown(sent) == visible(text)


def test_a_table_that_is_too_long_for_any_fence_stays_as_it_is() -> None:
    text = "a|b\n-|-\n" + "x|y\n" * 497
    assert MOST - 8 < units(text) <= MOST
    text = text.strip()
    assert content(text) == text


def test_a_block_of_the_models_own_that_looks_set_is_compared_alike() -> None:
    assert shown(content(SET)) == visible(SET)


def test_an_empty_text_shows_something_and_counts_as_nothing() -> None:
    assert content(" \n") == "\u200b"
    assert shown(content(" \n")) == visible(" \n") == ""


def test_a_text_of_nothing_but_what_stands_for_an_empty_one_is_compared_alike() -> None:
    assert shown(content("\u200b")) == visible("\u200b")


# Any text.

WORDS = st.text(alphabet="ab1 *`\\│─😀桃e\u0301", max_size=8)
ROWS = st.lists(st.lists(WORDS, min_size=1, max_size=4).map(lambda c: f"|{'|'.join(c)}|"))
TABLES = st.builds(
    lambda header, marks, rows: "\n".join(
        [f"|{'|'.join(header[: len(marks)])}|", f"|{'|'.join(marks[: len(header)])}|", *rows]
    ),
    st.lists(WORDS, min_size=1, max_size=4),
    st.lists(st.sampled_from(["-", ":-", "-:", ":-:", "---"]), min_size=1, max_size=4),
    ROWS,
)
LINES = st.text(alphabet="ab |-`~>#:\n\t─┼│", max_size=40)
TEXTS = st.lists(st.one_of(TABLES, LINES, st.text(max_size=40)), max_size=5).map("\n".join)


@given(TEXTS)
def test_discord_showing_what_it_was_sent_shows_what_can_be_seen_of_the_text(text: str) -> None:
    assert shown(content(text)) == visible(text)


@given(TEXTS)
def test_no_text_grows_over_what_discord_takes(text: str) -> None:
    text = (text * 40)[:1000]
    assert units(content(text)) <= MOST
    assert shown(content(text)) == visible(text)


@given(TEXTS, st.data())
def test_a_character_that_discord_loses_is_missed(text: str, data: st.DataObject) -> None:
    sent = content(text)
    at = data.draw(st.integers(0, max(0, len(sent) - 1)))
    lost = sent[:at] + sent[at + 1 :]
    written = "|-:*`" if any(isinstance(b, Table) for b in blocks(sent.split("\n"))) else ""
    padding = visible(text) != sent.strip() and sent[at] in " \t─│┼" + written
    if padding or lost.strip() in (sent.strip(), ""):
        return  # padding, rules and a table's marks, and white space at the ends, are no text
    assert shown(lost) != visible(text)


@given(
    st.lists(st.lists(st.text("abc12", min_size=1, max_size=9), min_size=2, max_size=2), min_size=1)
)
def test_every_cell_stands_in_its_row_and_column(rows: list[list[str]]) -> None:
    text = "|x|y|\n|-|-|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows)
    lines = tables.aligned(text).splitlines()[3:-1]
    assert [[cell.strip() for cell in line.split("│")] for line in lines] == rows
    assert len({line.index("│") for line in lines}) == 1
