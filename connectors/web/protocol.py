"""What the page and the server say to each other: JSON objects, told apart by `type`."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Control, Status
from connectors.markdown import safe
from connectors.web import dialect
from connectors.web.messages import PageMessage

# Messages as HTML: made once for each version, however many look.


KEPT = 8_000_000
"""The most bytes, about, that are kept."""
_BESIDE = 400
"""What keeping a drawing takes beside its characters, about."""


class Drawings:
    """The HTML of messages that were shown lately. Threads may ask at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, str]] = OrderedDict()
        """By message, its newest version that was drawn."""
        self._size = 0
        self._lock = threading.Lock()

    def html(self, message: PageMessage) -> str:
        """A message's HTML."""
        with self._lock:
            version, html = self._kept.get(message.id, (None, ""))
            if version == message.version:
                self._kept.move_to_end(message.id)
                return html
        html = dialect.write(message.text)
        with self._lock:
            self._keep(message, html)
        return html

    def _keep(self, message: PageMessage, html: str) -> None:
        version, old = self._kept.get(message.id, (None, ""))
        if version is not None and version >= message.version:
            return
        self._size += len(html) - len(old) + (_BESIDE if version is None else 0)
        self._kept[message.id] = message.version, html
        self._kept.move_to_end(message.id)
        while self._size > KEPT:
            _, (_, oldest) = self._kept.popitem(last=False)
            self._size -= len(oldest) + _BESIDE


FRAME_LIMIT = 128 * 1024
"""The most characters that a frame from the page may have."""
TEXT_LIMIT = 20_000
"""The most characters that a question may have."""
FILES_LIMIT = 10
"""The most files that a question may have; the bot may take fewer, and says so."""
NEWEST = sys.maxsize
"""A version that none comes after."""

_NAME = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")


class Declined(Exception):
    """What the page asked for is not done. The text is a plain sentence for its reader."""

    def __init__(self, why: str, message_id: str = "") -> None:
        super().__init__(why)
        self.message_id = message_id


class NotAdmitted(Declined):
    """The person may not do that."""


@dataclass(frozen=True, slots=True)
class Open:
    """The page shows this conversation now."""

    conversation: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A person says something; `id` is made by the page, and the same again says nothing new."""

    id: str
    text: str
    files: tuple[str, ...] = ()
    """The ids that the page got for what it attached."""


@dataclass(frozen=True, slots=True)
class Press:
    """A person pressed a control under a message."""

    message: str
    control: Control


@dataclass(frozen=True, slots=True)
class Delete:
    """A person deletes a message."""

    message: str


Request = Open | Ask | Press | Delete


def is_name(value: object) -> bool:
    """Whether this may name a conversation, a message or a person."""
    return isinstance(value, str) and _NAME.match(value) is not None


def parse(frame: str) -> Request:
    """Reads a frame of the page's. Raises `Declined`."""
    fields = _fields(frame)
    match fields.get("type"):
        case "open":
            return Open(_name(fields, "conversation"))
        case "ask":
            ask_id = _name(fields, "id")
            files = _files(fields.get("files", []), ask_id)
            return Ask(ask_id, _text(fields.get("text"), ask_id, files), files)
        case "press":
            return Press(_name(fields, "message"), _control(fields))
        case "delete":
            return Delete(_name(fields, "message"))
    raise Declined("The page said something that this server does not know. Please reload it.")


def _fields(frame: str) -> dict[str, Any]:
    try:
        fields = json.loads(frame)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Declined("The page sent something that is not a JSON object. Please reload it.")
    return fields


def _name(fields: dict[str, Any], field: str) -> str:
    value = fields.get(field)
    if not is_name(value):
        raise Declined(f"The page sent no proper {field}. Please reload it.")
    return str(value)


def _files(ids: object, message_id: str) -> tuple[str, ...]:
    if not isinstance(ids, list) or not all(is_name(each) for each in ids):
        raise Declined("The page sent no proper files. Please reload it.", message_id)
    if len(ids) > FILES_LIMIT:
        raise Declined(f"At most {FILES_LIMIT} files can go with a message.", message_id)
    return tuple(ids)


def _text(text: object, message_id: str, files: Sequence[str]) -> str:
    if not isinstance(text, str) or not (text.strip() or files):
        raise Declined("There is no text in your message.", message_id)
    if len(text) > TEXT_LIMIT:
        raise Declined(
            f"Your message has {len(text):,} characters; the most is {TEXT_LIMIT:,}.", message_id
        )
    return text


def _control(fields: dict[str, Any]) -> Control:
    try:
        return Control(fields.get("control", ""))
    except ValueError:
        raise Declined(
            "The page sent no proper control. Please reload it.", str(fields["message"])
        ) from None


def snapshot(conversation: str, messages: Sequence[PageMessage], drawings: Drawings) -> str:
    """All that a conversation shows now."""
    shown = [_shown(message, drawings) for message in messages]
    return _frame("snapshot", conversation=conversation, messages=shown)


def message(message: PageMessage, drawings: Drawings) -> str:
    """A new message, or a new version of one."""
    return _frame("message", message=_shown(message, drawings))


def deleted(message_id: str) -> str:
    """A message is there no more."""
    return _frame("deleted", id=message_id)


def status(status: Status) -> str:
    """What the bot is doing in the conversation."""
    return _frame("status", status=status.value)


def accepted(message_id: str) -> str:
    """The question is safe with the bot."""
    return _frame("accepted", id=message_id)


def refused(message_id: str, why: str) -> str:
    """What was asked for is not done; the message it was about, or empty."""
    return _frame("refused", id=message_id, why=why)


def _frame(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False)


def _shown(message: PageMessage, drawings: Drawings) -> dict[str, Any]:
    """The bot's text is sent as HTML, a person's as the plain text it is."""
    text = {"html": drawings.html(message)} if message.by_bot else {"text": safe(message.text)}
    return {
        "id": message.id,
        "seq": message.seq,
        "author": message.author_name,
        "by_bot": message.by_bot,
        "alone": message.reader_id is not None,
        **text,
        "controls": list(message.controls),
        "footer": safe(message.footer),
        "run_id": str(message.run_id) if message.run_id else None,
        "part": message.part,
        "last": message.last,
        "version": message.version,
        "files": [{"name": safe(file.name)} for file in message.files],
    }
