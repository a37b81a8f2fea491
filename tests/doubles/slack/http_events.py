"""Events over signed HTTP requests, sent again where they are answered badly or late."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.doubles.slack.records import Attempt, Delivery

_FORM = "application/x-www-form-urlencoded"


def signed(secret: str, body: bytes, at: int) -> dict[str, str]:
    """The headers that say that Slack sent a body."""
    base = f"v0:{at}:".encode() + body
    signature = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={signature}"}


@dataclass(slots=True)
class HttpEvents:
    """Carries events to one address."""

    url: str
    secret: str
    ack_seconds: float
    _session: aiohttp.ClientSession = field(default_factory=aiohttp.ClientSession)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def carry(self, delivery: Delivery) -> None:
        """Starts to send it. Deliveries run side by side, as Slack's do."""
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def copies(self, delivery: Delivery) -> list[Delivery]:
        """Two of the same: Slack may send one event twice."""
        return [delivery, Delivery(delivery.kind, delivery.payload)]

    async def verify(self, challenge: str = "challenge-test") -> bool:
        """Whether the address answers Slack's question whether it is the app's."""
        body = {"token": "verification-test", "challenge": challenge, "type": "url_verification"}
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        headers |= signed(self.secret, content, int(time.time()))
        async with self._session.post(self.url, data=content, headers=headers) as answer:
            return answer.status == 200 and challenge in await answer.text()

    async def aclose(self) -> None:
        """Gives up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def _deliver(self, delivery: Delivery) -> None:
        reason = ""
        while delivery.attempts_left:
            attempt = Attempt(time.time())
            delivery.attempts.append(attempt)
            reason, final = await self._attempt(delivery, attempt, reason)
            taken = not reason
            if final and not taken:
                delivery.abandon()
                return
            delivery.ended(attempt, taken)
            if taken:
                return

    async def _attempt(self, delivery: Delivery, attempt: Attempt, reason: str) -> tuple[str, bool]:
        """Why an attempt failed, if it did, and whether the app wants no other."""
        content, headers = _request(delivery)
        headers |= signed(self.secret, content, int(time.time()))
        if reason:
            headers["X-Slack-Retry-Num"] = str(len(delivery.attempts) - 1)
            headers["X-Slack-Retry-Reason"] = reason
        try:
            timeout = aiohttp.ClientTimeout(total=self.ack_seconds)
            async with self._session.post(
                self.url, data=content, headers=headers, timeout=timeout
            ) as answer:
                said = await answer.read()
                attempt.status = answer.status
                final = answer.headers.get("X-Slack-No-Retry") == "1"
        except TimeoutError:
            return "http_timeout", False
        except aiohttp.ClientError:
            return "connection_failed", False
        if not 200 <= attempt.status < 300:
            return "http_error", final
        attempt.delay = time.time() - attempt.at
        delivery.response = _said(said)
        return "", False


def _request(delivery: Delivery) -> tuple[bytes, dict[str, str]]:
    match delivery.kind:
        case "events_api":
            return json.dumps(delivery.payload).encode(), {"Content-Type": "application/json"}
        case "slash_commands":
            return urlencode(dict(delivery.payload)).encode(), {"Content-Type": _FORM}
        case _:
            payload = {"payload": json.dumps(delivery.payload)}
            return urlencode(payload).encode(), {"Content-Type": _FORM}


def _said(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace") or None
