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

from connectors.base import Control, File, Status
from connectors.markdown import safe
from connectors.web.messages import PageMessage
from connectors.words import Sentence, Wording, which

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
        from connectors.web.dialect import write  # 3 MB, where somebody looks at the page

        html = write(message.text)
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

_RECEIPT = "receipt."
"""What the ids of the sentences begin with that sum a receipt up."""
_NAME = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")


class Declined(Exception):
    """What the page asked for is not done; `why` is for its reader."""

    def __init__(self, why: Sentence, message_id: str = "") -> None:
        super().__init__(why.id)
        self.why = why
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
    instead: str | None = None
    """The earlier question that this one is asked instead of."""


@dataclass(frozen=True, slots=True)
class Press:
    """A person pressed a control under a message."""

    message: str
    control: Control


@dataclass(frozen=True, slots=True)
class Delete:
    """A person deletes a message."""

    message: str


@dataclass(frozen=True, slots=True)
class Clear:
    """A person deletes what is theirs of a conversation: messages, and the answers to them."""

    conversation: str


Request = Open | Ask | Press | Delete | Clear


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
            instead = _name(fields, "instead") if "instead" in fields else None
            return Ask(ask_id, _text(fields.get("text"), ask_id, files), files, instead)
        case "press":
            return Press(_name(fields, "message"), _control(fields))
        case "delete":
            return Delete(_name(fields, "message"))
        case "clear":
            return Clear(_name(fields, "conversation"))
    raise Declined(Sentence("web.unknown"))


def _fields(frame: str) -> dict[str, Any]:
    try:
        fields = json.loads(frame)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Declined(Sentence("web.no_object"))
    return fields


def _name(fields: dict[str, Any], field: str) -> str:
    value = fields.get(field)
    if not is_name(value):
        raise Declined(Sentence("web.no_proper", {"field": field}))
    return str(value)


def _files(ids: object, message_id: str) -> tuple[str, ...]:
    if not isinstance(ids, list) or not all(is_name(each) for each in ids):
        raise Declined(Sentence("web.no_proper", {"field": "files"}), message_id)
    if len(ids) > FILES_LIMIT:
        raise Declined(Sentence("web.files_most", {"most": FILES_LIMIT}), message_id)
    return tuple(ids)


def _text(text: object, message_id: str, files: Sequence[str]) -> str:
    if not isinstance(text, str) or not (text.strip() or files):
        raise Declined(Sentence("web.no_text"), message_id)
    if len(text) > TEXT_LIMIT:
        most = {"chars": len(text), "most": TEXT_LIMIT}
        raise Declined(Sentence("web.too_long", most), message_id)
    return text


def _control(fields: dict[str, Any]) -> Control:
    try:
        return Control(fields.get("control", ""))
    except ValueError:
        why = Sentence("web.no_proper", {"field": "control"})
        raise Declined(why, str(fields["message"])) from None


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


def cleared(conversation: str) -> str:
    """What was a person's in a conversation is deleted."""
    return _frame("cleared", conversation=conversation)


def uncleared(conversation: str, why: Wording) -> str:
    """It is not."""
    return _frame("uncleared", conversation=conversation, why=why.text)


def refused(message_id: str, why: Wording) -> str:
    """What was asked for is not done; the message it was about, or empty."""
    return _frame("refused", id=message_id, why=why.text)


def _frame(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False)


def _verdict(footer: str) -> str | None:
    """What the small print of an answer says of its receipt, in whatever language it does."""
    found = which(footer, _RECEIPT)
    while found is None and " · " in footer:  # what stands behind it tells of calls and files
        footer = footer.rpartition(" · ")[0]
        found = which(footer, _RECEIPT)
    return None if found is None else found.removeprefix(_RECEIPT)


def _handed_out(message: PageMessage, file: File) -> dict[str, Any]:
    """Where a file of an answer is, and of which kind; of a question's nothing is told."""
    if not message.by_bot:
        return {}
    return {"type": file.media_type, "href": f"/files/{message.conversation}/{file.id}"}


def _shown(message: PageMessage, drawings: Drawings) -> dict[str, Any]:
    """The bot's text is sent as HTML, a person's as the plain text it is; and once it is whole, the
    Markdown as well, to be copied.
    """
    text = {"html": drawings.html(message)} if message.by_bot else {"text": safe(message.text)}
    if message.by_bot and Control.STOP not in message.controls:
        text["source"] = safe(message.text)
    return {
        "id": message.id,
        "seq": message.seq,
        "author": message.author_name,
        "by_bot": message.by_bot,
        "alone": message.reader_id is not None,
        **text,
        "controls": list(message.controls),
        "footer": safe(message.footer),
        "verdict": _verdict(message.footer),
        "run_id": str(message.run_id) if message.run_id else None,
        "part": message.part,
        "last": message.last,
        "version": message.version,
        "files": [
            {"name": safe(file.name), "id": file.id, **_handed_out(message, file)}
            for file in message.files
        ],
        "about": message.about,
        "failed": message.failed,
        "instead": message.instead,
    }
