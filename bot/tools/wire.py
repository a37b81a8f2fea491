"""What left for a server and what came back, below the protocol: no call leaves twice, and nothing
that comes is larger than can be read.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import structlog

from bot.tools.process import MOST_LINE_BYTES

log = structlog.get_logger(__name__)

TOKEN = "io.everytoken/call"  # noqa: S105 - a name
"""The key in a call's `_meta` under which its token goes with it."""
CALL = "tools/call"

_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""Failures before the first byte of a request."""


@dataclass(slots=True)
class Slot:
    """One call on its way."""

    sent: bool = False
    """Whether a byte of it may have left."""
    answered: bool = False
    """Whether the server's own answer came."""
    status: int | None = None
    """Of the HTTP response, where there is one."""
    given_up: bool = False
    request_id: str | int | None = None


class CallOutbox:
    """The calls that may leave. One that left, or was given up, never leaves (again)."""

    def __init__(self) -> None:
        self._slots: dict[str, Slot] = {}
        self._tokens: dict[str | int, str] = {}

    def expect(self, token: str) -> Slot:
        """A call that is about to be made."""
        if token in self._slots:
            raise ValueError(f"the call {token} is being made")
        return self._slots.setdefault(token, Slot())

    def admit(self, message: Mapping[str, Any]) -> Slot | None:
        """The slot of a call that may leave now, and counts as sent from now on.

        None where it must not. To be asked of calls alone, see `is_call`.
        """
        token = token_of(message)
        slot = self._slots.get(token)
        if slot is None or slot.sent or slot.given_up:
            log.error("tool.sent_twice", token=token)
            return None
        slot.sent = True
        slot.request_id = message.get("id")
        if slot.request_id is not None:
            self._tokens[slot.request_id] = token
        return slot

    def answered(self, request_id: str | int | None) -> str | None:
        """Notes the answer to a request; the call's token where it had been given up."""
        token = None if request_id is None else self._tokens.get(request_id)
        slot = None if token is None else self._slots.get(token)
        if slot is None:
            return None
        slot.answered = True
        return token if slot.given_up else None

    def done(self, token: str) -> None:
        """The call has ended; what is still to leave of it doesn't. An answer may still come to
        one that was given up.
        """
        slot = self._slots[token]
        if slot.given_up and slot.sent and not slot.answered:
            return
        del self._slots[token]
        if slot.request_id is not None:
            self._tokens.pop(slot.request_id, None)


def is_call(message: Mapping[str, Any]) -> bool:
    """Whether a message makes something happen."""
    return message.get("method") == CALL


def token_of(message: Mapping[str, Any]) -> str:
    """A call's token; empty where it has none, which is never admitted."""
    params = message.get("params") or {}
    return str((params.get("_meta") or {}).get(TOKEN, ""))


class GuardedClient(httpx2.AsyncClient):
    """An HTTP client whose requests end in responses: no exception of one ends another's.

    It follows no redirect of what it posts, opens no stream that nobody asked for, sends no call
    twice, and reads no body without bounds.
    """

    def __init__(self, outbox: CallOutbox, **options: Any) -> None:
        super().__init__(**options)
        self._outbox = outbox
        self.fault: Exception | None = None
        """The last failure of a connection; for operators."""
        self.status: int | None = None
        """Of the last response that was no success."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Sends one request, as `httpx2.AsyncClient.send` does."""
        if request.method == "GET" and "last-event-id" not in request.headers:
            return _instead(request, 405)  # what a server says unasked is not read
        slot = None
        message = _message(request)
        if is_call(message) and (slot := self._outbox.admit(message)) is None:
            return _instead(request, 508)
        request.headers["accept-encoding"] = "identity"  # a small body can't become a large one
        try:
            response = await super().send(request, **options)
        except httpx2.HTTPError as error:
            self.fault = error
            if slot is not None:
                slot.sent = not isinstance(error, _UNSENT)
            return _instead(request, 503)
        return await self._bounded(request, response, slot)

    async def _bounded(
        self, request: httpx2.Request, response: httpx2.Response, slot: Slot | None
    ) -> httpx2.Response:
        if response.status_code >= 300:
            self.status = response.status_code
        if slot is not None:
            slot.status = response.status_code
        if request.method == "POST" and 300 <= response.status_code < 400:
            await response.aclose()
            return _instead(request, 400)
        response.headers.pop("content-encoding", None)
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        if not is_stream:  # of a stream, each event is bounded
            response.stream = _Bounded(cast(httpx2.AsyncByteStream, response.stream))
        return response


class _Bounded(httpx2.AsyncByteStream):
    """A body of a bounded size; what breaks it is an error that the SDK answers a request with."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        try:
            async for chunk in self._stream:
                count += len(chunk)
                if count > MOST_LINE_BYTES:
                    raise httpx2.StreamError("the body is too large")
                yield chunk
        except httpx2.HTTPError as error:
            raise httpx2.StreamError(str(error)) from error

    async def aclose(self) -> None:
        await self._stream.aclose()


def _message(request: httpx2.Request) -> Mapping[str, Any]:
    if request.method != "POST":
        return {}
    found = json.loads(request.content)
    return found if isinstance(found, dict) else {}


def _instead(request: httpx2.Request, status: int) -> httpx2.Response:
    return httpx2.Response(status, request=request)
