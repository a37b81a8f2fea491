"""A conversation as a file: Markdown to read, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from connectors.markdown import safe
from connectors.web.messages import PageMessage


def _markdown(messages: Sequence[PageMessage]) -> str:
    """Each message under who said it, and when."""
    parts = ["# A conversation with Everytoken\n"]
    for message in messages:
        parts.append(f"## {safe(message.author_name)}, {_time(message)}\n")
        parts += [f"(file: {safe(file.name)})\n" for file in message.files]
        parts.append(f"{safe(message.text)}\n")
    return "\n".join(parts)


def _json(messages: Sequence[PageMessage]) -> str:
    shown = [
        {
            "id": message.id,
            "author": message.author_name,
            "by_bot": message.by_bot,
            "at": _time(message),
            "text": message.text,
            "files": [file.name for file in message.files],
            "about": message.about,
            "run_id": str(message.run_id) if message.run_id else None,
            "receipt": message.footer,
            "failed": message.failed,
        }
        for message in messages
    ]
    return json.dumps({"messages": shown}, ensure_ascii=False, indent=2)


def _time(message: PageMessage) -> str:
    return datetime.fromtimestamp(message.at_us / 1e6, UTC).isoformat(timespec="seconds")


EXPORTS: Mapping[str, tuple[str, Callable[[Sequence[PageMessage]], str]]] = {
    "md": ("text/markdown; charset=utf-8", _markdown),
    "json": ("application/json", _json),
}
"""By a file's ending: its media type, and what writes it."""
