"""Markdown texts made by a grammar, each with the normal form that it was made to have.

The form is made while the text is written, not by reading it: so it judges the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

WORDS = (
    *("alpha", "beta", "Gamma", "delta.", "(omega)", "it's", "a/b", "50%", "x=1", "#3", "C++"),
    *("2**10", "2*3*4", "snake_case_name", "__init__", "a * b", "f(x)[0]", "&amp;", ":smile:"),
    *("@here", "<!here>", "<@U024BE7LH>", "[docs][1]", "[^1]", "C:", "~5", "a|b", "x<y"),
    *("重要：", "这是", "中文，", "日本語。", "한국어", "Ещё", "naïve", "e\u0301te"),
    *("שלום", "مرحبا", "🙂", "👩\u200d👩\u200d👧", "🇫🇷", "👍🏽", "\u200fx"),
)
PLAIN_WORDS = (
    "one",
    "two",
    "three",
    "vier",
    "cinq",
    "重要",
    "日本",
    "한국",
    "שלום",
    "مرحبا",
    "été",
)
"""Words that marks of emphasis can touch."""
CODE = (
    *("x = 1", "  y  = [*a, **b]", "", "if a || b:", "\tprint('_x_')", "# no heading", "- no item"),
    *(
        "| no | table |",
        "<b>&lt;</b>",
        "$HOME `ls` ``a``",
        "~~~",
        "@everyone",
        "\\n \\*",
        "漢字  🙂",
    ),
)
FORMULAS = (
    r"\(x_1 = -b\)",
    r"\[E = mc^2\]",
    "$a*b*c$",
    "$$\\frac{a_1}{b_2}$$",
    r"$\alpha_1*\beta$",
)
ADDRESSES = ("https://a.example/x_y_(z)?q=1&r=2", "http://b.example", "mailto:a@b.example")


@dataclass(frozen=True, slots=True)
class Made:
    """A piece of Markdown, and the lines of its form."""

    source: list[str]
    form: list[str]


class Grammar:
    """Writes texts from a random source."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def text(self, blocks: int = 8) -> tuple[str, list[str]]:
        """A text of so many blocks, and its form."""
        made = self._blocks(blocks, 3)
        return "\n".join(made.source), made.form

    # Blocks.

    def _blocks(self, most: int, depth: int) -> Made:
        source: list[str] = []
        form: list[str] = []
        for _ in range(self._random.randint(1, most)):
            made = self._block(depth)
            source += [*([""] if source else []), *made.source]
            form += made.form
        return Made(source, form)

    def _block(self, depth: int) -> Made:
        if depth and self._random.random() < 1 / 3:
            nested = (self._bullets, self._numbers, self._tasks, self._quote)
            return self._random.choice(nested)(depth - 1)
        more = (self._heading, self._fence, self._table, self._indented, self._rule)
        return self._random.choice((*[self._paragraph] * 4, *more))()

    def _paragraph(self) -> Made:
        lines = [self._inlines(6) for _ in range(self._random.randint(1, 3))]
        ends = [self._random.choice(["", "", "  ", "\\"]) for _ in lines[1:]] + [""]
        source = [src + end for (src, _), end in zip(lines, ends, strict=True)]
        return Made(source, [line for _, line in lines])

    def _heading(self) -> Made:
        src, line = self._inlines(3)
        kind = self._random.randrange(8)
        if kind < 6:
            return Made([f"{'#' * (kind + 1)} {src}"], [line])
        return Made([src, "=====" if kind == 6 else "---"], [line])

    def _rule(self) -> Made:
        return Made([self._random.choice(["---", "***", "_ _ _"])], [])

    def _code(self) -> list[str]:
        return [self._random.choice(CODE) for _ in range(self._random.randint(1, 5))]

    def _fence(self) -> Made:
        lines = self._code()
        if self._random.random() < 0.4:
            lines += ["```py", "inner", "```"]
        run = self._random.choice(["`", "~"]) * 4
        info = self._random.choice(["", "python", "md title=x"])
        return Made([run + info, *lines, run], lines)

    def _indented(self) -> Made:
        heading = self._heading()
        lines = ["begin", *self._code(), "end"]
        code = [f"    {line}" if line else "" for line in lines]
        return Made([*heading.source, "", *code], [*heading.form, *lines])

    def _table(self) -> Made:
        columns = self._random.randint(1, 4)
        rows = [[self._cell() for _ in range(columns)] for _ in range(self._random.randint(1, 4))]
        delimiters = self._random.choices(["---", ":--", "--:", ":-:"], k=columns)
        source = [f"| {' | '.join(src for src, _ in row)} |" for row in rows]
        source.insert(1, f"|{'|'.join(delimiters)}|")
        return Made(source, ["\t".join(line for _, line in row) for row in rows])

    def _cell(self) -> tuple[str, str]:
        src, line = self._inlines(2)
        return src.replace("|", "\\|"), line

    def _bullets(self, depth: int) -> Made:
        bullet = self._random.choice("-*+")
        return self._list(depth, lambda _: (bullet, ""))

    def _numbers(self, depth: int) -> Made:
        end = self._random.choice(".)")
        return self._list(depth, lambda _: (f"{self._random.randint(0, 120)}{end}",) * 2)

    def _tasks(self, depth: int) -> Made:
        done = self._random.random() < 0.5
        mark = ("- [x]", "☑") if done else ("- [ ]", "☐")
        return self._list(depth, lambda _: mark, tasks=True)

    def _list(
        self, depth: int, mark: Callable[[int], tuple[str, str]], *, tasks: bool = False
    ) -> Made:
        source: list[str] = []
        form: list[str] = []
        for number in range(self._random.randint(1, 4)):
            opening, said = mark(number)
            first, form_of_first = self._begins_item(said, depth, tasks=tasks)
            more = any(first) and self._random.random() < 0.4
            rest = self._blocks(2, depth) if more else Made([], [])
            body = [*first, *([""] if rest.source else []), *rest.source]
            width = 2 if tasks else len(opening) + 1
            source += [f"{opening} {body[0]}".rstrip(" ")]
            source += [" " * width + line if line else "" for line in body[1:]]
            form += [*form_of_first, *rest.form]
        return Made(source, form)

    def _begins_item(self, said: str, depth: int, *, tasks: bool) -> tuple[list[str], list[str]]:
        """What an item begins with, and the form of that with the item's number or box.

        Words take the number on their line, also those of a quote; of other blocks, and of
        nothing at all, it stands alone.
        """
        if not tasks and self._random.random() < 0.05:
            return [""], [said] if said else []
        first, led = self._paragraph(), True
        if not tasks and self._random.random() < 0.2:
            if depth and self._random.random() < 0.5:
                first = self._random.choice((self._bullets, self._numbers))(depth - 1)
                led = False
            else:
                begins = self._random.choice((self._paragraph, self._heading, self._fence))
                first, led = begins(), begins != self._fence
            if self._random.random() < 0.5:
                first = Made([f"> {line}".rstrip(" ") for line in first.source], first.form)
        if not said:
            return first.source, first.form
        if led:
            return first.source, [f"{said} {first.form[0]}", *first.form[1:]]
        return first.source, [said, *first.form]

    def _quote(self, depth: int) -> Made:
        inner = self._blocks(3, depth)
        return Made([f"> {line}".rstrip(" ") for line in inner.source], inner.form)

    # Inlines.

    def _inlines(self, most: int) -> tuple[str, str]:
        """A line; it begins with a word, so it begins no block."""
        parts = [(word := self._random.choice(PLAIN_WORDS), word)]
        parts += [self._inline() for _ in range(self._random.randint(0, most))]
        return " ".join(src for src, _ in parts), " ".join(line for _, line in parts)

    def _inline(self) -> tuple[str, str]:
        makers: Sequence[Callable[[], tuple[str, str]]] = (
            *[self._word] * 6,
            *(self._emphasised, self._emphasised, self._code_span, self._link, self._formula),
            *(self._escaped, self._bare, self._dense),
        )
        return self._random.choice(makers)()

    def _word(self) -> tuple[str, str]:
        word = self._random.choice(WORDS)
        return word, word

    def _emphasised(self) -> tuple[str, str]:
        words = " ".join(self._random.choices(PLAIN_WORDS, k=self._random.randint(2, 3)))
        mark = self._random.choice(["**", "*", "_", "__", "~~", "***"])
        return f"{mark}{words}{mark[::-1]}", words

    def _dense(self) -> tuple[str, str]:
        """Marks within Chinese, where CommonMark often sees none."""
        mark = self._random.choice(["**", "*", "~~"])
        inner = self._random.choice(["重要：", "「重要」", "重要。", "“重要”", "重要"])
        return f"这是{mark}{inner}{mark}的", f"这是{inner}的"

    def _code_span(self) -> tuple[str, str]:
        code = self._random.choice(
            ["a*b*c", "x  y", "__init__", "<b>", "&amp;", "\\(", "$x$", "漢字"]
        )
        return (
            (f"`` {code}` ``", f"{code}`") if self._random.random() < 0.3 else (f"`{code}`", code)
        )

    def _link(self) -> tuple[str, str]:
        label = self._random.choice(PLAIN_WORDS)
        address = self._random.choice([*ADDRESSES, "docs/a.md", "javascript:alert(1)"])
        title = self._random.choice(["", "", ' "Title"'])
        image = self._random.choice(["", "", "!"])
        written, said = f"{image}[{label}]({address}{title})", f"{label} ({address})"
        if image and self._random.random() < 0.3:
            return f"[{written}](https://c.example)", f"{said} (https://c.example)"
        return written, said

    def _bare(self) -> tuple[str, str]:
        address = self._random.choice(ADDRESSES[:2])
        return (address, address) if self._random.random() < 0.5 else (f"<{address}>", address)

    def _formula(self) -> tuple[str, str]:
        formula = self._random.choice(FORMULAS)
        return formula, formula

    def _escaped(self) -> tuple[str, str]:
        mark = self._random.choice("*_`#|~<>!.-+\\$")
        return f"\\{mark}x", f"{mark}x"
