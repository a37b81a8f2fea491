"""Where a growing text is cut: nothing that was sent is ever other than the whole says."""

from __future__ import annotations

from itertools import accumulate

import pytest
import regex  # type: ignore[import-untyped]  # its stubs are a package of their own
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.slack.dialect import write
from connectors.slack.streams.streams import cut

PIECES = [
    "word ", "word", " ", "\n\n", "<", "<!", "<!chan", "nel", "<!channel>", "<!subteam^S1>", "<@U",
    "<@U123>", ">", "@", "@here", "@chan", "nel ", "&lt;", "&#64;", "here", "\\", "x" * 90, "!",
    "👩\u200d👩\u200d👧", "\u200d", "e", "\u0301", "🇩🇪", "🇩", "🏽", "<#C12", "3>", "a b c d e f g ",
    "```\n", "你好", "1 2 3 4 5 6 7 8 9 " * 20, "\u200b", "**", "`", "[a](https://b.c) ", ":smile:",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=30)


def deltas(chunks: list[str]) -> list[str]:
    """What is sent while a text grows chunk by chunk."""
    sent, made = "", []
    for text in accumulate(chunks):
        written = write(text, growing=True)
        if len(written) <= len(sent):
            assert sent.startswith(written)
            continue
        assert written.startswith(sent)
        end = cut(written, len(sent))
        if end > len(sent):
            made.append(written[len(sent) : end])
            sent = written[:end]
    return made


@settings(deadline=None)
@given(TEXTS)
def test_what_is_sent_is_the_beginning_of_what_the_whole_is_written_as(chunks: list[str]) -> None:
    assert write("".join(chunks)).startswith("".join(deltas(chunks)))


@settings(deadline=None)
@given(TEXTS)
def test_no_grapheme_is_cut_in_two_and_no_append_begins_with_a_space(chunks: list[str]) -> None:
    made = deltas(chunks)
    ends = {found.end() for found in regex.finditer(r"\X", write("".join(chunks)))}
    for at, delta in list(zip(accumulate(map(len, made)), made[1:], strict=False))[1:]:
        assert at in ends
        assert not delta[0].isspace()


@pytest.mark.parametrize(
    ("written", "sent", "cut_at"),
    [
        pytest.param("Hello world", 0, "Hello worl", id="inside a word"),
        pytest.param("Hello w", 0, "Hell", id="not at a space"),
        pytest.param("Hello ", 0, "Hell", id="not before a space"),
        pytest.param("I", 0, "I", id="a first letter alone"),
        pytest.param("Hello", 4, "Hell", id="nothing that is sure"),
        pytest.param("xy &amp;", 0, "x", id="not within an entity"),
        pytest.param("ab \\_", 0, "a", id="not behind a backslash"),
        pytest.param("No 👩\u200d👩", 0, "N", id="a family that may grow"),
        pytest.param("你好吗", 0, "你好", id="no spaces"),
        pytest.param("1 2 3 " * 40, 0, ("1 2 3 " * 40)[:-2], id="nothing but short words"),
    ],
)
def test_a_cut(written: str, sent: int, cut_at: str) -> None:
    assert written[: cut(written, sent)] == cut_at


def test_a_mention_that_comes_in_pieces_is_never_sent_in_pieces() -> None:
    made = "".join(deltas(list("Look, <!channel> and @here: `<@U123ABC>`. That is it.")))
    assert all(each not in made for each in ("<!channel", "@here", "<@U123"))
    assert made.endswith("That is it")
