"""The normal form: what a reader must find of a Markdown text."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.render import layout
from connectors.base import Limits
from connectors.markdown import Growing, joined, parse, plain
from connectors.markdown.nodes import Link, Paragraph
from tests.doubles.work import is_linear
from tests.unit.markdown.grammar import Grammar

seeds = st.integers(0, 2**32)


def made(seed: int, blocks: int = 8) -> tuple[str, list[str]]:
    """A text by the grammar, and its form."""
    return Grammar(Random(seed)).text(blocks)  # noqa: S311 - no secret


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("2**10 and 3**4", ["2**10 and 3**4"]),
        ("2*3*4 snake_case_name __init__()", ["2*3*4 snake_case_name __init__()"]),
        ("这是**重要：**的", ["这是重要：的"]),
        (
            "**「重要」**は *注意。*だ 이것은 **강조(중요)**는",
            ["「重要」は 注意。だ 이것은 강조(중요)는"],
        ),
        ("See [docs][1]\n\n[1]: https://a.example", ["See [docs][1]", "[1]: https://a.example"]),
        (
            "Sources:\n[1]: https://a.example/x\n[2]: <b>",
            ["Sources:", "[1]: https://a.example/x", "[2]: <b>"],
        ),
        (
            "> - item\n>   ````md\n>   ```py\n>   x  = 1\n>   ```\n>   ````",
            ["item", "```py", "x  = 1", "```"],
        ),
        ("3. a\n5. b\n9) c", ["3. a", "5. b", "9) c"]),
        ("<https://x.example/a|label>", ["<https://x.example/a|label>"]),
        ("<https://x.example/a> <std::string>", ["https://x.example/a <std::string>"]),
        (
            r"\(x_1 = -b\) \[E = mc^2\] $a*b*c$ $$a_1$$",
            [r"\(x_1 = -b\) \[E = mc^2\] $a*b*c$ $$a_1$$"],
        ),
        ("$5 *a* and $10 _b_", ["$5 a and $10 b"]),
        (r"\*a\* \_ \[x\] \(y\) C:\dir", [r"*a* _ \[x\] \(y\) C:\dir"]),
        ("[l](http://x) [http://x](http://x) ![a](b.png)", ["l (http://x) http://x a (b.png)"]),
        ('[l](<a b> "title") [x](y\\(z)', ["l (a b) x (y(z)"]),
        ("- [ ] a\n- [x] b\n- [x]c", ["☐ a", "☑ b", "[x]c"]),
        ("1. ```\n   x\n   ```\n2. 3. y", ["1.", "x", "2.", "3. y"]),
        ("| a | b |\n|---|:-:|\n| `x\\|y` | **2** | 3 |\n| | z |", ["a\tb", "x|y\t2\t3", "\tz"]),
        ("> | a | b |\n> |---|---|\n> | 1<br>2 | |", ["a\tb", "1 2"]),
        ("a<br>b &amp; :smile: <b>*x*</b>", ["a", "b &amp; :smile: <b>x</b>"]),
        ('<a title="_x_ *y*">', ['<a title="_x_ *y*">']),
        ("`` a ` b `` `x  y`", ["a ` b x  y"]),
        ("    code\n\n      more\ntext", ["code", "", "  more", "text"]),
        ("~~~ py\na\n```\n~~~\n\n\nb   c\t d", ["a", "```", "b c d"]),
        ("Title\n===\n#### H4 ##\n---", ["Title", "H4"]),
        ("a  \nb\\\nc\nd", ["a", "b", "c", "d"]),
        ("***a** b* ~~c~~ ~d~ **__init__**", ["a b c ~d~ __init__"]),
        ("`a\u202eb` \u2066c\u200f", ["a\ufffdb \ufffdc\u200f"]),
        (
            "https://a.example/*x* (https://b.example/c_(d)_e).",
            ["https://a.example/*x* (https://b.example/c_(d)_e)."],
        ),
    ],
)
def test_the_form_of_a_text(text: str, lines: list[str]) -> None:
    assert plain(text) == lines


@settings(max_examples=400, deadline=None)
@given(seeds)
def test_every_character_that_is_no_markup_survives(seed: int) -> None:
    """The grammar knows what it wrote without reading it."""
    text, lines = made(seed)
    assert plain(text) == lines


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(
            st.characters(
                categories=("L", "Nd", "Po", "So", "Mn"), exclude_characters="*_`#\\@&!\"'%"
            ),
            min_size=1,
            max_size=9,
        ),
        min_size=1,
    )
)
def test_a_text_without_marks_is_its_own_form(words: list[str]) -> None:
    """Words of all scripts, with the punctuation that means nothing at a line's start."""
    text = " ".join(words)
    assume(text.strip() and not text.isdigit())
    assert plain(text) == [" ".join(text.split())]


