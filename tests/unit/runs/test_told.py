"""What the log says of a run's tokens and of the links that they went over."""

from __future__ import annotations

import hashlib
from typing import Any

from structlog.testing import capture_logs

from bot.runs.receipts import Verdict
from connectors.markdown import plain
from providers.scripted import Step
from tests.doubles.way import a_way

TOKENS: list[Step] = ["# Title\n", "\n", *(f"*w{n}* " for n in range(47)), "end."]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def of(logs: Any, event: str) -> list[dict[str, Any]]:
    return [entry for entry in logs if entry["event"] == event]


async def test_a_line_for_each_token_and_one_for_each_link() -> None:
    """With one run id; no text; and the platform's is what can be read of the source."""
    with capture_logs() as logs:
        async with a_way(TOKENS, log_tokens=True) as way:
            result = await way.answer()
    assert result.receipt.verdict is Verdict.VERIFIED
    lines, links = of(logs, "token"), of(logs, "run.link")
    assert [line["seq"] for line in lines] == list(range(50))
    assert [line["length"] for line in lines] == [len(str(token)) for token in TOKENS]
    assert {line["kind"] for line in lines} == {"text"}
    assert all("text" not in line and line["at_us"] >= 0 for line in lines)
    assert {line["run_id"] for line in (*lines, *links)} == {str(result.run_id)}
    told = {line["link"]: (line["chars"], line["sha256"]) for line in links}
    source = (len(result.text), sha256(result.text))
    readable = "\n".join(plain(result.text))
    assert list(told) == ["provider", "recording", "delivery", "platform"]
    assert told["provider"] == told["recording"] == told["delivery"] == source
    assert told["platform"] == (len(readable), sha256(readable)) != source
    assert result.receipt.generated is not None
    assert told["provider"][1] == result.receipt.generated.sha256


async def test_texts_are_in_the_lines_only_where_they_may_be_logged() -> None:
    with capture_logs() as logs:
        async with a_way(
            ["One ", ("reasoning", "Hm."), "two."], log_tokens=True, log_text=True
        ) as way:
            await way.answer()
    told = [(line["kind"], line["text"]) for line in of(logs, "token")]
    assert told == [("text", "One "), ("reasoning", "Hm."), ("text", "two.")]


async def test_no_line_for_a_token_unless_it_is_asked_for() -> None:
    """The links' lines are always there."""
    with capture_logs() as logs:
        async with a_way(["One ", "two."]) as way:
            await way.answer()
    assert not of(logs, "token")
    assert len(of(logs, "run.link")) == 4
