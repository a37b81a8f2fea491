"""Server-sent events, read as they come: bytes in, the data of whole events out.

After the standard: lines end in LF, CR or CRLF; an event's data may stand in several lines;
comments, ids and events without data say nothing that is of use here. Nor do names, but `error`.
"""

from __future__ import annotations

_LINE_ENDS = b"\r\n"
_FIRST, _BETWEEN, _LAST = b"data: ", b"\n\ndata: ", b"\n\n"


class ErrorEvent(bytes):
    """The data of an event that is named `error`; it may be empty."""


class EventReader:
    """Reads one stream. Keeps an unfinished line, and an unfinished event, for the next bytes."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._data: list[bytes] = []
        self._after_cr = False
        self._is_error = False

    def feed(self, received: bytes) -> list[bytes]:
        """The data of each event that these bytes make whole. A last one without its empty line
        never is: it may have been cut anywhere."""
        if not received:
            return []
        if received.startswith(_FIRST) and received.endswith(_LAST) and self._is_idle():
            events = received[len(_FIRST) : -len(_LAST)].split(_BETWEEN)
            lines = received.count(b"\n")
            if lines == 2 * len(events) and b"\r" not in received and all(events):
                return events  # nearly every read of nearly every service
        if self._after_cr:
            received = received.removeprefix(b"\n")  # the line end was CRLF, and came in two
        self._after_cr = received.endswith(b"\r")
        ended = map(self._event, self._lines(received))
        return [event for event in ended if event or type(event) is ErrorEvent]

    def _is_idle(self) -> bool:
        """Whether nothing of a line or an event was kept."""
        return not (self._begun or self._data or self._after_cr or self._is_error)

    def _lines(self, received: bytes) -> list[bytes]:
        """The lines that are whole now. `bytes.splitlines` knows just the three line ends."""
        lines = received.splitlines()
        rest = lines.pop() if received and received[-1] not in _LINE_ENDS else b""
        if lines and self._begun:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
        self._begun += rest
        return lines

    def _event(self, line: bytes) -> bytes:
        """The data of the event that this line ends; empty where it ends none."""
        if not line:
            event = b"\n".join(self._data)
            self._data.clear()
            is_error, self._is_error = self._is_error, False
            return ErrorEvent(event) if is_error else event
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            self._is_error = line[6:].strip() == b"error"
        return b""
