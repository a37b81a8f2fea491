"""Reads a slice of Markdown line by line into blocks, in time linear in its length.

CommonMark with GFM's tables and task lists. HTML makes no block and nothing is defined for later
use, so that what a slice means depends on what came before it in one way only: the `State`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from connectors.markdown.nodes import Align, Blocks, Rule
from connectors.markdown.state import (
    CODE_INDENT,
    FENCE,
    HEADING,
    ITEM,
    RULE,
    START,
    Container,
    Leaf,
    LineRest,
    OpenBox,
    OpenLeaf,
    State,
    aligns_of,
    built,
    ends_in_bar,
    opened_by,
)

DEEPEST = 20
"""So deep may quotes and lists be nested; marks further in are text."""

_UNSAFE = re.compile("[\0\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE = re.compile(r"\r\n|\n|\r")
_HEADING_END = re.compile(r"(?:^|[ \t])#+[ \t]*\Z")
_SETEXT = re.compile(r"(?:=+|-+)[ \t]*")
_BR_AT_END = re.compile(r"<br\s*+/?+>[ \t]*\Z", re.I)
_BR_AT_START = re.compile(r"\s*+<br\s*+/?+>", re.I)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A slice's blocks, the state after it, and what joins its form to the one before it."""

    blocks: Blocks
    after: State
    glue: str


def parse(text: str, state: State = START) -> Parsed:
    """Reads a slice."""
    return _BlockReader(state).read(safe(text))


def safe(text: str) -> str:
    """The text with U+FFFD for what reorders the text around it, for NUL and surrogates."""
    return _UNSAFE.sub("\ufffd", text)


