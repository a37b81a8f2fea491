"""Each platform as dialects are tried on it: what it answers for a part, and who reads that.

A second reader shares no code with the connector: Slack's and Discord's are their doubles' own
eyes, by the clients' published rules, the page's is a browser. The memory connector and the
terminal show the source itself: there a CommonMark parser says what a person sees of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.base import Limits
from connectors.discord.connector import DiscordConnector
from connectors.discord.dialect import DiscordDialect
from connectors.markdown import Drawn, form
from connectors.slack import dialect as slack
from connectors.slack import parts
from connectors.slack.options import SlackOptions
from connectors.web.dialect import PageDialect
from tests.doubles.discord import markdown as discord_client
from tests.doubles.slack import drawn as slack_client
from tests.doubles.slack import translate
from tests.doubles.slack.platform import with_entities

Reader = Callable[[str], Sequence[str]]
"""Lines that a person reads of a platform's answer."""
_TAG = re.compile(r"(<[^>]*>)")
_JSON_TEXT = re.compile(r'("(?:text|url)": )("(?:[^"\\]|\\.)*")')


class Append(Protocol):
    """Writes a part that grows, and the whole of it."""

    def __call__(self, text: str, /, *, growing: bool = False) -> str:
        """What is written; with `growing` only what is decided."""
        ...


@dataclass(frozen=True)
class Platform:
    """A platform's answer for a part is a text here; Slack's is its blocks in JSON."""

    name: str
    limits: Limits
    answer: Callable[[str], str]
    read: Callable[[str], Drawn]
    second: Reader | None
    """Reads an answer independently of `read`; None where nobody does."""
    taken_apart: Callable[[str], Pieces]
    draws: bool = True
    """Whether the second reader says what is drawn, too: not where the source itself is shown."""
    append: Append | None = None
    """What is written where text is appended to; None where what is shown is replaced."""


@dataclass(frozen=True)
class Pieces:
    """An answer as the texts in it that a person may see, and what makes an answer of such."""

    texts: list[str]
    joined: Callable[[Sequence[str]], str]


def one_text(answer: str) -> Pieces:
    """All of an answer."""
    return Pieces([answer], "".join)


def in_html(answer: str) -> Pieces:
    """What stands between tags. Of a formula its source is read, not what it is set as."""
    pieces = _TAG.split(answer)
    seen = [at for at in range(0, len(pieces), 2) if "&" not in pieces[at]]
    ends = [at for at in range(1, len(pieces), 2) if pieces[at] == "</math>"]
    begins = [at for at in range(1, len(pieces), 2) if pieces[at].startswith("<math")]
    formulas = [range(begin, end) for begin, end in zip(begins, ends, strict=True)]
    seen = [at for at in seen if not any(at in formula for formula in formulas)]

    def joined(texts: Sequence[str]) -> str:
        changed = [*pieces]
        for at, text in zip(seen, texts, strict=True):
            changed[at] = text
        return "".join(changed)

    return Pieces([pieces[at] for at in seen], joined)


def in_blocks(answer: str) -> Pieces:
    """The texts and addresses of Slack's blocks."""
    pieces = _JSON_TEXT.split(answer)
    texts = [json.loads(each) for each in pieces[2::3]]

    def joined(texts: Sequence[str]) -> str:
        changed = [*pieces]
        changed[2::3] = [json.dumps(each, ensure_ascii=False) for each in texts]
        return "".join(changed)

    return Pieces(texts, joined)


def as_blocks(text: str) -> str:
    """What Slack answers for a part."""
    return json.dumps(list(with_entities(translate(slack.write(text)))), ensure_ascii=False)


def by_commonmark(source: str) -> list[str]:
    """The words and the code of a Markdown text, by a parser that others wrote."""
    return list(_contents(_COMMONMARK.parse(source)))


def _contents(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.children is not None:
            yield from _contents(token.children)
        elif token.content:
            yield token.content


class _CommonMark(MarkdownIt):
    """Takes any address for one."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's name
        return bool(url)


_COMMONMARK = _CommonMark("commonmark", {"html": False}).enable(["table", "strikethrough"])
_page = PageDialect()
_discord = DiscordDialect()


def _of_source(text: str) -> Drawn:
    return Drawn((form(text),))


def _as_it_is(text: str, /, *, growing: bool = False) -> str:  # noqa: ARG001 - nothing waits
    return text


PAGE = Platform("page", Limits(4_000), _page.write, _page.read, None, in_html)
PLATFORMS = (
    PAGE,
    Platform("memory", Limits(4_000), str.strip, _of_source, by_commonmark, one_text, draws=False),
    Platform(
        "slack",
        parts.limits(SlackOptions(bot_token="xoxb-1", app_token="xapp-1")),
        as_blocks,
        lambda answer: slack.read(json.loads(answer)),
        lambda answer: slack_client.lines(json.loads(answer)),
        in_blocks,
        append=slack.write,
    ),
    Platform(
        "discord",
        DiscordConnector.limits,
        _discord.write,
        _discord.read,
        discord_client.lines,
        one_text,
        append=_discord.write,
    ),
    Platform(
        "terminal",
        Limits(10**7),
        str,
        _of_source,
        by_commonmark,
        one_text,
        draws=False,
        append=_as_it_is,
    ),
)
