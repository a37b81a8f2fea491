"""An answer's Markdown as HTML that is safe to put on the page.

Two walls: the parser passes no HTML through, and what it makes is cleaned against a short list
of tags and attributes. Nothing in the result loads anything, runs anything, or reorders the
page around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import nh3
import pygments
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li"),
    *("strong", "em", "s", "a", "code", "pre", "span"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "ol": {"start"},
    "span": {"class"},
    "th": {"class"},
    "td": {"class"},
}
_ALLOWED = {
    ("a", "href"): re.compile(r"(?:https?|mailto):", re.IGNORECASE),
    ("code", "class"): re.compile(r"language-[\w+#.-]{1,30}\Z"),
    ("span", "class"): re.compile(r"[a-z][a-z0-9]{0,2}\Z"),
    ("th", "class"): re.compile(r"(?:left|center|right)\Z"),
    ("td", "class"): re.compile(r"(?:left|center|right)\Z"),
}
_LONGEST_COLOURED = 20_000
_formatter: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """The text with the characters that reorder what stands around them made visible (U+FFFD)."""
    return _REORDERING.sub("\ufffd", text)


def render(markdown: str) -> str:
    """The Markdown as HTML.

    Links are kept for http, https and mailto only and open in a tab of their own; an image
    becomes a link to it.
    """
    return nh3.clean(
        _parser.render(visible(markdown)),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    allowed = _ALLOWED.get((tag, name))
    return value if allowed is None or allowed.match(value) else None


def _highlighted(code: str, language: str, _attributes: str) -> str:
    """A fence's code in colours: spans with the short classes that Pygments gives to tokens.

    Nothing where the language is not known, or the code is long: an answer is rendered again with
    each of its edits.
    """
    if len(code) > _LONGEST_COLOURED:
        return ""
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return ""
    return pygments.highlight(code, lexer, _formatter)


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    """A link in the image's place: what it shows is not loaded."""
    image = tokens[index]
    label = renderer.renderInlineAsText(image.children or [], options, env) or "image"
    link = Token("link_open", "a", 1, attrs={"href": image.attrs["src"]})
    return renderer.renderToken([link], 0, options, env) + nh3.clean_text(label) + "</a>"


def _alignment(state: StateCore) -> None:
    """Table cells say their alignment by class: the page allows no inline style."""
    for token in state.tokens:
        if token.type in ("th_open", "td_open") and "style" in token.attrs:
            token.attrs["class"] = str(token.attrs.pop("style")).removeprefix("text-align:")


def _make_parser() -> MarkdownIt:
    # Line breaks stay line breaks, as on other chat platforms.
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "highlight": _highlighted})
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.push("alignment", _alignment)
    parser.add_render_rule("image", _image)
    return parser


_parser = _make_parser()
