"""Discord's client draws what the model said: judged by our reading, and by the client's rules."""

from __future__ import annotations

import itertools
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connectors.discord.dialect import DiscordDialect, units
from connectors.discord.dialect.spans import NOTE, RULE
from connectors.discord.parts import MOST, content
from connectors.markdown import plain
from tests.doubles.discord import markdown as client
from tests.doubles.work import is_linear
from tests.unit.markdown.grammar import Grammar

DIALECT = DiscordDialect()
HIDING = {"spoiler", "mention", "emoji", "time", "silent", "underline", "subtext"}
"""What the client would draw as something else than the model wrote."""
seeds = st.integers(0, 2**32)


def made(seed: int, blocks: int = 4) -> str:
    """A text of the grammar's."""
    return Grammar(Random(seed)).text(blocks)[0]  # noqa: S311 - texts need no secrecy


def differing(text: str) -> Iterator[str]:
    """What differs of what is drawn, tables with and without columns."""
    form = plain(text)
    for aligned in (False, True):
        written = DIALECT.write(text, aligned=aligned).strip()
        ours = DIALECT.read(written)
        if list(ours.lines) != form or ours.unknown:
            yield f"by our reading: {ours}"
        if client.lines(written) != form:
            yield f"by the client's: {client.lines(written)}"


# What is written.


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # Fences: the client knows three backticks, and no escape in code.
        ("~~~py\nx\n~~~", "```py\nx\n```"),
        ("    x\n    y", "```\nx\ny\n```"),
        ("~~~\n```\n~~~", f"```\n``\u200b`\n```\n{NOTE}"),
        (
            "````md\n# T\n```py\nx\n```\n````",
            f"```md\n# T\n``\u200b`py\nx\n``\u200b`\n```\n{NOTE}",
        ),
        ("```\nx\n`````` y\n```", f"```\nx\n``\u200b``\u200b`` y\n```\n{NOTE}"),
        ("```objective c++\n\nx\n\n```", "```objective\n\u200b\nx\n\u200b\n```"),
        ("- a\n  ```\n  x\n\n  y\n  ```\n- b", "- a\n```\nx\n\ny\n```\n- b"),
        ("> ```\n> x\n>\n> y\n> ```", "> ```\n> x\n> \n> y\n> ```"),
        ("`a ``b`` c` and ``a `b` c``", "`a ``b`` c` and ``a `b` c``"),
        # Spoilers.
        ("(a || b) and (c || d)", r"(a \|\| b) and (c \|\| d)"),
        ("a ||| b | c", r"a \|\|\| b | c"),
        ("`a || b` and `c || d`", "`a || b` and `c || d`"),
        # What the client knows nothing of.
        ("#### Title", "**Title**"),
        ("###### Title *it*", "**Title *it***"),
        ("a\n\n---\n\nb", f"a\n{RULE}\nb"),
        ("> | a | b |\n> |---|---|\n> | 1 | 2 |", "> ```\n> a│b\n> \u200b─┼─\n> 1│2\n> ```"),
        ("   | a |\n   |---|\n   | 1 |", "```\na\n\u200b───\n1\n```"),
        ("- a\n\n      | a | b |\n  x", "- a\n```\n| a | b |\n```\nx"),
        ("| a │ ┃ ║ | b |\n|---|---|\n| 1 | 2 |", "```\na │ ┃ ║\tb\n1\t2\n```"),
        ("> > deep", "> deep"),
        ("- # Head\n- > said", "- **Head**\n> said"),
        ("- > - a\n\n  > 5. b", "> - a\n\n> 5. b"),
        ("- > - a\n- > 5. b", "> - a\n\n> 5. b"),
        # The number of an item that begins with a quotation stands in it.
        ("1. > a\n2. > b", "> 1\\. a\n\n> 2\\. b"),
        ("36) > # Title\n    > more", "> # 36) Title\n> more"),
        ("> 36) > > deep", "> \n> 36) deep"),
        ("7. > ```\n   > x\n   > ```\n   y", "> 7\\.\n> ```\n> x\n> ```\ny"),
        ("110. > - a\n111.\n112. > 5. b", "> 110\\.\n> - a\n111\\.\n> 112\\.\n> 5. b"),
        ("- 31) > a\n\n  b\n- c", "> 31) a\nb\n- c"),
        ("> - a\n>   > 5. b\n> - c", "> - a\n> \n> 5. b\n> \n> - c"),
        # Numbers as they are written.
        ("3. a\n4. b", "3. a\n4. b"),
        ("3. a\n5. b\n9. c", "3. a\n\n5. b\n\n9. c"),
        ("0. a\n1) b\n01. c", "0\\. a\n\n1) b\n\n01\\. c"),
        ("- a\n\n  5. b\n  9. c", "- a\n  5. b\n  9\\. c"),
        ("+ a\n  + b", "- a\n  - b"),
        ("**1. Title**", r"**1\. Title**"),
        ("- [ ] a\n- [x] b", "- ☐ a\n- ☑ b"),
        # Marks that are none, and emphasis beside Chinese.
        ("2**10, 3**4, 2*3*4", r"2\*\*10, 3\*\*4, 2\*3\*4"),
        ("__init__, snake_case_name", r"\_\_init\_\_, snake\_case\_name"),
        ("这是**重要：**的", "这是**重要：**的"),
        ("*a* __b b__ _c_ ~~d~~", "*a* **b b** *c* ~~d~~"),
        ("**a\nb**", "**a**\n**b**"),
        ("**a `**` b**", "a `**` b"),
        (r"\(x_1 = -b\), $a*b*c$", r"\\(x\_1 = -b\\), $a\*b\*c$"),
        # What the client would put something else in the place of.
        ("<t:1618953630:R> <@1> <@&2> <#3>", r"\<t\:1618953630:R> \<@1> \<@&2> \<#3>"),
        ("</ask:4> <:smile:5> :smile: @everyone", r"\</ask:4> \<\:smile:5> \:smile: \@everyone"),
        ("-# small\n>>> loud", "\\-# small\n> loud"),
        ("# C#\n# F##", "# C#\u200b\n# F##\u200b"),
        ("See [docs][1].\n\n[1]: https://b.example", "See \\[docs]\\[1].\n\n\\[1]: <https://b.example>"),
        # Links whose address is not hidden behind another one.
        ("[docs](https://a.example/x)", "[docs](https://a.example/x)"),
        ("![cat](https://a.example/c.png)", "[cat](https://a.example/c.png)"),
        ("[https://good.example](https://bad.example)", "<https://good.example> (<https://bad.example>)"),
        ("[a*b](https://a.example)", r"a\*b (<https://a.example>)"),
        ("[x](javascript:alert)", "x (javascript:alert)"),
        ("https://a.example/x_y，然后**b**", "<https://a.example/x_y>，然后**b**"),
        ("xhttp://a_b", r"xhttp\://a\_b"),
    ],
)  # fmt: skip
def test_how_a_text_is_written(text: str, written: str) -> None:
    assert DIALECT.write(text) == written
    assert list(differing(text)) == []


