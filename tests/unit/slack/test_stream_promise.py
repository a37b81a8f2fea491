"""The promise over streams: any text, any fault of Slack's, and the core as it is."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.callbacks import Reasoning
from bot.runs import Outcome, Result
from bot.runs.receipts import Verdict
from connectors.base import Limits
from providers.scripted import Finish, Pause
from tests.doubles.clock import VirtualTimeLoop
from tests.unit.slack.desk import Desk, a_core, answered
from tests.unit.slack.fake_api import FakeApi, FakeCall, Fault

SNIPPETS = [
    "word ", "A sentence. ", "\n", "\n\n", "```\n", "print('x')\n", "- item\n",
    "**bold** ", "`code`", "你好", "שלום ", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301",
    "x" * 150, "  ", "> quote\n", "@everyone ", "<!chan", "nel> ", "_", "*", "1. one\n", "",
]  # fmt: skip
ALPHABET = "aZé你ש ,.*_-#>!@\n\t\u2028\u200d\U0001f600"
"""No text that Markdown makes invisible letters of: the test looks at the letters alone."""
TOKENS = st.lists(
    st.one_of(
        st.sampled_from(SNIPPETS),
        st.text(ALPHABET, max_size=12),
        st.builds(Pause, st.sampled_from([0.02, 0.5, 3.0, 20.0, 50.0])),
        st.sampled_from([("seam", "s:b"), ("reasoning", "12 + 30"), ("reasoning", "\n= ")]),
    ),
    max_size=60,
)
FAULTS = st.dictionaries(
    st.integers(1, 25),
    st.sampled_from(
        [
            "lost",
            "never",
            4.0,
            "fatal_error",
            "message_not_in_streaming_state",
            "no_text",
            "channel_type_not_supported",
        ]
    ),
    max_size=12,
)
_OURS = re.compile(r"The model broke off here; another one goes on\.|Thought for \d+ s|Thoughts")
STREAMING = {"chat.startStream", "chat.appendStream", "chat.stopStream"}


@given(
    tokens=TOKENS,
    faults=FAULTS,
    length=st.sampled_from([120, 400, 10_000]),
    latency=st.sampled_from([0.05, 2.0]),
    says_message=st.booleans(),
    reasoning=st.sampled_from(["hidden", "summary", "shown"]),
)
@example(tokens=["One ", Pause(50.0)] * 14, faults={}, length=120, latency=0.05,
         says_message=True, reasoning="hidden")  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_generated_is_recorded_is_shown_and_nothing_is_doubled_whatever_fails(
    tokens: list[Any],
    faults: dict[int, Fault],
    length: int,
    latency: float,
    says_message: bool,
    reasoning: Reasoning,
) -> None:
    async def one() -> None:
        desk = Desk(api := FakeApi(latency))
        desk.limits = Limits(length=length)
        api.says_message = says_message
        number = 0

        def fault(call: FakeCall) -> Fault:
            nonlocal number
            number += 1
            met = faults.get(number)
            # What only streams are told; an ordinary call is never refused so.
            ordinary = call.method not in STREAMING and isinstance(met, str)
            return None if ordinary and "_" in str(met) and met != "fatal_error" else met

        api.fault = fault
        # Not two pauses on end: the model would be given up.
        script = [step for token in tokens for step in _spoken(token)]
        async with a_core([*script, Finish("stop")], reasoning=reasoning) as runs:
            _holds(await answered(runs, desk), desk)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(one())


def _holds(result: Result, desk: Desk) -> None:
    assert result.outcome is Outcome.COMPLETE
    assert result.receipt.verdict is Verdict.VERIFIED, result.receipt
    assert not any(message.writing for message in desk.api.messages.values())
    assert desk.api.refused == []
    if not result.text.strip():
        return  # a note says so
    # Apart from what the core thinks: each message only ever showed the answer from its place on.
    rest = _letters(result.text)
    for message in desk.api.messages.values():
        assert all(rest.startswith(_said(seen)) for seen in message.seen), message.seen
        rest = rest.removeprefix(_said(message.visible))
    assert rest == ""


def _spoken(token: Any) -> list[Any]:
    return [token, "more "] if isinstance(token, Pause) else [token]


def _said(shown: str) -> str:
    """The letters of a message that are the answer's."""
    return _letters(_OURS.sub("", shown))


def _letters(text: str) -> str:
    return "".join(letter for letter in text if letter.isalpha() and letter != "\ufffc")
