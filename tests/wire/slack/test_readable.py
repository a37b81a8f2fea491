"""What a person reads on Slack is what the model said, over the whole way and with every limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest

from bot.store import RunRow
from connectors.markdown import plain
from tests.doubles.slack import Reading, Slack
from tests.doubles.slack.drawn import lines
from tests.doubles.slack_way import LIVELY, Way, slack_way

pytestmark = pytest.mark.real_time

SECTION = "## Part {n}\n\nOne sentence stands here.\n\n---\n\n"
CODE = "Run this:\n\n```sh\nls -la | grep '*.py' > \"<files>\"\n```\n\nThat is all."


def chinese(length: int) -> str:
    """A Chinese answer with emphasis that touches punctuation, code and a table."""
    paragraph = (
        "## 第{n}节：**概述**\n\n这是**重要：**的说明，*“引用”*也在其中；请访问 https://a.example/{n}。"
        "参数`--第{n}`和**`代码`**都要看（见[文档](https://b.example/{n})）。\n\n"
        "| 名称 | 数值 |\n|---|---|\n| 第{n}行 | **{n}** |\n\n"
        "```python\nprint('你好，世界', {n})\n```\n\n3. 三\n5. 五\n\n"
    )
    return "".join(paragraph.format(n=n) for n in range(length))[:length].rstrip()


async def answered(slack: Slack, text: str, **options: Any) -> tuple[RunRow, Way]:
    """The run of a question that is answered with a text, once it has ended."""
    tokens = [text[at : at + 60] for at in range(0, len(text), 60)]
    async with slack_way(slack, tokens, **{**LIVELY, **options}) as the:
        slack.platform.limits = slack.platform.limits.unmetered()
        slack.ask("Well?", channel=slack.dm())
        (row,) = await the.rows(1)
    assert slack.writing() == []
    return row, the


def ending(row: RunRow) -> tuple[str, str]:
    """How it ended, and the verdict of its receipt."""
    assert row.end is not None
    return str(row.end.outcome), str(row.end.verdict)


def read_by_people(the: Way) -> list[str]:
    """All lines of the answer's messages."""
    return [line for message in the.answers for line in lines(message.now.blocks)]


@pytest.mark.parametrize("streaming", ["edit", "native"])
async def test_a_chinese_answer_with_code_and_tables_is_whole_with_every_limit_in_bytes(
    slack: Slack, streaming: Literal["edit", "native"]
) -> None:
    assert slack.platform.limits.in_bytes
    text = chinese(9_000)
    row, the = await answered(slack, text, streaming=streaming)
    assert ending(row) == ("complete", "verified"), row.end and row.end.receipt
    drawn = "\n".join(read_by_people(the))
    assert "**" not in drawn
    # A table that is cut in two has its header in both.
    assert set(drawn.split("\n")) == set(plain(text))
    fallbacks = [str(call.args["text"]) for call in slack.called("chat.update")]
    assert all(len(text) < 400 and len(text.encode()) < 2_000 for text in fallbacks)
    assert {call.error for call in slack.calls} == {""}


@pytest.mark.parametrize("streaming", ["edit", "native"])
async def test_code_is_verified_where_slack_answers_with_the_markdown_block_itself(
    slack: Slack, streaming: Literal["edit", "native"]
) -> None:
    slack.platform.returns = "markdown"
    row, the = await answered(slack, CODE, streaming=streaming)
    assert ending(row) == ("complete", "verified"), row.end and row.end.receipt
    assert read_by_people(the) == plain(CODE)
    assert len(the.answers) == 1
    assert len(slack.called("chat.update")) <= 2 + len(CODE) // 60


@pytest.mark.parametrize("streaming", ["edit", "native"])
async def test_a_block_of_slacks_that_nobody_knows_makes_the_receipt_unproven(
    slack: Slack, streaming: Literal["edit", "native"]
) -> None:
    slack.platform.returns = "newer"
    row, the = await answered(
        slack, "Here:\n\n| a | b |\n|---|---|\n| 1 | 2 |", streaming=streaming
    )
    assert ending(row) == ("complete", "unproven")
    assert row.end is not None
    assert row.end.receipt is not None
    assert "data_table" in str(row.end.receipt["unknown"])
    assert read_by_people(the) == ["Here:", "a\tb", "1\t2"]


async def test_a_link_with_a_bar_that_the_model_wrote_hides_no_address(slack: Slack) -> None:
    slack.platform.reading = Reading(angle_links=True)
    text = "Read <https://x.example/a|the label> and <foo>."
    row, the = await answered(slack, text)
    assert ending(row) == ("complete", "verified")
    assert read_by_people(the) == [text]


@pytest.mark.parametrize("streaming", ["edit", "native"])
@pytest.mark.parametrize("times", [17, 60])
async def test_many_short_sections_are_shown_in_as_many_messages_as_it_takes(
    slack: Slack, times: int, streaming: Literal["edit", "native"]
) -> None:
    text = "".join(SECTION.format(n=n) for n in range(times)).rstrip()
    row, the = await answered(slack, text, streaming=streaming)
    assert ending(row) == ("complete", "verified"), row.end and row.end.receipt
    assert read_by_people(the) == plain(text)
    assert len(the.answers) > 1
    assert all(len(message.now.blocks) <= 50 for message in the.answers)


@pytest.mark.parametrize("streaming", ["edit", "native"])
@pytest.mark.parametrize(("columns", "rows"), [(24, 5), (3, 130)])
async def test_a_table_beyond_slacks_limits_is_readable(
    slack: Slack, columns: int, rows: int, streaming: Literal["edit", "native"]
) -> None:
    table = [[f"{name}{at}" for at in range(columns)] for name in ["head", *range(rows)]]
    written = ["| " + " | ".join(row) + " |" for row in table]
    text = "\n".join(["Here:\n", written[0], "|---" * columns + "|", *written[1:]])
    row, the = await answered(slack, text, streaming=streaming)
    assert ending(row) == ("complete", "verified"), row.end and row.end.receipt
    seen = read_by_people(the)
    assert [line for line in seen if line != "\t".join(table[0])] == [
        line for line in plain(text) if line != "\t".join(table[0])
    ]


@pytest.mark.parametrize("streaming", ["edit", "native"])
@pytest.mark.parametrize(("columns", "most"), [(21, 20), (40, 20), (8, 6)])
async def test_a_table_with_more_columns_than_slack_takes_is_readable_at_once(
    slack: Slack, columns: int, most: int, streaming: Literal["edit", "native"]
) -> None:
    slack.platform.limits = replace(slack.platform.limits, table_columns=most)
    table = [[f"{name}{at}" for at in range(columns)] for name in ("head", "a", "b")]
    written = ["| " + " | ".join(row) + " |" for row in table]
    text = "\n".join(["Here:\n", written[0], "|---" * columns + "|", *written[1:]])
    row, the = await answered(slack, text, streaming=streaming, table_columns=most)
    assert ending(row) == ("complete", "verified"), row.end and row.end.receipt
    assert read_by_people(the) == plain(text)
    assert {call.error for call in slack.calls} == {""}
