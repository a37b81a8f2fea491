"""An answer's Markdown as HTML that is safe to put on the page.

Two walls: every character of the answer's is escaped as it is written, and what was written is
cleaned against a short list of tags and attributes. Nothing in the result loads anything, runs
anything, or reorders the page around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, singledispatch
from html import escape
from itertools import chain, repeat

import nh3
import pygments
from math_core import LatexError, LatexToMathML
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from connectors.markdown import (
    CHECKED_BOX,
    OPEN_BOX,
    START,
    State,
    one_line,
    parse,
)
from connectors.markdown import nodes as md

_MATHS = {
    *("math", "semantics", "annotation", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace"),
    *("mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder", "mover", "munderover"),
    *("mmultiscripts", "mprescripts", "mtable", "mtr", "mtd", "mpadded", "mphantom", "mstyle"),
    *("menclose",),
}
TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"),
    *("strong", "em", "s", "a", "code", "pre", "span"),
    *("table", "thead", "tbody", "tr", "th", "td"),
    *_MATHS,
}
_LAYOUT = {
    *("display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "lspace", "rspace"),
    *("accent", "accentunder", "form", "fence", "separator", "linethickness", "minsize", "maxsize"),
    *("movablelimits", "symmetric", "largeop", "width", "height", "depth", "voffset", "notation"),
    *("columnalign", "rowspacing", "columnspacing", "columnlines", "rowlines"),
}
"""Attributes of MathML that only say how it is set."""
_ATTRIBUTES = {
    "a": {"href", "title"},
    "annotation": {"encoding"},
    "code": {"class"},
    "li": {"class", "value"},
    "ol": {"class", "start"},
    "span": {"class"},
    "th": {"class"},
    "td": {"class"},
    **dict.fromkeys(_MATHS - {"annotation"}, _LAYOUT),
}
_ADDRESS = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_ALIGN = re.compile(r"(?:left|center|right)\Z")
_ALLOWED = {
    ("a", "href"): _ADDRESS,
    ("annotation", "encoding"): re.compile(r"application/x-tex\Z"),
    ("code", "class"): re.compile(r"language-[\w+#.-]{1,30}\Z"),
    ("li", "class"): re.compile(r"(?:on|task|written)\Z"),
    ("li", "value"): re.compile(r"\d{1,9}\Z"),
    ("ol", "class"): re.compile(r"round\Z"),
    ("ol", "start"): re.compile(r"\d{1,9}\Z"),
    ("span", "class"): re.compile(r"[a-z][a-z0-9]{0,2}\Z"),
    ("th", "class"): _ALIGN,
    ("td", "class"): _ALIGN,
}
_SETTING = re.compile(r"[-+\w.%# ]{1,40}\Z")
_LONGEST_COLOURED = 20_000
_LONGEST_FORMULA = 1_000
"""Longer ones are shown as their source: the converter's stack is the machine's."""
_DEEPEST_FORMULA = 20
_DEFINITION = re.compile(r"\\(?:[gex]?def|let|(?:re)?newcommand|newenvironment)")
_ANNOTATION = '<annotation encoding="application/x-tex">'
_CANONICAL = re.compile(r"(0|[1-9]\d*)([.)])")
_REMEMBERED = 64
_formatter: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
_maths = LatexToMathML(annotation=True, max_expansions=100, fancy_error=False)


@lru_cache(_REMEMBERED)
def write(text: str, state: State = START) -> str:
    """A slice of Markdown as HTML.

    Links are kept for http, https and mailto only and open in a tab of their own; an image
    becomes a link to it. A formula is set in MathML, with its source as the annotation.
    """
    return nh3.clean(
        _blocks(parse(text, state).blocks),
        tags=TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    allowed = _ALLOWED.get((tag, name), _SETTING if tag in _MATHS else None)
    return value if allowed is None or allowed.match(value) else None


# Writing blocks.


def _blocks(blocks: Iterable[md.Block]) -> str:
    return "".join(_block(block) for block in blocks)


@singledispatch
def _block(block: md.Block) -> str:
    raise TypeError(block)


@_block.register
def _(block: md.Paragraph) -> str:
    return f"<p>{_inlines(block.children)}</p>\n"


@_block.register
def _(block: md.Heading) -> str:
    return f"<h{block.level}>{_inlines(block.children)}</h{block.level}>\n"


@_block.register
def _(block: md.Quote) -> str:
    return f"<blockquote>\n{_blocks(block.children)}</blockquote>\n"


@_block.register
def _(_block: md.Rule) -> str:
    return "<hr>\n"


@_block.register
def _(block: md.CodeBlock) -> str:
    code = "".join(f"{line}\n" for line in block.lines)
    language = f' class="language-{escape(block.language)}"' if block.language else ""
    coloured = _coloured(code, block.language) or escape(code)
    return f"<pre><code{language}>{coloured}</code></pre>\n"


@_block.register
def _(block: md.Table) -> str:
    """A table. Rows are as long as they were written: padding them could cost any amount."""
    first = [_row(row, block.aligns, "th") for row in block.rows[: block.header]]
    others = [_row(row, block.aligns, "td") for row in block.rows[block.header :]]
    head = f"<thead>\n{''.join(first)}</thead>\n" if first else ""
    body = f"<tbody>\n{''.join(others)}</tbody>\n" if others else ""
    return f"<table>\n{head}{body}</table>\n"


@_block.register
def _(block: md.List) -> str:
    if not block.ordered:
        return f"<ul>\n{''.join(map(_bullet, block.items))}</ul>\n"
    first = block.items[0]
    start = _CANONICAL.fullmatch(first.mark)
    count = int(start[1]) if start and not first.continued else 0
    kind = ' class="round"' if first.mark.endswith(")") else ""
    begin = f' start="{count}"' if count != 1 else ""
    items = []
    for item in block.items:
        written, count = _number(item, count)
        items.append(written)
    return f"<ol{kind}{begin}>\n{''.join(items)}</ol>\n"


def _bullet(item: md.Item) -> str:
    if item.done is None:
        kind = ' class="on"' if item.continued else ""
        return f"<li{kind}>\n{_blocks(item.children)}</li>\n"
    return f'<li class="task">\n{_marked(CHECKED_BOX if item.done else OPEN_BOX, item)}</li>\n'


def _number(item: md.Item, count: int) -> tuple[str, int]:
    """An item with its own number, and the number that the next one has by itself."""
    if item.continued:
        return f'<li class="on">\n{_blocks(item.children)}</li>\n', count
    box = "" if item.done is None else CHECKED_BOX if item.done else OPEN_BOX
    number = _CANONICAL.fullmatch(item.mark)
    if number is None:  # 007: no browser counts so
        mark = " ".join(filter(None, (item.mark, box)))
        return f'<li class="written">\n{_marked(mark, item)}</li>\n', count
    value = "" if int(number[1]) == count else f' value="{number[1]}"'
    body = _marked(box, item) if box else _blocks(item.children)
    return f"<li{value}>\n{body}</li>\n", int(number[1]) + 1


def _marked(mark: str, item: md.Item) -> str:
    """An item's blocks, the first of which begins with a mark."""
    first, *others = item.children or (None,)
    if isinstance(first, md.Paragraph | md.Heading):
        return f"<p>{mark} {_inlines(first.children)}</p>\n{_blocks(others)}"
    return f"<p>{mark}</p>\n{_blocks(item.children)}"