@settings(max_examples=300, deadline=None)
@given(seeds, st.randoms(use_true_random=False))
def test_slices_cut_between_lines_join_to_the_whole(seed: int, random: Random) -> None:
    """But for a header that is cut from its table or underline: then those are literal."""
    text, lines = made(seed)
    parts, start = [], 0
    for at in [i + 1 for i, char in enumerate(text) if char == "\n"]:
        following = text[at:].partition("\n")[0].strip("> ")
        if random.random() < 0.3 and following.strip("|:-= "):
            parts.append(text[start:at])
            start = at
    assert _unescaped(joined([*parts, text[start:]])) == _unescaped(lines)


@settings(max_examples=300, deadline=None)
@given(seeds, st.integers(1000, 4000))
def test_the_layouts_slices_join_to_the_whole(seed: int, length: int) -> None:
    text, lines = made(seed, 40)
    slices = [piece.lead + piece.body + piece.trail for piece in layout(text, Limits(length))]
    assert "".join(slices) == text
    assume(all(each.partition("\n")[0].strip("|:- >") for each in slices))
    assert _unescaped(joined(slices)) == _unescaped(lines)


def _unescaped(lines: list[str]) -> list[str]:
    """Without the backslash of a line end that a cut parts from its line."""
    return [line.removesuffix("\\") for line in lines]


@settings(max_examples=100, deadline=None)
@given(seeds, st.randoms(use_true_random=False))
def test_a_growing_text_has_the_form_that_it_has_as_a_whole(seed: int, random: Random) -> None:
    """Wherever it has got to; and one that begins otherwise is read from its start."""
    text, _ = made(seed)
    growing = Growing()
    for end in sorted(random.randint(0, len(text)) for _ in range(6)):
        assert growing.form(text[:end]) == "\n".join(plain(text[:end]))
    assert growing.form("*Other*") == "Other"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "one",
                "two ",
                " three",
                "重要",
                "\n",
                "\n\n",
                "- x",
                "\n3. y",
                "\n> q",
                "\n```\n",
                "\n    c",
                "é",
            ]
        ),
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_a_text_without_emphasis_may_be_cut_anywhere(pieces: list[str], random: Random) -> None:
    """In the middle of a word, line, code block, item or quote; but not of a fence's run."""
    text = "".join(pieces)
    spots = [at for at in range(len(text) + 1) if text[max(0, at - 1) : at + 1] != "``"]
    cuts = sorted(random.choice(spots) for _ in range(4))
    slices = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert joined(slices) == plain(text)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("*_`~[]()!<>$\\|-:#=+.1 \t\nabé重：\u202e"), max_size=80), st.data())
def test_any_cut_of_any_text_loses_no_letter(text: str, data: st.DataObject) -> None:
    """Whatever is written, and wherever it is cut."""
    at = data.draw(st.integers(0, len(text)))
    whole, cut = plain(text), joined([text[:at], text[at:]])
    for letter in "abé重":
        assert text.count(letter) >= "".join(whole).count(letter)
        assert "".join(cut).count(letter) >= "".join(whole).count(letter)


HOSTILE = (
    *("*a ", "a* ", "**a", "_a_", "~~", "`", "`a", "``a`", "[", "]", "[a](", "[a](b", "![", "](<"),
    *(
        "<",
        "<!--",
        "<a b='",
        '<a b="',
        "<a ",
        "$a",
        "$ $",
        "$$",
        "\\(",
        "\\[",
        "__a",
        "__a__",
        "(",
        ")",
    ),
    *(
        "https://a",
        "https://a)!",
        "> ",
        "- ",
        "1. ",
        "  ",
        "\t",
        "\\",
        "|",
        "|-",
        "| a | b |\n",
        "***",
    ),
    *(
        "\n",
        "a\n",
        "> \n",
        "- \n",
        "    \n",
        "    a\n\n",
        "```\n",
        "# ",
        "#",
        "=\n",
        "-\n",
        "*a_ ",
        "[a](x '",
    ),
    *(
        '[a](x "',
        "<a@b.",
        "<http:",
        "a  ",
        "![a](b)",
        "[![a](b)](c)",
        "- a\n\n",
        "| - ",
        "*a* **b**",
        "重**",
    ),
)


@pytest.mark.parametrize("unit", HOSTILE)
def test_the_work_is_linear_in_hostile_text(unit: str) -> None:
    assert is_linear(plain, unit)


def test_a_bare_address_is_a_link_as_far_as_it_goes() -> None:
    """Its letters are ASCII's own, whatever another alphabet folds to them."""
    (paragraph,) = parse("See https://kiosk.example/first?is=K, (HTTP://b.example/x)。好").blocks
    assert isinstance(paragraph, Paragraph)
    links = [each for each in paragraph.children if isinstance(each, Link)]
    assert [link.address for link in links] == [
        "https://kiosk.example/first?is=K",
        "HTTP://b.example/x",
    ]
