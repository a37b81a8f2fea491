"""Text on Slack: it notifies nobody, and what is seen of it is compared in one form."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from connectors.slack.markup import escape, escape_growing, seen, visible
from connectors.slack.markup.mentions import HIDING
from tests.servers.slack import visible as server
from tests.servers.slack.markdown import translate

PINGS = [
    "@channel",
    "@here",
    "@everyone",
    "@Here",
    "_@here_",
    "(@channel)",
    "é@here\u200d",
    "<!channel>",
    "<!here|@here>",
    "<!everyone>",
    "<!subteam^S0TEAM001>",
    "<!subteam^S0TEAM001|@team>",
    "<@U0ALICE001>",
    "<@W0ALICE001|alice>",
    "<@U1>",
    "<#C0GENERAL1>",
    "<#C0GENERAL1|general>",
    "\\<!channel>",
    "<\\!channel>",
    "\\@here",
    "&lt;!channel&gt;",
    "&#64;channel",
    "@&#104;ere",
    "`<!channel>`",
    "```\n@here\n```",
    "| <@U0ALICE001> | @here |\n|---|---|\n| @channel | <!here> |",
    "# @here",
    "**@everyone**",
    "[@here](https://example.com)",
]
HARMLESS = [
    "",
    "<!-- a comment -->",
    "<!DOCTYPE html>",
    "someone@here.com",
    "@heresy and @channels",
    "@Override List<@NonNull String>",
    "a < b && b > c, 3 <@ 4",
    "<#define>",
    "<!hereafter>",
    "#channel here",
    "&amp; &lt;b&gt;",
]
AWKWARD = [
    "one\ntwo  \nthree\n\nfour",
    "# Head *line* `code`\n\ntext\n\nHead\n====",
    "- one\n- two\n  - three\n\n    more\n  - four\n- five",
    "3. three\n4. four\n\n   ```py\n   code  here\n   ```\n5. five",
    "- [ ] open\n- [x] done\n  - [X] within",
    "> quote\n> - list\n>\n> ```\n> code\n> ```\n>> deeper",
    "| a | b |\n|:--|--:|\n| 1 | **2** |\n| `x` | |",
    "```python\n\n  indented\n\tby a tab  \n\n```",
    "    indented code\n\n    more",
    "```\nunclosed",
    "~~~~\n```\n~~~~",
    "**bold** _italic_ ~~gone~~ ***both*** `co de` ``a`b``",
    '[label](https://example.com "title") <https://example.com/a?b=c&d> https://example.com/x.',
    "![a picture](https://example.com/p.png) ![](https://example.com/q.png)",
    "[](https://example.com/empty)",
    "[![build](https://a.b/c.svg)](https://a.b) [![](https://a.b/d.svg)](e) end",
    "[ref][1] and [gone]\n\n[1]: https://example.com",
    "[**bold `code`** 😀](https://example.com)",
    "😀 👍🏽 👨‍👩‍👧‍👦 🇩🇪 🏳️‍🌈 1️⃣ ❤ ❤️ © :smile: :wave::skin-tone-3: :nosuch:",
    "at 10:30:45, a[1:n:2], std::vector::size()",
    "😀\u200b🏽 😀\ufe0e🏽 ©\u200d😀 🇩🇪🇫",
    "`:smile:` and\n\n```\n😀 :smile:\n```",
    "<b>html</b> <br> <!-- note --> &amp; &copy; &#65; &lt;b&gt; &amp;lt;",
    "\\*stars\\* \\# \\[x\\]",
    "a\n***\nb\n\n---\n\nc",
    "x" * 149 + "\n\n# " + "long " * 60,
    "\u202eright to left\u202c שלום e\u0301 नि ﷽",
    "NUL \0 and \ufffc and \u00a0 and \u2028",
    "**unclosed _and `more",
    "a\\\nb",
    "   ",
    "*\n\n  a",
    "1. \n2. a",
]
PIECES = [
    *"*_`~#>-+|[]()!<@:\\&;\n \t.1aé",
    "\n\n", "    ", "```", "```\n", "|---|\n", "- ", "1. ", "[x] ", "> ", "**", "~~",
    "@here", "<!channel>", "<@U1>", "&lt;", "&amp;", "word", "https://example.com/a", "](http://a.b)",
    "😀", "👍", "🏽", "\u200d", "\ufe0f", "🇩", "🇪", "©", "\u20e3", "\u200b",
    ":smile:", "smile", "10:30:45",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60)


DISPUTED = re.compile(r":[^\s:]+:[^\s:]+:|\\[^\x00-\x7f]|(?s:[🇦-🇿].*){3}")
"""Of `:a:b:` only Slack knows which half is an emoji, and so it is with half flags."""


def shown(text: str) -> str:
    """What is seen of a text that was sent to Slack."""
    return seen(translate(escape(text)))


@pytest.mark.parametrize("text", PINGS)
def test_what_looks_like_a_mention_notifies_nobody(text: str) -> None:
    assert server.pings(translate(escape(text))) == []


@pytest.mark.parametrize("text", PINGS)
def test_an_escaped_mention_still_shows_what_it_says(text: str) -> None:
    assert escape(text) != text
    assert escape(text).replace(HIDING, "") == text
    assert shown(text) == visible(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_mention_is_left_as_it_is(text: str) -> None:
    assert escape(text) == text


def test_escaping_twice_is_escaping_once() -> None:
    assert [escape(escape(text)) for text in PINGS] == [escape(text) for text in PINGS]


@settings(deadline=None)
@given(texts)
@example("<@U1>" * 2000)
@example("<!here|@here>" * 700)
@example("@here" * 2000)
def test_a_part_of_the_greatest_length_fits_into_slacks_limit(text: str) -> None:
    longest = (text * (10_000 // max(1, len(text)) + 1))[:10_000]
    assert len(escape(longest)) <= 12_000


@given(texts)
def test_no_text_notifies_anybody(text: str) -> None:
    assert server.pings(translate(escape(text))) == []


@given(texts, st.integers(0, 40))
@example("@here", 4)
@example("a <!subteam^S1>", 8)
@example("@&#x000068;ere", 10)
def test_what_is_escaped_of_a_growing_text_stays_as_the_text_grows(text: str, cut: int) -> None:
    growing = escape_growing(text[:cut])
    assert escape(text).startswith(growing)
    assert len(text[:cut]) - len(growing) < 100


@pytest.mark.parametrize("text", AWKWARD)
def test_what_slack_makes_of_a_text_is_seen_as_the_text_itself(text: str) -> None:
    assert shown(text) == visible(text)


@settings(max_examples=500, deadline=None)
@given(texts.filter(lambda text: not DISPUTED.search(text)))
def test_what_slack_makes_of_any_text_is_seen_as_the_text_itself(text: str) -> None:
    assert shown(text) == visible(text)


LONG = """# A title