def _row(row: Iterable[md.Inlines], aligns: Iterable[str], tag: str) -> str:
    kinds = (f' class="{align}"' if align else "" for align in chain(aligns, repeat("")))
    cells = (f"<{tag}{kind}>{_inlines(cell)}</{tag}>\n" for cell, kind in zip(row, kinds))  # noqa: B905 - endless
    return f"<tr>\n{''.join(cells)}</tr>\n"


def _coloured(code: str, language: str) -> str:
    """Code in colours: spans with the short classes that Pygments gives to tokens.

    Nothing where the language is not known, the code is long, or its reader changes it.
    """
    if not language or len(code) > _LONGEST_COLOURED:
        return ""
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return ""
    tokens = list(lexer.get_tokens(code))
    if "".join(text for _, text in tokens) != code:
        return ""
    return pygments.format(tokens, _formatter)


# Writing inlines.


def _inlines(inlines: Iterable[md.Inline]) -> str:
    return "".join(_inline(inline) for inline in inlines)


@singledispatch
def _inline(inline: md.Inline) -> str:
    raise TypeError(inline)


@_inline.register(md.Text)
@_inline.register(md.Html)
def _(inline: md.Text | md.Html) -> str:
    return _lines(inline.text)


@_inline.register
def _(inline: md.Code) -> str:
    return f"<code>{escape(inline.text)}</code>"


