"""What a server answers, as a text for the model: data, cut to its room, with nothing hidden.

Content that is no text is named and counted. A text of a tool is never shown as the bot's own words
and has no part in what is pressed, approved or addressed; the model reads it between two marks that
it can't contain.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.store import CallResult, CallRow, FileRow
from bot.tools.config import canonical, sha256_of
from bot.words import Sentence, english
from providers.base import Usage

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no text of a tool needs: it could steer a terminal, or turn a line round."""
_PLACEHOLDER = re.compile(r"MASKED-[A-Z0-9]+-\d+-[A-Z0-9]{6}")
"""What a server that MASK_TOOLS names was given in an earlier run: it stands for nothing now."""
_MARK = re.compile(r"</?\s*tool[\s_-]*result", re.IGNORECASE)
_MOST_EARLIER = 5
"""Calls of an earlier answer of which the model is told again."""
_MOST_OF_EARLIER = 1_000
"""Characters of each."""
_NAMED = {"image": "image", "audio": "audio", "resource_link": "link", "resource": "file"}


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """A server's answer to a call."""

    content: Sequence[Mapping[str, Any]]
    """Its content blocks, as the protocol has them."""
    structured: Any = None
    """The same as data, where the server sends both."""
    is_error: bool = False
    spent: tuple[str, Usage] | None = None
    """The model that was used for it, as in the setting MODEL, and what that took."""


def result_of(answer: ToolAnswer, room: int, files: Sequence[FileRow] = ()) -> CallResult:
    """The answer as a text of at most `room` characters, the mark of a cut and the count of what
    is no text apart; the hash is of all of it. Of it the reader is given the `files`.
    """
    whole = canonical([list(answer.content), answer.structured])
    text = harmless(_text(answer))
    shown = text[:room]
    notes = [] if len(text) <= room else [_cut(room, len(text))]
    given = [file.name for file in files if file.reason is None]
    if given:
        notes.append(english(Sentence("out.given", {"names": ", ".join(given)})))
    if len(given) < sum(_others(answer).values()):
        notes += [_counted(kind, count) for kind, count in sorted(_others(answer).items())]
    said = "\n".join(part for part in (shown, *notes) if part)
    return CallResult(said, sha256_of(whole), len(whole.encode("utf-8", "surrogatepass")))


def made_file(file: FileRow) -> Sentence:
    """The line that stands where a file was made."""
    size = Sentence("out.bytes", {"count": file.size})
    return Sentence("out.made", {"name": file.name, "size": size})


def as_data(text: str, server: str, tool: str) -> str:
    """A result as the model reads it: between marks, which the text itself can't end."""
    inner = _MARK.sub(lambda found: found[0].replace("<", "&lt;"), text)
    return f'<tool_result server="{_plain(server)}" tool="{_plain(tool)}">\n{inner}\n</tool_result>'


def earlier_calls(rows: Sequence[CallRow]) -> str:
    """What an earlier answer was made from, for the model: its last calls, each cut short."""
    told = [row for row in rows if row.state in ("answered", "uncertain")][-_MOST_EARLIER:]
    return "".join(f"{_earlier(row)}\n\n" for row in told)


def _earlier(row: CallRow) -> str:
    asked = row.asked
    arguments = _PLACEHOLDER.sub("(masked)", asked.arguments[:_MOST_OF_EARLIER])
    called = f"[called {asked.tool} of {asked.server} with {arguments}]"
    text = "(it may have been done or not)" if row.result is None else row.result.text
    text = _PLACEHOLDER.sub("(masked)", text)
    return f"{called}\n{as_data(text[:_MOST_OF_EARLIER], asked.server, asked.tool)}"


def _plain(name: str) -> str:
    return re.sub(r"[^\w.:/-]", "_", name)[:80]


def harmless(text: str) -> str:
    """The text without what could steer a terminal, or turn a line round."""
    return _CONTROL.sub("\ufffd", text)


def _text(answer: ToolAnswer) -> str:
    texts = [found for block in answer.content if (found := _text_of(block)) is not None]
    if not texts and answer.structured is not None:
        return json.dumps(answer.structured, ensure_ascii=False)
    return "\n".join(texts)


def _text_of(block: Mapping[str, Any]) -> str | None:
    """The text of a block; None of one that has none."""
    if block.get("type") == "text":
        return str(block.get("text", ""))
    resource = block.get("resource")
    if block.get("type") == "resource" and isinstance(resource, Mapping) and "text" in resource:
        return str(resource["text"])
    return None


def _others(answer: ToolAnswer) -> Counter[str]:
    kinds = (_kind(block) for block in answer.content if _text_of(block) is None)
    return Counter(kinds)


def _kind(block: Mapping[str, Any]) -> str:
    """What a block without a text is, and of which media type."""
    name = _NAMED.get(str(block.get("type")), "other")
    resource = block.get("resource")
    of = resource if isinstance(resource, Mapping) else block
    media = re.sub(r"[^\w.+/-]", "", str(of.get("mimeType") or ""))[:60]
    return f"{name} {media}".strip()


def _cut(shown: int, count: int) -> str:
    return english(Sentence("tool.cut", {"shown": shown, "count": count}))


def _counted(what: str, count: int) -> str:
    return english(Sentence("tool.not_text", {"what": what, "count": count}))