Some *words* with `code`, **bold** and [a label](<>).

- first
  - nested
- second

> a quote

| head | cell |
|---|---|
| left | right |

```
code = 1
  indented
```

The end 😀 of it."""


@settings(deadline=None)
@given(st.sampled_from([at for at in range(len(LONG)) if LONG[at].isalpha()]), st.data())
def test_a_changed_lost_or_doubled_letter_is_seen(at: int, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(["", "Z", 2 * LONG[at]]))
    assert shown(LONG[:at] + other + LONG[at + 1 :]) != visible(LONG)


@settings(deadline=None)
@given(st.integers(0, len(LONG) - 1))
def test_a_text_that_is_cut_short_is_seen(end: int) -> None:
    assume(LONG[end:].strip(" \n|-`>#*"))
    assert shown(LONG[:end]) != visible(LONG)


def test_a_lost_line_end_or_indent_of_code_is_seen() -> None:
    assert visible("```\na\n  b\n```") != visible("```\na\nb\n```") != visible("```\nab\n```")


def test_code_is_told_from_text() -> None:
    assert visible("a\n\n```\nb\n```") != visible("a b")


def test_small_print_and_buttons_are_no_part_of_the_text() -> None:
    below: list[dict[str, Any]] = [
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "verified"}]},
        {"type": "actions", "elements": []},
    ]
    assert seen([*translate("An *answer*."), *below]) == visible("An answer.")


def test_a_block_that_slack_left_as_it_was_is_read_as_markdown() -> None:
    assert seen([{"type": "markdown", "text": "An *answer*."}]) == visible("An answer.")


def test_a_ping_that_came_through_is_seen_as_a_difference() -> None:
    assert seen(translate("<@U0ALICE001>")) != visible("<@U0ALICE001>")