def test_a_table_has_columns_where_there_is_room() -> None:
    text = "| Fruit | Price |\n|---|--:|\n| Apple | 3 |\n| **梨** | 12 |"
    rows = ["Fruit │ Price", "\u200b──────┼──────", "Apple │     3", "梨    │    12"]
    assert content(text) == "\n".join(["```", *rows, "```"])
    wide = text + "\n| x | y |" * 250
    assert units(content(wide)) <= MOST
    assert "Fruit│Price" in content(wide)


def test_a_note_says_where_code_has_a_character_more() -> None:
    assert NOTE in content("~~~\n```\n~~~")
    assert NOTE not in content("```\nx\n```")
    assert DIALECT.read(content("~~~\n```\n~~~")).lines == ("```",)


@pytest.mark.parametrize(
    "text",
    [
        "~~~\n``\u200b`\n``\u200b\u200b```\n~~~",
        "```\n\u200b\nx\n\u200b\u200b\n```",
        "```\na│b\n\u200b─┼─\n1│2\n```",
        "```\na│b\n─┼─\n1│2\n```",
        "# C#\u200b",
        "``a`\u200b`b``",
        f"{RULE}\n\n{NOTE}",
    ],
)
def test_what_looks_like_our_decoration_and_is_the_models_stays(text: str) -> None:
    assert list(differing(text)) == []


@pytest.mark.parametrize("text", ["", " \n ", "```\n```", "- ", "[]()", "\u200b", "***"])
def test_nothing_is_written_as_nothing(text: str) -> None:
    assert DIALECT.read(DIALECT.write(text)).lines == tuple(plain(text))


# By a grammar, by what others wrote, and by anything at all.


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_what_is_drawn_is_what_a_reader_must_find(seed: int) -> None:
    assert list(differing(made(seed))) == []


def documents() -> list[Path]:
    """The Markdown that is installed with packages, and the project's own."""
    root = Path(__file__).parents[3]
    packaged = sorted(Path(sysconfig.get_path("purelib")).rglob("*.md"))
    return [*root.glob("*.md"), *root.glob("docs/*.md"), *packaged]


def pieces(text: str, most: int = 1_500) -> Iterator[str]:
    """A document in pieces that make a message each."""
    piece = ""
    for paragraph in text.split("\n\n"):
        if piece and len(piece) + len(paragraph) > most:
            yield piece
            piece = ""
        piece += f"\n\n{paragraph[:most]}"
    yield piece


