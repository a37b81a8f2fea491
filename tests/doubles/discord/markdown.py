"""What Discord's client draws of a message's text: a reading by the client's own published rules.

The client reads with simple-markdown and rules of its own: at each place the first rule in order
that matches takes what it matches. The patterns are those of its published code (the modules
`MarkupRules`, `MarkupListRule`, `MarkupHeadingRule`, `MarkupSubtextRule`, `MarkupTextRule` and
`MarkupLinkRule`, 2026) and of simple-markdown. It shares no code with the connector.

`lines` says what a person can read. `undecorated` takes out what the connector declares that it
adds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

_S = r"[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
_NS = r"[^\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
"""White space as JavaScript knows it, and everything else."""


def _rx(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern of the client's: `S` and `NS` stand for white space and other characters."""
    pattern = pattern.replace("{NS}", _NS).replace("{S}", _S)
    return re.compile(pattern, flags | re.ASCII)


@dataclass(frozen=True)
class Node:
    """What a rule made: of its own kind, with nodes or a text in it."""

    kind: str
    text: str = ""
    inner: tuple[Node, ...] = ()
    items: tuple[tuple[Node, ...], ...] = ()
    start: int | None = None
    """The number of a list's first item, None for bullets; the width of a code span's marks."""


@dataclass
class _State:
    """Where the reading is: `before` is what the last rule took, None at the very beginning."""

    inline: bool = True
    quoted: bool = False
    escapes: bool = True
    headings: bool = True
    small: bool = True
    depth: int = 0
    before: str | None = None


_Match = re.Match[str] | None
_Reading = tuple[int, list[Node]]
"""How many characters were taken, and what they are."""

_LINE_START = re.compile(r"(?:^|\n)( *)\Z")
_ENDS_LINE = re.compile(r"\n\Z|^\Z")
_HEADING = _rx(r" *(#{1,3}){S}+((?!{S}*#{1,3}{S})[^\n]+?)#*{S}*(?:\n|\Z)")
_SUBTEXT = _rx(r" *-# +((?!-#)[^\n]+)(?:\n|\Z)")
_CODE_BLOCK = _rx(r"```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][\s\S]*?)\n*```", re.I)
_QUOTE = _rx(r"( *>>> +([\s\S]*))|( *>(?!>>) +[^\n]*(\n *>(?!>>) +[^\n]*)*\n?)")
_QUOTE_BEFORE = re.compile(r"^$|\n *\Z")
_LIST = _rx(r"( *)((?:[*-]|\d+\.)) [\s\S]+?(?:\n(?! )(?!\1(?:[*-]|\d+\.) )|\Z)")
_ITEM_PREFIX = _rx(r"( *)((?:[*-]|\d+\.)) +")
_ONLY_SPACE = re.compile("[ \\t\\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+")
_ESCAPE = _rx(
    r"\\([^0-9A-Za-z\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff])"
)
_AUTOLINK = _rx(r"<([^: >]+:/[^ >]+)>")
_MAILTO = _rx(r"<([^\s<>@]+@[^\s<>@]+\.[^\s<>@]+)>")
_TEL = _rx(r"<((?:(?:tel|sms):\+?|\+)(?:(?:[0-9]|\([0-9]+\)))(?:[- ./]?(?:[0-9]|\([0-9]+\)))+)>")
_URL = _rx(r"((?:https?|steam)://(?:(?!<){NS})+(?![<.,:;\"'\]]){NS})")
_LINK = _rx(
    r"\[((?:\[[^\]]*\]|[^\[\]]|\](?=[^\[]*\]))*)\]"
    r"\({S}*<?((?:\([^)]*\)|(?!\\){NS}|\\.)*?)>?(?:{S}+['\"]([\s\S]*?)['\"])?{S}*\)"
)
_EM = _rx(
    r"_((?:__|\\[\s\S]|[^\\_])+?)_\b"
    r"|\*(?={NS})((?:\*\*|\\[\s\S]|{S}+(?:\\[\s\S]|(?![*\\]){NS}|\*\*)|(?![*\\]){NS})+?)\*(?!\*)"
)
_LOOSE_EM = _rx(
    r"\*(?={NS})((?:\*\*|\\[\s\S]|{S}+(?:\\[\s\S]|(?![*\\]){NS}|\*\*)|(?![*\\]){NS})+?)"
    r" {1,2}\*(?!\*)"
)
_STRONG = _rx(r"\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)")
_UNDERLINE = _rx(r"__((?:\\[\s\S]|[^\\])+?)__(?!_)")
_STRIKE = _rx(r"~~([\s\S]+?)~~(?!_)")
_INLINE_CODE = _rx(r"(`+)([\s\S]*?[^`])\1(?!`)")
_CODE_PAD = re.compile(r"^ (?= *`)|(` *) \Z")
_BREAK = _rx(r" {2,}\n")
_TIME = _rx(r"<t:(-?\d{1,17})(?::(t|T|d|D|f|F|R|s|S))?>")
_MENTION = _rx(r"<@!?(\d+)>|<@&(\d+)>|<#(\d+)>|<a?:(\w+):(\d+)>|<id:(\w+)>|<sound:(\d+):(\d+)>")
_COMMAND = re.compile(r"</([-_\w]{1,32}(?: [-_\w]{1,32}){0,2}):(\d+)>")
_EMOJI = _rx(r":([^\s:]+?(?:::skin-tone-\d)?):")
_NAME = _rx(r"[a-z0-9_+-]*[a-z][a-z0-9_+-]*|100|1234|\+1|-1", re.I)
"""What an emoji may be called."""
_SPOILER = _rx(r"\|\|([\s\S]+?)\|\|")
_TEXT = _rx(
    r"[\s\S]+?(?=[^0-9A-Za-z\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    r"\ufeff\u00c0-\U0010ffff]|\n\n| {2,}\n|\w+:(?:(?!\s)[\s\S])|[0-9]+\.|\Z)"
)


