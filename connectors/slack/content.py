"""What a message of Slack's says, in Slack's own form: its text, and what it carries.

One place for questions, for edits and for the history: forwarded messages, alerts of other apps
that are nothing but blocks, and what else stands below a message's own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

_DEEPEST = 12
"""Blocks and attachments nest, but not for ever."""


def content_of(message: Json) -> str:
    """All that a message says: its own words, then what it forwards or attaches.

    Text is Slack's mrkdwn: `<@U1>`, `<https://…|label>` and entities are still to be undone.
    """
    own, drawn = _text(message.get("text")), _of_blocks(message.get("blocks"), _DEEPEST)
    if message.get("bot_id") or not own:  # an app's text is what its notifications show
        own = _lines(drawn) or own
    attached = _lines(_attached(message, _DEEPEST))
    return "\n".join(part for part in (own, attached) if part.strip())


def _attached(message: Json, depth: int) -> Iterator[str]:
    by_app = bool(message.get("bot_id"))
    for each in _list(message.get("attachments")):
        if _is_share(each):
            yield from _shared(each, depth)
        elif by_app or not (each.get("from_url") or each.get("original_url")):
            # A person's other attachments are previews of the addresses in their words.
            yield from _attachment(each, depth)


def _is_share(attachment: Json) -> bool:
    """Whether it is somebody's message that was forwarded, or whose link was posted."""
    return any(attachment.get(mark) for mark in ("is_share", "is_msg_unfurl", "message_blocks"))


def _shared(share: Json, depth: int) -> Iterator[str]:
    said = str(share.get("text") or "") or _lines(_messages(share.get("message_blocks"), depth))
    said = (
        said or _lines(_of_blocks(share.get("blocks"), depth)) or str(share.get("fallback") or "")
    )
    author = str(share.get("author_name") or share.get("author_subname") or "")
    heading = f"Forwarded from {escaped(author)}:" if author else "Forwarded:"
    yield f"{heading}\n{_quoted(said)}" if said.strip() else ""
    if depth:
        yield from _attached(share, depth - 1)


def _messages(found: object, depth: int) -> Iterator[str]:
    """The blocks of forwarded messages: `[{"message": {"blocks": […]}}]`."""
    for each in _list(found):
        yield from _of_blocks((each.get("message") or {}).get("blocks"), depth)


def _attachment(attachment: Json, depth: int) -> Iterator[str]:
    said = [str(attachment.get(part) or "") for part in ("pretext", "title", "text")]
    for field in _list(attachment.get("fields")):
        title, value = str(field.get("title") or ""), str(field.get("value") or "")
        said.append(f"{title}: {value}" if title and value else title or value)
    said += _of_blocks(attachment.get("blocks"), depth)
    yield _lines(said) or str(attachment.get("fallback") or "")


# Blocks.


def _of_blocks(blocks: object, depth: int) -> Iterator[str]:
    """The lines that blocks say, one for each part of them that stands by itself."""
    for block in _list(blocks) if depth else ():
        match block.get("type"):
            case "rich_text":
                yield from map(_rich, _list(block.get("elements")))
            case "table":
                for row in block.get("rows") or ():
                    yield "\t".join(_lines(_cell(cell, depth)) for cell in _list(row))
            case "image":
                yield _text(block.get("title")) or escaped(str(block.get("alt_text") or ""))
            case "markdown":
                yield escaped(_text(block.get("text")))
            case _:
                yield from _composed(block, depth)


def _composed(block: Json, depth: int) -> Iterator[str]:
    """A block of texts: a header, a section with its fields, a context, or one not known here."""
    for part in ("title", "subtitle", "text", "body", "description"):
        yield _object(block.get(part))
    yield from map(_object, _list(block.get("fields")))
    elements = _list(block.get("elements")) if block.get("type") != "actions" else []
    for element in elements:
        yield _object(element) or _object(element.get("text"))
    yield from _of_blocks(block.get("blocks"), depth - 1)


def _cell(cell: Json, depth: int) -> Iterator[str]:
    yield from _of_blocks([cell], depth) if cell.get("type") == "rich_text" else [_object(cell)]


def _object(value: object) -> str:
    """A text object; plain text is given in mrkdwn's form."""
    if not isinstance(value, Mapping):
        return ""
    said = _text(value.get("text"))
    return said if value.get("type") == "mrkdwn" else escaped(said)


def _rich(element: Json) -> str:
    """An element of rich text: a section, a list, a quote or code, and the runs in them."""
    runs = _list(element.get("elements"))
    match element.get("type"):
        case "rich_text_list":
            return "\n".join(f"• {_rich(item)}" for item in runs)
        case "rich_text_quote":
            return _quoted("".join(map(_run, runs)))
        case "rich_text_preformatted":
            return f"```\n{''.join(map(_run, runs))}\n```"
        case _:
            return "".join(map(_run, runs))


def _run(run: Json) -> str:
    match run.get("type"):
        case "user":
            return f"<@{run.get('user_id', '')}>"
        case "channel":
            return f"<#{run.get('channel_id', '')}>"
        case "usergroup":
            return f"<!subteam^{run.get('usergroup_id', '')}>"
        case "broadcast":
            return f"<!{run.get('range', '')}>"
        case "emoji":
            return f":{run.get('name', '')}:"
        case "link":
            url, label = str(run.get("url") or ""), _text(run.get("text"))
            return f"<{url}|{escaped(label)}>" if label else f"<{url}>"
        case "rich_text_section":
            return _rich(run)
        case _:
            return escaped(_text(run.get("text")) or str(run.get("fallback") or ""))


def escaped(text: str) -> str:
    """Characters as Slack's own form has them, so that they are no control of Slack's."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    return "\n".join(f"&gt; {line}".rstrip() for line in text.strip().splitlines())


def _lines(parts: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(part for part in parts if part.strip())


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Json]:
    """What is a list of objects; of another shape it says nothing."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