class _BlockReader:
    def __init__(self, state: State) -> None:
        self._state = state
        self._root = OpenBox(Container(""))
        self._stack = [self._root]
        for container in state.containers:
            self._push(container, continued=True)
        self._leaf: OpenLeaf | None = None
        if state.leaf is not None:
            self._leaf = OpenLeaf(
                state.leaf, [], [*state.leaf.blanks], continued=True, header=False
            )
            self._stack[-1].children.append(self._leaf)
        self._seen = False  # whether something of the last line can be seen

    def read(self, text: str) -> Parsed:
        state, given = self._state, text
        if state.after_return:
            text = text.removeprefix("\n")
        text = state.pending + text
        if not text:
            return Parsed((), replace(state, after_return=state.after_return and not given), "\n")
        glue = self._glue(text)
        *whole, last = _LINE.split(text)
        begun = state.begun
        for line in whole:
            (self._rest if begun else self._line)(line)
            begun = False
        before = self._now()
        after_return = text[-1] == "\r"
        if not last:
            after = replace(before, begun=begun, last="", after_return=after_return)
            return Parsed(self._blocks(), after, glue)
        self._seen = False
        (self._rest if begun else self._line)(last)
        if self._seen or begun:
            end = self._ended(last)
            after = replace(self._now(), begun=True, glue=end, last=last[-1])
        else:
            after = replace(before, pending=last)
        return Parsed(self._blocks(), after, glue)

    def _glue(self, text: str) -> str:
        """What stands between the form of the slice before and this one's."""
        state = self._state
        rest = _LINE.split(text, maxsplit=1)[0]
        if not state.begun:
            return "\n"
        if self._verbatim():
            return ""
        if not rest.strip() or _BR_AT_START.match(rest):
            return "\n"
        if self._leaf is not None and self._leaf.state.kind == "table":
            bar = rest.lstrip(" \t").startswith("|")
            if bar:
                return "\t\t" if state.glue == "\t" else "\t"
        return state.glue or (" " if rest[0].isspace() else "")

    def _ended(self, line: str) -> str:
        """The glue after a line that isn't over."""
        if self._verbatim():
            return ""
        leaf, before = self._leaf, self._state
        if not line.strip():
            return before.glue or " "
        if (leaf is not None and leaf.state.opening) or _BR_AT_END.search(line):
            return "\n"
        if leaf is not None and leaf.state.kind == "table" and ends_in_bar(line):
            return "\t"
        return " " if leaf is None or line[-1].isspace() else ""

    def _verbatim(self) -> bool:
        return self._leaf is not None and self._leaf.state.kind in ("fence", "code")

    def _now(self) -> State:
        containers = tuple(
            replace(box.container, empty=box.empty) if box.empty else box.container
            for box in self._stack[1:]
        )
        leaf = self._leaf
        if leaf is None:
            return State(containers)
        return State(containers, replace(leaf.state, blanks=tuple(leaf.blanks)))

    # Lines.

    def _rest(self, line: str) -> None:
        """What is left of a line that the slice before began."""
        leaf = self._leaf
        if leaf is None:
            if line.strip():
                self._add(self._new(Leaf("paragraph")), line)
            return
        opening = leaf.state.opening
        if opening and not line.strip("-=:| \t"):
            return
        leaf.state = replace(leaf.state, opening=False)
        if opening and leaf.state.kind == "heading":
            self._add(self._new(Leaf("paragraph")), line)
            return
        leaf.lines.append(line)
        leaf.begun = True
        self._seen = True

    def _line(self, line: str) -> None:
        leaf = self._leaf
        if leaf is not None:
            if leaf.state.kind == "heading":
                leaf = self._leaf = None
            elif leaf.state.opening:
                leaf.state = replace(leaf.state, opening=False)
        rest, depth = self._descend(LineRest(line))
        whole = depth == len(self._stack)
        if whole and leaf is not None and self._goes_on(leaf, rest):
            return
        if rest.blank:
            self._close(depth)
            self._leaf = None
            return
        self._outside(rest, depth, leaf if leaf and leaf.state.kind == "paragraph" else None, whole)

    def _descend(self, rest: LineRest) -> tuple[LineRest, int]:
        """Takes off what continues the open containers; how many of the stack go on."""
        for depth, box in enumerate(self._stack[1:], 1):
            within = _within(box, rest)
            if within is None:
                return rest, depth
            rest = within
        return rest, len(self._stack)

    def _goes_on(self, leaf: OpenLeaf, rest: LineRest) -> bool:
        """Whether a line stands in the code that is open; takes it then."""
        if leaf.state.kind == "fence":
            self._in_fence(leaf, rest)
            return True
        if leaf.state.kind == "code":
            return self._in_code(leaf, rest)
        if leaf.state.kind == "table" and not rest.blank and self._is_row(rest):
            self._add(leaf, rest.bare)
            return True
        return False

    def _in_fence(self, leaf: OpenLeaf, rest: LineRest) -> None:
        run, bare = leaf.state.run, rest.bare.rstrip(" \t")
        closes = len(bare) >= len(run) and not bare.strip(run[0])
        if closes and rest.indent < CODE_INDENT:
            self._leaf = None
        else:
            self._add(leaf, rest.without(leaf.state.indent).text)

    def _in_code(self, leaf: OpenLeaf, rest: LineRest) -> bool:
        text = rest.without(CODE_INDENT).text
        if rest.blank:
            leaf.blanks.append(text)
            return True
        if rest.indent < CODE_INDENT:
            self._leaf = None
            return False
        leaf.lines += leaf.blanks
        leaf.blanks.clear()
        self._add(leaf, text)
        return True

    def _is_row(self, rest: LineRest) -> bool:
        """Whether no other block begins in a line below a table."""
        bare = rest.bare
        if rest.indent >= CODE_INDENT:
            return True
        return not (
            bare.startswith(">")
            or ITEM.match(bare)
            or HEADING.match(bare)
            or FENCE.fullmatch(bare)
            or RULE.fullmatch(bare)
        )

    def _outside(self, rest: LineRest, depth: int, flowing: OpenLeaf | None, whole: bool) -> None:
        opened = False
        while len(self._stack) <= DEEPEST and (
            found := opened_by(rest, in_paragraph=flowing is not None and whole)
        ):
            container, rest = found
            if not opened:
                self._close(depth)
            self._leaf = flowing = None
            opened = True
            self._push(container)
            self._seen = self._seen or container.mark[0].isdigit()
        if rest.blank:
            return
        if flowing is not None and self._continues(rest, flowing, whole):
            self._add(flowing, rest.bare)
            return
        if not opened:
            self._close(depth)
        self._begin(rest, flowing if whole else None)

    def _continues(self, rest: LineRest, flowing: OpenLeaf, whole: bool) -> bool:
        """Whether a line goes on with the paragraph, if only lazily."""
        if rest.indent >= CODE_INDENT:
            return True
        bare = rest.bare
        if FENCE.fullmatch(bare) or HEADING.match(bare) or RULE.fullmatch(bare):
            return False
        if not whole:
            return True
        return not (self._is_underline(bare, flowing) or aligns_of(bare, flowing.last))

    def _is_underline(self, bare: str, flowing: OpenLeaf) -> bool:
        return bool(flowing.lines) and not flowing.continued and _SETEXT.fullmatch(bare) is not None

    def _begin(self, rest: LineRest, flowing: OpenLeaf | None) -> None:
        """Begins the block that a line begins; or makes another one of the paragraph above."""
        self._leaf, bare = None, rest.bare
        if rest.indent >= CODE_INDENT:
            self._add(self._new(Leaf("code")), rest.without(CODE_INDENT).text)
            return
        if fence := FENCE.fullmatch(bare):
            run, info = fence[1] or fence[3], fence[2] if fence[1] else fence[4]
            self._new(Leaf("fence", run, rest.indent, info.strip()))
            return
        if heading := HEADING.match(bare):
            self._heading(len(heading[1]), bare[heading.end() :])
            return
        if flowing is not None and self._remade(flowing, bare):
            return
        if RULE.fullmatch(bare):
            self._stack[-1].children.append(Rule())
            return
        self._add(self._new(Leaf("paragraph")), bare)

    def _remade(self, flowing: OpenLeaf, bare: str) -> bool:
        """Whether a line makes a heading or a table of the paragraph above; makes it then."""
        if self._is_underline(bare, flowing):
            flowing.state = Leaf("heading", level=1 if bare[0] == "=" else 2, opening=True)
            flowing.underlined = True
            self._leaf = flowing
            return True
        if aligns := aligns_of(bare, flowing.last):
            self._table(flowing, bare, aligns)
            return True
        return False

    def _heading(self, level: int, title: str) -> None:
        leaf = self._new(Leaf("heading", level=level))
        title = _HEADING_END.sub("", title)
        leaf.lines.append(title)
        self._seen = self._seen or bool(title.strip())

    def _table(self, flowing: OpenLeaf, delimiters: str, aligns: tuple[Align, ...]) -> None:
        header = flowing.lines.pop()
        if not flowing.lines and not flowing.continued:
            del self._stack[-1].children[-1]
        leaf = self._new(Leaf("table", aligns=aligns, opening=True))
        leaf.lines.append(header)
        leaf.source += [header, delimiters]

    def _new(self, state: Leaf) -> OpenLeaf:
        self._leaf = OpenLeaf(state)
        self._stack[-1].children.append(self._leaf)
        return self._leaf

    def _add(self, leaf: OpenLeaf, line: str) -> None:
        leaf.lines.append(line)
        if leaf.state.kind == "table":
            leaf.source.append(line)
        self._seen = True

    def _push(self, container: Container, *, continued: bool = False) -> None:
        box = OpenBox(container, continued)
        self._stack[-1].children.append(box)
        self._stack.append(box)

    def _close(self, depth: int) -> None:
        if depth < len(self._stack):
            self._leaf = None
            del self._stack[depth:]

    # Nodes.

    def _blocks(self) -> Blocks:
        before = self._state.last if self._state.begun else ""
        return tuple(built(self._root.children, before))


def _within(box: OpenBox, rest: LineRest) -> LineRest | None:
    """What is left of a line that goes on with an open container; None for one that doesn't."""
    width = box.container.width
    if width:
        ends = box.empty if rest.blank else rest.indent < width
        return None if ends else rest.without(width)
    if rest.bare.startswith(">") and rest.indent < CODE_INDENT:
        return rest.after_quote()
    return None