def read(text: str) -> list[Node]:
    """The nodes of a message's text."""
    return _nested(text.replace("\r\n", "\n"), _State())


def _nested(source: str, state: _State) -> list[Node]:
    nodes: list[Node] = []
    while source:
        for rule in _RULES:
            if (found := rule(source, state)) is not None:
                break
        else:
            raise AssertionError(f"no rule takes {source!r}")
        length, made = found
        nodes += made
        state.before = source[:length]
        source = source[length:]
    return nodes


def _within(text: str, state: _State, **changed: object) -> tuple[Node, ...]:
    return tuple(_nested(text, replace(state, **changed)))  # type: ignore[arg-type]  # fields of it


# Blocks.


def _heading(source: str, state: _State) -> _Reading | None:
    if not state.headings or not (state.before is None or _ENDS_LINE.search(state.before)):
        return None
    found = _HEADING.match(source)
    if found is None:
        return None
    return found.end(), [Node("heading", inner=_within(found[2].strip(), state, inline=True))]


def _subtext(source: str, state: _State) -> _Reading | None:
    if not state.small or not (state.before is None or _ENDS_LINE.search(state.before)):
        return None
    found = _SUBTEXT.match(source)
    if found is None:
        return None
    return found.end(), [Node("subtext", inner=_within(found[1].strip(), state, small=False))]


def _code_block(source: str, _state: _State) -> _Reading | None:
    found = _CODE_BLOCK.match(source)
    return (found.end(), [Node("code block", found[2])]) if found else None


def _quote(source: str, state: _State) -> _Reading | None:
    if state.quoted or not (state.before is None or _QUOTE_BEFORE.search(state.before)):
        return None
    found = _QUOTE.match(source)
    if found is None:
        return None
    whole = re.match(r" *>>> ?", found[0])
    inner = (
        re.sub(r" *>>> ?", "", found[0], count=1) if whole else re.sub(r"(?m)^ *> ?", "", found[0])
    )
    return found.end(), [Node("quote", inner=_within(inner, state, quoted=True))]


def _list(source: str, state: _State) -> _Reading | None:
    if state.depth >= 11:
        return None
    start = _LINE_START.search(state.before or "")
    if start is None or _ONLY_SPACE.fullmatch(start[0]):
        return None
    found = _LIST.match(start[1] + source)
    if found is None:
        return None
    # The indent before it is counted twice, as the client does: it takes more than stands there.
    return min(len(found[0]), len(source)), [_items(found, state)]


