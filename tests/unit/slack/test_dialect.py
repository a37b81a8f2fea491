"""Slack's dialect: what the model said is what is drawn, in whatever way Slack answers."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.markdown import START, after, plain
from connectors.slack.dialect import DIALECT, JOINT, measure, read, write
from tests.doubles.slack import Reading, translate
from tests.doubles.slack import visible as server
from tests.doubles.slack.drawn import lines
from tests.doubles.slack.platform import with_entities
from tests.unit.markdown.grammar import Grammar

Json = dict[str, Any]

PINGS = [
    "@channel", "@here", "@everyone", "@Here", "_@here_", "(@channel)", "é@here\u200d",
    "<!channel>", "<!here|@here>", "<!everyone>", "<!subteam^S0TEAM001>", "<@U0ALICE001>",
    "<@W0ALICE001|alice>", "<@U1>", "<#C0GENERAL1|general>", "\\<!channel>", "<\\!channel>",
    "\\@here", "&lt;!channel&gt;", "&#64;channel", "`<!channel>`", "```\n@here\n```",
    "| <@U0ALICE001> | @here |\n|---|---|\n| @channel | <!here> |", "# @here", "**@everyone**",
    "[@here](https://example.com)", "<!date^1^{date}|@here>", "@**here**", "<!-- @here -->",
]  # fmt: skip
AWKWARD = [
    "one\ntwo  \nthree\n\nfour",
    "# Head *line* `code`\n\ntext\n\nHead\n====\n\nTwo\nlines\n---",
    "# See [docs](https://a.example) and <https://b.example>",
    "- one\n- two\n  - three\n\n    more\n  - four\n- five",
    "3. three\n4. four\n\n   ```py\n   code  here\n   ```\n5. five",
    "3. three\n5. five\n9. nine",
    "1) one\n2) two\n\n01. zero\n\n0. nought",
    "1. a\n1. b\n   - c\n1. d",
    "- [ ] open\n- [x] done\n  - [X] within\n\n1. [ ] numbered",
    "1. > quoted\n2. ```\n   code\n   ```\n3. | a |\n   |---|\n4. ---\n5.",
    "> quote\n> - list\n>\n> ```\n> code\n> ```\n>> deeper",
    "> 3. a\n> 5. b\n>    ````\n>    ```\n>    x\n>    ```\n>    ````\n> 9. c",
    "| a | b |\n|:--|--:|\n| 1 | **2** |\n| `x` | |\n| 3 | 4 | 5 | 6 |\n| a\\|b | `c\\|d` |",
    "a | b\n---|---\n1 | 2",
    "> | a | b |\n> |---|---|\n> | 1 | 2 |",
    "|" + "|".join(f" h{at} " for at in range(24)) + "|\n" + "|---" * 24 + "|\n|" + "c|" * 24,
    "```python\n\n  indented\n\tby a tab  \n\n```",
    "    indented code\n\n    more",
    "```\nunclosed",
    "~~~~\n```\n~~~\n~~~~",
    "````md\n# A README\n\n```sh\nls\n```\n````",
    "``````\n`````` x\n  ```````\n``````",
    "**bold** _italic_ ~~gone~~ ***both*** `co de` ``a`b`` **a*b*c** *a**b**c* **__x__**",
    "这是**重要：**的，**“引用”**。一*斜体。*二~~删除！~~三**`代码`**四 **`x` 的**五",
    "日本語**「強調」**です。한국어**강조(x)**입니다",
    "访问https://a.example/x。谢谢，**https://b.example**（说明）",
    '[label](https://example.com "title") <https://example.com/a?b=c&d> https://example.com/x.',
    "[a](relative/path.md) [b](#anchor) [c](javascript:alert(1)) [](https://empty.example)",
    "[a](https://e.example/x_(y)) [b](https://e.example/\\)) [c `d  e`](https://f.example)",
    "![a picture](https://example.com/p.png) ![](https://example.com/q.png)",
    "[![build](https://a.b/c.svg)](https://a.b) [**bold `code`** 😀](https://example.com)",
    "<mailto:a@b.example> <a@b.example> [a@b.example](mailto:a@b.example)",
    "Sources:\n\n[1]: https://a.example/first\n[2]: https://b.example/second\n\n[x][1] [^1]",
    r"\(x_1 = -b\) \[E = mc^2\] $a*b*c$ $$\frac{a_1}{b}$$ costs $5",
    "2*3*4 2**10 __init__ snake_case_name a * b",
    "(a || b) and (c || d) ~5 ~~~ #3 C# +1 -1 = > 1. x",
    "<https://x.example/a|the label> <foo> <b>html</b> <br>x<br/>y <!-- note --> a < b > c",
    "&amp; &copy; &#65; &lt;b&gt; &amp;lt;",
    "\\*stars\\* \\# \\[x\\] \\- a\\\nb",
    ":smile: :a:b: 10:30:45 std::vector :white_check_mark: `:smile:`",
    "😀 👍🏽 👨‍👩‍👧‍👦 🇩🇪 🏳️‍🌈 1️⃣ ❤ ❤️ © ✅ ☑ x",
    "x" * 149 + "\n\n# " + "long " * 60,
    "right \u200fto left שלום e\u0301 नि ﷽ \u202eover\u202c",
    "a\u200bb \u2060 \u2060\u200b\u2060 **\u200bx\u200b** `\u200b`",
    "NUL \0 and \ufffc and \u00a0 and \u2028 \u3000 x",
    "**unclosed _and `more [x](",
    "   ", "*\n\n  a", "1. \n2. a", "---\n***\n- ---", "#", "-", "> ", "```\n```",
    "- # Title\n- Title\n  ===\n- ---\n-     code",
]  # fmt: skip
PIECES = [
    *"*_`~#>-+|[]()!<@:\\&;$=\n \t.1aé重：，",
    "\n\n", "    ", "```", "```\n", "|---|\n", "|a|b|\n", "---\n", "===\n", "- ", "1. ", "5. ",
    "9) ", "[x] ", "[ ] ", "> ", "**",
    "~~", "\\(", "\\]", "<br>", "@here", "<!channel>", "<@U1>", "&lt;",
    "word", "https://example.com/a", "](http://a.b)", "[1]: http://x.y\n", "😀", "🏽", "\u200d",
    "\ufe0f", "\u200b", "\u2060", ":smile:", "smile", "~~~\n", "# ", "## ", "![", "`x`", "\u00a0",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=20).map("".join) | st.text(max_size=60)


def drawn(markdown: str, reading: Reading = Reading()) -> list[Json]:  # noqa: B008 - frozen
    """The blocks that Slack answers for Markdown that it is sent."""
    return list(with_entities(translate(markdown, reading)))


def in_grammar(seed: int) -> str:
    """A text with everything in it."""
    return Grammar(Random(seed)).text()[0]  # noqa: S311 - no secret


@pytest.mark.parametrize("text", [*AWKWARD, *PINGS, *map(in_grammar, range(40))])
def test_what_the_model_said_is_what_is_drawn(text: str) -> None:
    written = write(text)
    answer = drawn(written)
    assert lines(answer) == plain(text)
    assert list(read(answer).lines) == plain(text)
    assert read(answer).unknown == ()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts)
@example("`a``b`")
@example("1. 9) x")
@example("*`*重")
def test_any_text_is_drawn_as_it_is(text: str) -> None:
    answer = drawn(write(text))
    assert lines(answer) == plain(text)
    assert list(read(answer).lines) == plain(text)


@pytest.mark.parametrize("text", [*AWKWARD, *PINGS])
def test_a_block_that_slack_answers_as_it_was_sent_is_read_as_it_is_drawn(text: str) -> None:
    found = read([{"type": "markdown", "text": write(text)}])
    assert (list(found.lines), found.unknown) == (plain(text), ())


@settings(max_examples=200, deadline=None)
@given(texts)
def test_so_is_any_text(text: str) -> None:
    assert list(read([{"type": "markdown", "text": write(text)}]).lines) == plain(text)


@pytest.mark.parametrize("text", PINGS)
def test_nothing_notifies_anybody(text: str) -> None:
    assert server.pings(translate(write(text))) == []


@settings(deadline=None)
@given(texts)
def test_no_text_notifies_anybody(text: str) -> None:
    assert server.pings(translate(write(text))) == []


def test_a_link_with_a_bar_is_escaped_and_hides_no_address_where_it_is_drawn_all_the_same() -> None:
    text = "Read <https://x.example/a|the label>."
    assert lines(drawn(write(text), Reading(angle_links=True))) == [text]
    unescaped = read(drawn(text, Reading(angle_links=True)))
    assert unescaped.lines == ("Read the label (https://x.example/a).",)


def test_emphasis_is_drawn_as_emphasis_in_chinese_text() -> None:
    (block,) = translate(write("这是**重要：**的，*“引用”*。**粗**体"))
    runs = [each for each in block["elements"][0]["elements"] if "style" in each]
    assert [each["text"].replace(JOINT, "") for each in runs] == ["重要：", "“引用”", "粗"]


def test_english_text_is_sent_as_it_is() -> None:
    text = "**Note:** see `code` and [docs](https://a.example), *twice*.\n\n- one\n- two\n  more"
    assert write(text) == text.replace("**Note:**", f"**Note:{JOINT}**")


@pytest.mark.parametrize(
    ("block", "unknown"),
    [
        ({"type": "data_table", "rows": []}, "data_table"),
        ({"type": "table", "rows": [[{"type": "raw_number", "value": 1}]]}, "raw_number"),
        ({"type": "rich_text", "elements": [{"type": "rich_text_chart"}]}, "rich_text_chart"),
        (
            {
                "type": "rich_text",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "canvas"}]}],
            },
            "canvas",
        ),
        ({}, "None"),
    ],
)
def test_a_block_or_element_that_nobody_knows_is_named(block: Json, unknown: str) -> None:
    found = read([*translate("Known."), block])
    assert found.lines[:1] == ("Known.",)
    assert found.unknown == (unknown,)


def test_small_print_and_buttons_are_no_part_of_the_text() -> None:
    below: list[Json] = [
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "verified"}]},
        {"type": "actions", "elements": []},
    ]
    assert read([*translate("An *answer*."), *below]).lines == ("An answer.",)


def test_a_ping_that_came_through_is_a_difference() -> None:
    assert list(read(translate("<@U0ALICE001>")).lines) != plain("<@U0ALICE001>")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts | st.integers(0, 10**9).map(in_grammar).map(lambda text: text[:160]))
@example("abc | def\n---|---\n1 | 2")
@example("Title\n===\n\n- [x] a\n- [")
@example("1. a\n\n   ```\n   b\n")
def test_what_is_written_of_a_growing_text_is_never_taken_back(text: str) -> None:
    whole, before = write(text), ""
    for end in range(len(text) + 1):
        grown = write(text[:end], growing=True)
        assert grown.startswith(before)
        before = grown
    assert whole.startswith(before)


def test_a_growing_text_is_written_but_for_what_is_not_decided_yet() -> None:
    assert write("Some **bold** text and *a", growing=True) == "Some **bold** text and "
    assert write("```py\nx = 1\ny", growing=True) == "```py\nx = 1\ny"
    assert write("| a | b |\n|---|---|\n| 1 | 2 |\n| 3", growing=True).endswith("| 1 | 2 |")
    assert write("# Titl", growing=True) == ""


@pytest.mark.parametrize("text", AWKWARD)
def test_the_cost_is_that_of_what_slack_makes_of_it(text: str) -> None:
    cost, blocks = measure(text), translate(write(text))
    tables = [block for block in blocks if block["type"] == "table"]
    assert cost.bytes == len(write(text).encode())
    assert cost.characters == len(write(text))
    assert cost.rows == sum(len(table["rows"]) for table in tables)
    assert cost.columns == max((len(t["rows"][0]) for t in tables), default=0)
    assert len(blocks) <= cost.blocks <= len(blocks) + 3


def test_a_table_with_more_columns_than_slack_takes_is_code_with_tabs() -> None:
    rows = [[f"c{row}.{at}" for at in range(24)] for row in range(3)]
    text = "\n".join(
        ["| " + " | ".join(rows[0]) + " |", "|---" * 24 + "|"]
        + ["| " + " | ".join(row) + " |" for row in rows[1:]]
    )
    (block,) = translate(write(text))
    assert block["elements"][0]["type"] == "rich_text_preformatted"
    assert lines([block]) == ["\t".join(row) for row in rows]


@pytest.mark.parametrize("columns", [1, 5, 6, 20, 30])
def test_a_table_has_as_many_columns_as_slack_takes(columns: int) -> None:
    text = "\n".join(["| " + " | ".join("abcdef") + " |", "|---" * 6 + "|", "| 1 " * 6 + "|"])
    written = write(text, columns=columns)
    blocks = translate(written)
    assert [block["type"] for block in blocks] == ["table" if columns >= 6 else "rich_text"]
    assert lines(blocks) == list(read(blocks).lines) == plain(text)
    cost = measure(text, columns=columns)
    assert (cost.columns, cost.characters) == (6 if columns >= 6 else 0, len(written))


def test_slices_are_written_with_the_state_of_those_before_them() -> None:
    first, second = "1. one\n2. two\n\n   ```\n   a\n", "   b\n   ```\n3. three\n"
    state = after(first)
    assert lines(drawn(write(second, state))) == plain(second, state)
    assert DIALECT.write(first, START) == write(first)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.data())
def test_a_dropped_or_swapped_character_of_the_answer_is_a_difference(
    seed: int, data: st.DataObject
) -> None:
    answer = drawn(write(in_grammar(seed)))
    runs = [run for run in _texts(answer) if any(each.isalnum() for each in run["text"])]
    if not runs:
        return
    run = data.draw(st.sampled_from(runs))
    at = data.draw(st.sampled_from([i for i, c in enumerate(run["text"]) if c.isalnum()]))
    other = data.draw(st.sampled_from(["", "Z" if run["text"][at] != "Z" else "Y"]))
    before = read(answer).lines
    run["text"] = run["text"][:at] + other + run["text"][at + 1 :]
    assert read(answer).lines != before


def _texts(node: Any) -> list[Json]:
    """Everything in blocks that has a text."""
    found: list[Json] = []
    if isinstance(node, dict):
        found += [node] if isinstance(node.get("text"), str) else []
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            found += _texts(each)
    return found
