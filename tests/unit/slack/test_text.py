"""Slack's text as a person reads it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.markdown import quoted
from connectors.slack.content import calls_a_group, emoji_of, mentioned, plain
from tests.doubles.slack import mrkdwn
from tests.doubles.work import is_linear

NAMES = {"U1": "Alice", "U2": "Bob & Co"}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("2 &lt; 3 &amp;&amp; 4 &gt; 3", "2 < 3 && 4 > 3"),
        ("&amp;lt; is an entity", "&lt; is an entity"),
        ("&lt;@U1&gt; is how it is written", "<@U1> is how it is written"),
        ("ask <@U1> or <@U2>", "ask @Alice or @Bob & Co"),
        ("ask <@U9>", "ask @U9"),
        ("ask <@U9|carol>", "ask @carol"),
        ("see <#C1|general> and <#C2> and <#C3|>", "see #general and #C2 and #C3"),
        ("<!here> <!channel> <!everyone> <!here|here>", "@here @channel @everyone @here"),
        ("<!subteam^S1|@devs> <!subteam^S2>", "@devs @S2"),
        ("on <!date^1392734382^{date}|Feb 18, 2014>", "on Feb 18, 2014"),
        ("on <!date^1392734382^{date}^https://example.com|Feb 18>", "on Feb 18"),
        ("<https://example.com/a?b=1&amp;c=2>", "https://example.com/a?b=1&c=2"),
        ("<http://example.com|example.com>", "example.com"),
        ("<https://example.com|https://example.com>", "https://example.com"),
        ("<https://example.com|the page>", "the page (https://example.com)"),
        ("<mailto:a@example.com|a@example.com>", "a@example.com"),
        ("<tel:+491|+491>", "+491"),
        ("  two\nlines  ", "two\nlines"),
        ("x:<", "x:<"),
        ("<>", ""),
        ("", ""),
    ],
)
def test_what_slack_writes_is_what_a_person_reads(text: str, seen: str) -> None:
    assert plain(text, NAMES) == seen


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("<@UBOT> hello", "hello"),
        ("<@UBOT>", ""),
        ("hello <@UBOT>, hello <@UBOT|bot>", "hello, hello"),
        ("hello <@UBOTTOM>", "hello @UBOTTOM"),
        ("&lt;@UBOT&gt; hello", "<@UBOT> hello"),
    ],
)
def test_the_mention_of_the_bot_is_left_out(text: str, seen: str) -> None:
    assert plain(text, {}, without="UBOT") == seen


def _rich(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [*elements]}]}
    ]


def test_emoji_are_the_characters_that_slack_says_they_are() -> None:
    wave = {"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fc", "skin_tone": 3}
    heart = {"type": "emoji", "name": "heart", "unicode": "2764-fe0f"}
    parrot = {"type": "emoji", "name": "partyparrot"}
    emoji = emoji_of(_rich(wave, heart, parrot))
    text = ":wave::skin-tone-3: I :heart: :partyparrot: at 10:30:00, :unknown:"
    assert plain(text, {}, emoji) == "👋🏼 I ❤️ :partyparrot: at 10:30:00, :unknown:"


def test_emoji_are_found_in_lists_and_quotes() -> None:
    item = {
        "type": "rich_text_section",
        "elements": [{"type": "emoji", "name": "x", "unicode": "274c"}],
    }
    blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": [item]}]}]
    assert emoji_of(blocks) == {"x": "❌"}


@pytest.mark.parametrize(
    "blocks",
    [
        None,
        "blocks",
        [None, 1, "x"],
        _rich({"type": "emoji", "name": "a", "unicode": "zz"}),
        _rich({"type": "emoji", "name": "a", "unicode": "-"}),
        _rich({"type": "emoji", "name": 1, "unicode": "2764"}),
        _rich({"type": "emoji", "name": "a"}),
    ],
)
def test_blocks_of_another_shape_have_no_emoji(blocks: object) -> None:
    assert emoji_of(blocks) == {}


def test_blocks_as_deep_as_you_like_are_left_unread() -> None:
    node: dict[str, Any] = {"type": "emoji", "name": "x", "unicode": "274c"}
    for _ in range(900):
        node = {"elements": [node]}
    assert emoji_of([node]) == {}


def test_people_and_groups_that_a_text_calls_are_found() -> None:
    assert mentioned("<@U1> and <@U2|bob> and <@U1>, not &lt;@U3&gt;") == {"U1", "U2"}
    assert calls_a_group("<!here> listen")
    assert calls_a_group("<!subteam^S1|@devs>")
    assert not calls_a_group("<!date^1^{date}|today> &lt;!here&gt; @here")


def test_a_quotation_marks_every_line() -> None:
    assert quoted("one\n\ntwo") == "> one\n>\n> two"
    assert quoted("") == ""


@given(st.text())
def test_any_text_that_a_person_types_is_read_as_they_typed_it(words: str) -> None:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert plain(escaped, NAMES, without="U0BOT") == words.strip()


@given(st.text(alphabet="<>@#!|^:&;U1ltampg \n", max_size=60))
def test_no_text_raises(text: str) -> None:
    plain(text, NAMES, {"l": "x"}, without="U1")
    mentioned(text)
    calls_a_group(text)


def test_what_the_server_says_that_was_typed_is_undone() -> None:
    words = "Is 1 < 2 & 3 > 2? See https://example.com/x, <@U1> 🚀"
    blocks = [mrkdwn.rich_text(mrkdwn.typed(words))]
    emoji = {"rocket": "🚀"} | emoji_of(blocks)
    seen = "Is 1 < 2 & 3 > 2? See https://example.com/x, @Alice 🚀"
    assert plain(mrkdwn.typed(words), NAMES, emoji) == seen


@pytest.mark.parametrize("piece", ["<", ":", "<@", "<@U|", ":a", "&", "<!", " <@U"])
def test_the_work_is_linear_in_hostile_texts(piece: str) -> None:
    assert is_linear(lambda text: plain(text, NAMES, {"a": "b"}, without="U1"), piece)
    assert is_linear(mentioned, piece)
    assert is_linear(calls_a_group, piece)