def _items(found: re.Match[str], state: _State) -> Node:
    text = re.sub(r"\n{2,}\Z", "\n", found[0])
    prefix = _ITEM_PREFIX.match(text)
    assert prefix is not None
    width, indent = len(prefix[0]), len(prefix[1])
    at = f" {{{indent},{indent + 1}}}"
    bullet = r"(?:[*-]|\d+\.)"
    item = _rx(rf"(?m)({at})({bullet}) +[^\n]*(?:\n(?!{at}{bullet} )[^\n]*)*(\n|$)")
    items: list[tuple[Node, ...]] = []
    for each in item.finditer(text):
        inner = re.sub(rf"(?m)^ {{1,{width}}}", "", each[0])
        inner = _ITEM_PREFIX.sub("", inner, count=1) if _ITEM_PREFIX.match(inner) else inner
        inner = re.sub(r" *\n\Z", "", inner)
        items.append(_within(inner, state, depth=state.depth + 1, headings=False))
    number = found[2]
    first = min(1_000_000_000, max(1, int(number[:-1]))) if len(number) > 1 else None
    return Node("list", items=tuple(items), start=first)


# Inlines.


def _escape(source: str, state: _State) -> _Reading | None:
    found = _ESCAPE.match(source) if state.escapes else None
    return (found.end(), [Node("text", found[1])]) if found else None


def _address(source: str, _state: _State) -> _Reading | None:
    for pattern in (_AUTOLINK, _MAILTO, _TEL):
        if found := pattern.match(source):
            return found.end(), [Node("text", found[1])]
    if found := _URL.match(source):
        url = found[1]
        while url.endswith(")") and url.count(")") > url.count("("):
            url = url[:-1]
        return len(url), [Node("text", url)]
    return None


def _link(source: str, state: _State) -> _Reading | None:
    found = _LINK.match(source) if len(source) and source[0] == "[" else None
    if found is None:
        return None
    label, target = found[1], re.sub(r"\\([^0-9A-Za-z\s])", r"\1", found[2])
    inner = _within(label, state, escapes=False)
    shown = "".join(_texts(inner))
    drawn = re.match(r"(?:https?|discord|tel|sms|mailto):", target) and shown.strip()
    allowed = all(kind in _IN_LABELS for kind in _kinds(inner))
    if not drawn or not allowed or re.search(r"https?://|discord\.gg/", shown):
        return found.end(), [Node("text", found[0])]
    return found.end(), [Node("link", target, inner)]


_IN_LABELS = {"text", "underline", "strong", "em", "strike", "code", "break", "time"}


def _emphasis(source: str, state: _State) -> _Reading | None:
    """The longest of the three; `em` wins ties, then `strong`."""
    best: tuple[float, str, re.Match[str]] | None = None
    for kind, pattern, bonus in (
        ("em", _EM, 0.2),
        ("em", _LOOSE_EM, 0.2),
        ("strong", _STRONG, 0.1),
        ("underline", _UNDERLINE, 0.0),
    ):
        found = pattern.match(source)
        if found and (best is None or len(found[0]) + bonus > best[0]):
            best = len(found[0]) + bonus, kind, found
    if best is None:
        found = _STRIKE.match(source)
        if found is None:
            return None
        return found.end(), [Node("strike", inner=_within(found[1], state))]
    found = best[2]
    inner = found[2] if best[1] == "em" and found.re is _EM and found[2] else found[1]
    return found.end(), [Node(best[1], inner=_within(inner, state))]


def _inline_code(source: str, _state: _State) -> _Reading | None:
    found = _INLINE_CODE.match(source)
    if found is None:
        return None
    shown = _CODE_PAD.sub(lambda pad: pad[1] or "", found[2])
    return found.end(), [Node("code", shown, start=len(found[1]))]


def _others(source: str, state: _State) -> _Reading | None:
    if found := _BREAK.match(source):
        return found.end(), [Node("text", "\n")]
    if found := _TIME.match(source):
        return found.end(), [Node("time", "a time")]
    if found := _MENTION.match(source) or _COMMAND.match(source):
        return found.end(), [Node("mention", "a name")]
    if (found := _EMOJI.match(source)) and _NAME.fullmatch(found[1]):
        return found.end(), [Node("emoji", "a picture")]
    if found := _SPOILER.match(source):
        return found.end(), [Node("spoiler", inner=_within(found[1], state))]
    if state.before is None and source.startswith("@silent") and not source[7:8].strip():
        return 7, [Node("silent", "")]
    return None


