"""What the double of Slack makes of Markdown, and what of it is seen and rings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.slack import Reading, mrkdwn, translate, visible

Json = dict[str, Any]


def rich(markdown: str) -> list[Json]:
    """The elements of the only rich text block."""
    (block,) = translate(markdown)
    assert block["type"] == "rich_text"
    return list(block["elements"])


def section(markdown: str) -> list[Json]:
    """The elements of the only section."""
    (element,) = rich(markdown)
    assert element["type"] == "rich_text_section"
    return list(element["elements"])


def drawn(markdown: str, reading: Reading = Reading()) -> str:  # noqa: B008 - frozen
    """What is seen of a text."""
    return visible.text(translate(markdown, reading))


def test_markdown_is_never_echoed() -> None:
    assert translate("**x**") == [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [{"type": "text", "text": "x", "style": {"bold": True}}],
                }
            ],
        }
    ]


def test_styles_nest() -> None:
    nested = section("**a *b* ~~c~~** `**d**`")
    assert [(e["text"], set(e.get("style", ()))) for e in nested] == [
        ("a ", {"bold"}),
        ("b", {"bold", "italic"}),
        (" ", {"bold"}),
        ("c", {"bold", "strike"}),
        (" ", set()),
        ("**d**", {"code"}),
    ]


def test_paragraphs_share_a_section_and_lines_stay_lines() -> None:
    assert section("a\nb\n\nc") == [{"type": "text", "text": "a\nb\n\nc"}]


def test_headings_rules_and_tables_are_blocks_of_their_own() -> None:
    blocks = translate("# One *two*\ntext\n\n---\n\n| a | b |\n|---|--:|\n| 1 | **2** |")
    assert [block["type"] for block in blocks] == ["header", "rich_text", "divider", "table"]
    assert blocks[0]["text"] == {"type": "plain_text", "text": "One two", "emoji": True}
    assert blocks[3]["rows"][1][0] == {"type": "raw_text", "text": "1"}
    assert blocks[3]["rows"][1][1]["type"] == "rich_text"
    assert blocks[3]["column_settings"] == [{"align": "left"}, {"align": "right"}]


def test_a_heading_too_long_for_a_header_is_bold_text() -> None:
    (element,) = rich("# " + "x" * 151)
    assert element["elements"] == [{"type": "text", "text": "x" * 151, "style": {"bold": True}}]
    assert translate("# " + "x" * 150)[0]["type"] == "header"


def test_nested_lists_are_flat_with_indents_and_numbers_go_on() -> None:
    lists = rich("3. a\n   - b\n     - c\n4. d")
    assert [(e["style"], e["indent"], e.get("offset", 0)) for e in lists] == [
        ("ordered", 0, 2),
        ("bullet", 1, 0),
        ("bullet", 2, 0),
        ("ordered", 0, 3),
    ]


def test_code_keeps_its_language_and_everything_in_it() -> None:
    code = "<@U1> :tada: &amp; 🎉\n\n  x"
    assert rich(f"```python\n{code}\n```") == [
        {
            "type": "rich_text_preformatted",
            "elements": [{"type": "text", "text": code}],
            "border": 0,
            "language": "python",
        }
    ]


def test_what_stands_in_a_quote_is_quoted() -> None:
    kinds = [(e["type"], e.get("border", 0)) for e in rich("> a\n>\n> - b\n>\n> ```\n> c\n> ```")]
    assert kinds == [
        ("rich_text_quote", 0),
        ("rich_text_list", 1),
        ("rich_text_preformatted", 1),
    ]


def test_a_link_has_a_text_only_where_it_differs() -> None:
    assert section("[a](https://b.c) <https://b.c> https://b.c. ![i](https://b.c/i)") == [
        {"type": "link", "url": "https://b.c", "text": "a"},
        {"type": "text", "text": " "},
        {"type": "link", "url": "https://b.c"},
        {"type": "text", "text": " "},
        {"type": "link", "url": "https://b.c"},
        {"type": "text", "text": ". "},
        {"type": "link", "url": "https://b.c/i", "text": "i"},
    ]


@pytest.mark.parametrize(
    ("character", "points"),
    [
        ("😀", "1f600"),
        ("👨‍👩‍👧‍👦", "1f468-200d-1f469-200d-1f467-200d-1f466"),
        ("🏳️‍🌈", "1f3f3-fe0f-200d-1f308"),
        ("🇩🇪", "1f1e9-1f1ea"),
        ("1️⃣", "31-fe0f-20e3"),
        ("👋🏽", "1f44b-1f3fd"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", ""),
        ("🦥", "1f9a5"),
    ],
)
def test_an_emoji_is_one_element_and_seen_as_it_was_written(character: str, points: str) -> None:
    _, element, _ = section(f"a{character}b")
    assert element["type"] == "emoji"
    assert element["name"]
    assert points in {"", element["unicode"]}
    assert visible.text(translate(f"a{character}b")) == f"a{character}b"


def test_a_known_shortcode_is_an_emoji_and_an_unknown_one_is_text() -> None:
    assert visible.text(translate(":white_check_mark: :nope: 12:30:45")) == "✅ :nope: 12:30:45"


@pytest.mark.parametrize("plain", ["© ™ ☺ 1 # *", "e\u0301 नि ﷽", "\u202eשלום\u202c"])
def test_what_is_no_emoji_stays_text(plain: str) -> None:
    assert section(f"x {plain}") == [{"type": "text", "text": f"x {plain}"}]


@pytest.mark.parametrize(
    ("markdown", "who"),
    [
        ("<@U1>", ["U1"]),
        ("**<@U1|name>** <!here> <!subteam^S1>", ["U1", "here", "S1"]),
        ("@channel, @everyone", ["channel", "everyone"]),
        ("- a\n  - <@U1>", ["U1"]),
        ("| <@U1> |\n|---|", ["U1"]),
        ("a@channel.com @channels `<@U1>`", []),
        ("    <@U1>", []),
        (r"\<@U1>", []),
        ("&lt;@U1&gt;", []),
        ("# <@U1>", []),
        ("[<@U1>](https://a.b)", []),
        ("<#C1>", []),
    ],
)
def test_a_mention_rings_outside_of_code_links_and_headers(markdown: str, who: list[str]) -> None:
    assert visible.pings(translate(markdown)) == who


def test_entities_are_decoded_but_in_code() -> None:
    assert drawn("&lt;b>x&lt;/b> &amp; &lt; `&amp;`") == "<b>x</b> & < &amp;"


def test_text_that_people_type_is_escaped_with_addresses_and_emoji_in_tokens() -> None:
    typed = mrkdwn.typed("<@U1> 1 < 2 & 3 https://a.b/?c=1&d=2. 🎉 &amp;")
    assert typed == "<@U1> 1 &lt; 2 &amp; 3 <https://a.b/?c=1&d=2>. :tada: &amp;amp;"
    assert visible.text([mrkdwn.rich_text(typed)]) == "@U1 1 < 2 & 3 https://a.b/?c=1&d=2. 🎉 &amp;"


@pytest.mark.parametrize(
    ("markdown", "seen"),
    [
        ("这是**重要：**的", "这是**重要：**的"),
        ("这是**重要：**，的", "这是**重要：**，的"),
        ("这是**重要：** 的", "这是重要： 的"),
        ("这是**重要**的", "这是重要的"),
        ("这是**\u200b重要：\u200b**的", "这是\u200b重要：\u200b的"),
        ("这是**重要：**\u200b的", "这是**重要：**\u200b的"),
        ("这是**`a`**的", "这是**a**的"),
        ("这是**\u200b`a`\u200b**的", "这是**\u200ba\u200b**的"),
        ("这是 **`a`** 的", "这是 a 的"),
        ("a _b_ c，_d_，e", "a b c，_d_，e"),
        ("snake_case_name __init__", "snake_case_name init"),
        ("`a\nb`", "a b"),
        ("访问https://a.b/c。谢谢", "访问https://a.b/c。谢谢"),
        ("**https://a.b/c**（d）", "**https://a.b/c**（d）"),
        ("**https://a.b/c** (https://d.e).", "https://a.b/c (https://d.e)."),
        ("[x][1]\n\n[1]: https://a.b", "x"),
        ("a <b>c</b> &lt;d&gt; \\<e> f < g > h", "a c <d> <e> f < g > h"),
        ("<@U1> <!here> <#C1|x> <https://a.b> <a@b.c>", "@U1 @here #C1 https://a.b a@b.c"),
    ],
)
def test_inline_marks_are_read_as_they_were_measured(markdown: str, seen: str) -> None:
    assert drawn(markdown) == seen


def test_an_address_that_touches_chinese_text_leads_elsewhere() -> None:
    (block,) = translate("访问https://a.b/c。谢谢 x")
    assert {"type": "link", "url": "https://a.b/c。谢谢"} in block["elements"][0]["elements"]


def test_an_address_with_a_label_in_angle_brackets_is_a_link_where_that_is_so() -> None:
    markdown = "<https://a.b/c|the label>"
    assert drawn(markdown) == markdown
    assert drawn(markdown, Reading(angle_links=True)) == "the label"


def test_tables_and_rules_within_lists_are_blocks_and_the_list_goes_on() -> None:
    blocks = translate("3. a\n\n   | b |\n   |---|\n   | c |\n4. d\n\n   ---\n5. e")
    assert [block["type"] for block in blocks] == [
        "rich_text", "table", "rich_text", "divider", "rich_text",
    ]  # fmt: skip
    lists = [block["elements"][0] for block in blocks if block["type"] == "rich_text"]
    assert [each["offset"] for each in lists] == [2, 3, 4]


@pytest.mark.parametrize("markdown", ["> | a |\n> |---|", "> ---", "- > | a |\n  > |---|", "- ---"])
def test_a_table_or_rule_anywhere_is_drawn(markdown: str) -> None:
    assert {block["type"] for block in translate(markdown)} & {"table", "divider"}