@pytest.mark.parametrize("path", documents(), ids=str)
def test_what_is_drawn_of_documents_is_what_a_reader_must_find(path: Path) -> None:
    for piece in itertools.islice(pieces(path.read_text()), 12):
        assert list(differing(piece)) == []


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("a1 中\n\n`*_~|<>[]()#-+.:\\@!\u200b😀https:/"), max_size=40))
def test_no_text_is_drawn_otherwise(text: str) -> None:
    assert list(differing(text)) == []


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_nothing_pings_hides_or_becomes_a_picture(seed: int) -> None:
    rule_free = "\n".join(
        line for line in DIALECT.write(made(seed)).split("\n") if RULE not in line and line != NOTE
    )
    assert not client.kinds(rule_free) & HIDING


# The check can fail.


@settings(max_examples=200, deadline=None)
@given(seeds, st.randoms(use_true_random=False), st.sampled_from(["drop", "swap", "cut"]))
def test_a_character_that_is_not_as_it_was_is_found(seed: int, random: Random, how: str) -> None:
    text = made(seed, blocks=3)
    form, written = plain(text), DIALECT.write(text).strip()
    letters = [at for at, char in enumerate(written) if char.isalnum()]
    assume(letters)
    at = random.choice(letters)
    other = "q" if written[at] != "q" else "j"
    changed = {
        "drop": written[:at] + written[at + 1 :],
        "swap": written[:at] + other + written[at + 1 :],
        "cut": written[:at],
    }[how]
    if client.lines(changed) != form:  # a language or the note may be another
        assert list(DIALECT.read(changed).lines) != form


@pytest.mark.parametrize(
    ("answer", "unknown"),
    [
        ("a ||b|| c", ("spoiler",)),
        ("<@123456789012345678>", ("mention",)),
        ("<t:1618953630:R>", ("mention",)),
        ("```\n```", ("code",)),
        ("> ```\n> ```\n> x", ("code",)),
    ],
)
def test_what_is_never_written_so_is_named(answer: str, unknown: tuple[str, ...]) -> None:
    assert DIALECT.read(answer).unknown == unknown


@pytest.mark.parametrize(
    "answer",
    [
        "__a__ and _b *c*_, not d_e_f or _g",
        "https://a.example/x_y_(z)?q=_1_&r",
        "<https://a.example/x_y_(z",
        "`PROTO_REPO_BRANCH",
        "__a `b_c` d__e_",
        "```\u2603ython\nx\n```\ny",
        "> ```py\n> x\n>",
    ],
)
def test_marks_that_are_never_written_are_read_as_the_client_draws_them(answer: str) -> None:
    """So an answer that was cut in the middle of an address or of code is not what was sent."""
    drawn = DIALECT.read(answer)
    assert (list(drawn.lines), drawn.unknown) == (client.lines(answer), ())


def test_code_that_is_never_closed_is_read_with_its_marks() -> None:
    """So an answer that was cut within code is not what was sent."""
    drawn = DIALECT.read("```\nnever closed")
    assert (drawn.lines, drawn.unknown) == (("```", "never closed"), ())


# While it grows, and what it costs.


@settings(max_examples=100, deadline=None)
@given(seeds, st.randoms(use_true_random=False))
def test_what_is_written_while_it_grows_is_never_taken_back(seed: int, random: Random) -> None:
    text, shown = made(seed), ""
    for end in sorted(random.sample(range(len(text) + 1), min(8, len(text)))):
        grown = DIALECT.write(text[:end], growing=True)
        assert grown.startswith(shown)
        shown = grown
    assert DIALECT.write(text).startswith(shown)


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_a_text_costs_what_is_sent_for_it(seed: int) -> None:
    text = made(seed)
    cost = DIALECT.measure(text)
    assert cost.characters == units(DIALECT.write(text))
    lines = text.split("\n")
    added = sum(DIALECT.adds(line).characters for line in lines)
    assert cost.characters <= added


@pytest.mark.parametrize(
    "unit",
    [
        "*",
        "**a ",
        "`",
        "```\n",
        "| a ",
        "|a|b|\n",
        "> ",
        "- a\n",
        "[",
        "](",
        "<",
        "1. a\n",
        "||",
        "~~",
        "_",
        "__",
        "_a__b ",
        "1) > ",
        "https://a_",
        "> ```\n",
    ],
)
def test_the_work_is_linear_in_hostile_text(unit: str) -> None:
    assert is_linear(lambda text: DIALECT.read(DIALECT.write(text)), unit)
    assert is_linear(DIALECT.read, unit)