def _text(source: str, _state: _State) -> _Reading | None:
    found = _TEXT.match(source)
    assert found is not None
    return found.end(), [Node("text", found[0])]


_RULES: tuple[Callable[[str, _State], _Reading | None], ...] = (
    _heading,
    _subtext,
    _code_block,
    _quote,
    _list,
    _escape,
    _address,
    _link,
    _emphasis,
    _inline_code,
    _others,
    _text,
)


# What can be read.


def _texts(nodes: tuple[Node, ...] | list[Node]) -> Iterator[str]:
    for node in nodes:
        yield node.text
        yield from _texts(node.inner)


def _kinds(nodes: tuple[Node, ...] | list[Node]) -> Iterator[str]:
    for node in nodes:
        yield node.kind
        yield from _kinds(node.inner)
        for item in node.items:
            yield from _kinds(item)


def kinds(text: str) -> set[str]:
    """The kinds of all that is drawn."""
    return set(_kinds(read(text)))


_VERBATIM, _AFTER = "\ue000", "\ue001"
"""Around code within a line, while white space is made one."""


class _Page:
    """Lines as they come. Those of code blocks stay as they are; small print is left out."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line = ""

    def put(self, text: str) -> None:
        first, *more = text.split("\n")
        self._line += first
        for each in more:
            self.end()
            self._line = each

    def end(self) -> None:
        made, space = "", False
        for piece in re.split(f"({_VERBATIM}[^{_AFTER}]*{_AFTER})", self._line):
            code = piece.startswith(_VERBATIM)
            shown = piece[1:-1] if code else " ".join(piece.split())
            space = space or (not code and piece[:1].isspace())
            if shown:
                made += (" " if space and made else "") + shown
                space = not code and piece[-1].isspace()
        self._line = ""
        if made.strip():
            self.lines.append(made)

    def all(self, nodes: tuple[Node, ...] | list[Node]) -> None:
        for node in nodes:
            self.one(node)

    def one(self, node: Node) -> None:
        match node.kind:
            case "code block":
                self.end()
                self.lines += _undecorated(node.text.split("\n"))
            case "code":
                doubled = "`\u200b(?=\u200b*`)" if node.start == 2 else "(?!)"
                self._line += f"{_VERBATIM}{re.sub(doubled, '`', node.text)}{_AFTER}"
            case "list":
                self._list(node)
            case "link":
                self.all(node.inner)
                self.put(f" ({node.text})")
            case "heading":
                self.end()
                self.all(node.inner)
                self._line = re.sub("(#\u200b*)\u200b$", r"\1", self._line)
                self.end()
            case "quote":
                self.end()
                self.all(node.inner)
                self.end()
            case "subtext":
                self.end()
            case _:
                self.put(node.text)
                self.all(node.inner)

    def _list(self, node: Node) -> None:
        self.end()
        for at, item in enumerate(node.items):
            self.put("" if node.start is None else f"{node.start + at}. ")
            self.all(item)
            self.end()


def lines(text: str) -> list[str]:
    """What can be read of a message, line by line, without what is declared as decoration."""
    page = _Page()
    page.all(read(text))
    page.end()
    return page.lines


def _undecorated(code: list[str]) -> list[str]:
    """Code without what is added to it; a table that is set as code row by row, cells by tabs."""
    zero = "\u200b"
    rule = re.fullmatch(f"({zero}+)─+(?:([┼╂╫])─+)*", code[1]) if len(code) > 1 else None
    if rule and len(rule[1]) == 1:
        bar = {"┼": "│", "╂": "┃", "╫": "║"}.get(rule[2], "\0")
        rows = [_joined(row) for row in (code[0], *code[2:])]
        made = ("\t".join(cell.strip(" ") for cell in row.split(bar)).rstrip("\t") for row in rows)
        return [row for row in made if row]
    if rule:
        code[1] = code[1][1:]
    for at in {0, len(code) - 1}:
        if code[at] and not code[at].strip(zero):
            code[at] = code[at][1:]
    return [_joined(line) for line in code]


def _joined(line: str) -> str:
    return re.sub("``\u200b(?=\u200b*`)", "``", line)