@_inline.register
def _(_inline: md.Break) -> str:
    return "<br>\n"


@_inline.register
def _(inline: md.Strong) -> str:
    return f"<strong>{_inlines(inline.children)}</strong>"


@_inline.register
def _(inline: md.Emph) -> str:
    return f"<em>{_inlines(inline.children)}</em>"


@_inline.register
def _(inline: md.Strike) -> str:
    return f"<s>{_inlines(inline.children)}</s>"


@_inline.register(md.Link)
@_inline.register(md.ImageLink)
def _(link: md.Link | md.ImageLink) -> str:
    """A link where the address may be one; else its label and address as they are."""
    label = _inlines(_unlinked(link.children))
    bare = one_line(link.children)
    if not _may_lead(link.address):
        address = link.address if not bare else f" ({link.address})"
        return label + (escape(address) if link.address != bare else "")
    title = f' title="{escape(link.title)}"' if link.title else ""
    shown = label if bare else escape(link.address)
    return f'<a href="{escape(link.address)}"{title}>{shown}</a>'


def _unlinked(inlines: Iterable[md.Inline]) -> Iterator[md.Inline]:
    """Inlines without links in them: HTML knows no link in a link, so these are their texts."""
    for inline in inlines:
        match inline:
            case md.Strong() | md.Emph() | md.Strike():
                yield replace(inline, children=tuple(_unlinked(inline.children)))
            case md.Link() | md.ImageLink():
                label = one_line(inline.children)
                yield from _unlinked(inline.children)
                if label != inline.address:
                    yield md.Text(f" ({inline.address})" if label else inline.address)
            case _:
                yield inline


@_inline.register
def _(inline: md.Formula) -> str:
    return _set(inline) or _lines(inline.text)


def _set(formula: md.Formula) -> str:
    """A formula in MathML; empty where it can't be set."""
    tex = formula.source
    deep = _depth(tex)
    if len(tex) > _LONGEST_FORMULA or deep > _DEEPEST_FORMULA or _DEFINITION.search(tex):
        return ""
    try:
        made = _maths.convert_with_local_state(tex, displaystyle=formula.display)
    except LatexError:
        return ""
    before, mark, _ = made.rpartition(_ANNOTATION)
    return f"{before}{mark}{escape(formula.text)}</annotation></semantics></math>" if mark else ""


def _depth(tex: str) -> int:
    """How deep its braces nest at the most."""
    depth = deepest = 0
    for brace in re.findall(r"[{}]|\\left|\\right|\\begin|\\end", tex):
        depth += 1 if brace in ("{", "\\left", "\\begin") else -1
        deepest = max(deepest, depth)
    return deepest


@lru_cache(512)
def _may_lead(address: str) -> bool:
    """Whether the page makes a link of an address: one that the cleaner takes for one, too."""
    if not _ADDRESS.match(address):
        return False
    return "href" in nh3.clean(f'<a href="{escape(address)}"></a>', tags={"a"})


def _lines(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>\n")
