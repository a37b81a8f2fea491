"""How Slack reads the inline Markdown of a `markdown` block, where that is not as CommonMark says.

LIMITS.md names the source of each difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from markdown_it.utils import EnvType


@dataclass(frozen=True, slots=True)
class Reading:
    """What differs between workspaces, or between what people report."""

    angle_links: bool = False
    """`<address|label>` is drawn as a link."""


_RULES = ["text", "newline", "escape", "backticks", "strikethrough", "emphasis", "link", "image"]
_RULES += ["autolink", "entity"]
_SCHEME = re.compile(r"(?<![A-Za-z0-9])https?\Z", re.IGNORECASE)
_REST = re.compile(r"://[^\s<]+")
_TRAILING = "?!.,:*_~'\""
_TOKEN = re.compile(r"<[^<>\s][^<>\n]*>")
_KNOWN = re.compile(
    r"<(?:@[UW][A-Z0-9]+|#[CGD][A-Z0-9]+"
    r"|!(?:here|channel|everyone|subteam\^S[A-Z0-9]+|date\^[^<>]*))(?:\|[^<>]*)?>"
)
_LABELLED = re.compile(r"<((?:https?://|mailto:)[^<>|\s]+)\|([^<>]*)>")


def parser(reading: Reading) -> MarkdownIt:
    """A parser; escapes and entities stay tokens of their own: what they hide is no mention."""
    made = _Markdown("commonmark", {"html": False}).enable(["table", "strikethrough"])
    made.disable("text_join")
    made.inline = _Inline()
    made.inline.ruler.enableOnly(_RULES)
    made.inline.ruler.before("autolink", "angle_token", _angle_token(reading))
    made.inline.ruler.after("text", "bare_address", _bare_address)
    return made


class _Markdown(MarkdownIt):
    """Leaves addresses as they are written."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the parser's name
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - the parser's name
        return link

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's name
        return bool(url)


class _State(StateInline):
    """Delimiter runs whose neighbours are read as Slack reads them."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803 - the parser's names
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        before = self.src[start - 1] if start else " "
        after = self.src[end] if end < self.posMax else " "
        left = _flanks(inner=after, outer=before)
        right = _flanks(inner=before, outer=after)
        can_open = left and not self._code_in_dense_text(end, start - 1, step=1)
        can_close = right and not self._code_in_dense_text(start - 1, end, step=-1)
        if not canSplitWord:
            # Underscores: weaker than stars.
            can_open, can_close = can_open and _edge(before), can_close and _edge(after)
        return Scanned(can_open, can_close, end - start)

    def _code_in_dense_text(self, inner: int, outer: int, step: int) -> bool:
        """Whether there is code just inside of a mark and Chinese, Japanese or Korean outside."""
        within, beyond = self._seen(inner, step), self._seen(outer, -step)
        return within == "`" and _dense(beyond)

    def _seen(self, at: int, step: int) -> str:
        """The first character from there on that has a width."""
        while 0 <= at < self.posMax and unicodedata.category(self.src[at]) == "Cf":
            at += step
        return self.src[at] if 0 <= at < self.posMax else " "


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _flanks(inner: str, outer: str) -> bool:
    """CommonMark's rule, but that only white space and ASCII punctuation bound a word."""
    return not inner.isspace() and (not _punctuation(inner) or _edge(outer))


def _edge(character: str) -> bool:
    return character.isspace() or (character.isascii() and _punctuation(character))


def _punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _dense(character: str) -> bool:
    """It belongs to a writing without spaces: a letter or a mark of it."""
    return unicodedata.east_asian_width(character) in "WF"


def _angle_token(reading: Reading) -> Callable[[StateInline, bool], bool]:
    """What stands in angle brackets and is no address: Slack's own sequences, or malformed ones."""

    def rule(state: StateInline, silent: bool) -> bool:
        found = _TOKEN.match(state.src, state.pos, state.posMax)
        if found is None or _is_address(found[0]):
            return False
        state.pos = found.end()
        if silent:
            return True
        labelled = _LABELLED.fullmatch(found[0])
        if labelled and reading.angle_links:
            _push_link(state, labelled[1], labelled[2])
        elif labelled or _KNOWN.fullmatch(found[0]):
            state.append_pending(found[0])
        return True

    return rule


def _is_address(token: str) -> bool:
    return (
        "|" not in token and re.match(r"<(?:[A-Za-z][A-Za-z0-9+.-]+:|[^\s@]+@)", token) is not None
    )


def _bare_address(state: StateInline, silent: bool) -> bool:
    """An address that is written as it is runs on to the next white space, and draws as a link."""
    if silent or state.linkLevel or state.src[state.pos] != ":":
        return False
    scheme = _SCHEME.search(state.pending)
    rest = _REST.match(state.src, state.pos, state.posMax)
    if scheme is None or rest is None:
        return False
    address = _trimmed(scheme[0] + rest[0])
    if len(address) <= len(scheme[0]) + len("://"):
        return False
    state.pending = state.pending[: scheme.start()]
    state.pos += len(address) - len(scheme[0])
    _push_link(state, address, address)
    return True


def _trimmed(address: str) -> str:
    """Without the punctuation at its end, and without brackets that it doesn't open."""
    while True:
        unopened = address.endswith(")") and address.count(")") > address.count("(")
        if address[-1] not in _TRAILING and not unopened:
            return address
        address = address[:-1]


def _push_link(state: StateInline, address: str, label: str) -> None:
    opening = state.push("link_open", "a", 1)
    opening.attrs = {"href": address}
    state.push("text", "", 0).content = label
    state.push("link_close", "a", -1)
