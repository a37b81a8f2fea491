"""The Discord double's REST API, byte by byte: errors, rates, faults, control."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.doubles.discord import DiscordServer, Hang, Limits, Refuse, Slow, discord_server
from tests.doubles.discord.buckets import FixedWindow, SlidingWindow
from tests.doubles.waiting import until

pytestmark = pytest.mark.real_time


@dataclass
class Api:
    """Calls the server without a library's help."""

    server: DiscordServer
    http: aiohttp.ClientSession

    async def __call__(
        self, method: str, path: str, body: Any = None, **more: Any
    ) -> tuple[int, Any, Any]:
        """Status, body and headers of an answer."""
        headers = {"Authorization": f"Bot {self.server.token}"}
        url = self.server.url + path
        async with self.http.request(method, url, json=body, headers=headers, **more) as answer:
            data = await answer.json() if answer.content_type == "application/json" else None
            return answer.status, data, answer.headers

    @property
    def messages(self) -> str:
        """The path of the channel's messages."""
        return f"/channels/{self.server.people.general.id}/messages"

    async def post(self, content: str = "hello", **more: Any) -> tuple[int, Any, Any]:
        """Posts a message in the channel."""
        return await self("POST", self.messages, {"content": content, **more})


@asynccontextmanager
async def api(limits: Limits | None = None) -> AsyncIterator[Api]:
    """A server, and a way to call it."""
    async with discord_server(limits=limits) as server, aiohttp.ClientSession() as http:
        yield Api(server, http)


def path_of(errors: dict[str, Any]) -> tuple[str, str]:
    """Where in a body Discord finds fault, and with which code."""
    path: list[str] = []
    while "_errors" not in errors:
        ((name, errors),) = errors.items()
        path.append(name)
    return ".".join(path), errors["_errors"][0]["code"]


# Errors.


async def test_an_unknown_route_is_told_and_recorded() -> None:
    async with api() as call:
        status, body, _ = await call("GET", "/no/such/route")
        assert (status, body) == (404, {"message": "404: Not Found", "code": 0})
        assert [each.path for each in call.server.record.unknown] == ["/no/such/route"]


async def test_a_call_without_the_token_is_refused() -> None:
    async with api() as call:
        call.server.token = "wrong"
        status, body, _ = await call.post()
        assert (status, body) == (401, {"message": "401: Unauthorized", "code": 0})
        assert call.server.record.shown() == []


ROW = {"type": 1, "components": [{"type": 2, "style": 2, "label": "Go", "custom_id": "go"}]}


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
        ({"content": "x", "nonce": "n" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"description": "x" * 4097}]}, "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
        ({"components": [ROW, ROW]}, "components", "COMPONENT_CUSTOM_ID_DUPLICATED"),
        (
            {"content": "x", "components": [{"type": 1, "components": []}]},
            "components.0.components",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
            "allowed_mentions",
            "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
        (
            {"content": "x", "message_reference": {"message_id": "1"}},
            "message_reference",
            "MESSAGE_REFERENCE_UNKNOWN_MESSAGE",
        ),
    ],
    ids=["content", "nonce", "embed", "custom ids", "empty row", "mentions", "reference"],
)
async def test_a_body_that_does_not_fit_is_refused_at_its_place(
    body: dict[str, Any], path: str, code: str
) -> None:
    async with api() as call:
        status, answer, _ = await call("POST", call.messages, body)
        assert (status, answer["code"]) == (400, 50035)
        assert path_of(answer["errors"]) == (path, code)


async def test_text_of_new_components_has_its_own_limit() -> None:
    async with api() as call:
        display = {"type": 10, "content": "x" * 4001}
        status, answer, _ = await call(
            "POST", call.messages, {"components": [display], "flags": 1 << 15}
        )
        assert status == 400
        assert "maximum size of 4000" in json.dumps(answer)
        display["content"] = "fits"
        await call("POST", call.messages, {"components": [display], "flags": 1 << 15})
        (message,) = call.server.record.messages(by_bot=True)
        assert message.now.text == "\nfits"


async def test_a_reply_to_nothing_is_a_plain_message_where_that_is_allowed() -> None:
    async with api() as call:
        reference = {"message_id": "1", "fail_if_not_exists": False}
        status, body, _ = await call.post(message_reference=reference)
        assert (status, body["type"]) == (200, 0)


# Rates.


async def test_posts_and_edits_of_a_channel_share_a_bucket() -> None:
    async with api(Limits(channel_calls=2, channel_seconds=30.0)) as call:
        _, message, headers = await call.post()
        assert headers["X-RateLimit-Remaining"] == "1"
        path = f"{call.messages}/{message['id']}"
        _, _, edited = await call("PATCH", path, {"content": "edited"})
        assert edited["X-RateLimit-Bucket"] == headers["X-RateLimit-Bucket"]
        assert edited["X-RateLimit-Remaining"] == "0"
        status, body, refused = await call.post()
        assert status == 429
        assert 29 < body["retry_after"] <= 30
        assert (body["global"], refused["X-RateLimit-Scope"]) == (False, "user")
        assert (refused["Retry-After"], refused["Content-Type"]) == ("30", "application/json")
        assert "Via" in refused
        assert [each.method for each in call.server.record.rate_limited] == ["POST"]
        other = call.server.platform.add_channel(call.server.people.guild, "other")
        assert (await call("POST", f"/channels/{other.id}/messages", {"content": "x"}))[0] == 200


async def test_every_call_counts_towards_the_global_limit() -> None:
    async with api(Limits(global_calls=2, global_seconds=30.0)) as call:
        await call("GET", "/users/@me")
        await call("GET", "/gateway/bot")
        status, body, headers = await call.post()
        assert (status, body["global"]) == (429, True)
        assert (headers["X-RateLimit-Global"], headers["X-RateLimit-Scope"]) == ("true", "global")


async def test_limits_can_be_switched_off() -> None:
    async with api(Limits.off()) as call:
        answers = [await call.post("x" * 5000) for _ in range(60)]
        assert {status for status, _, _ in answers} == {200}
        assert "X-RateLimit-Limit" not in answers[0][2]


def test_a_fixed_window_begins_with_its_first_call() -> None:
    window = FixedWindow(2, 5.0)
    verdicts = [window.take(now) for now in (10.0, 14.0, 14.5, 15.0)]
    assert [v.allowed for v in verdicts] == [True, True, False, True]
    assert [v.remaining for v in verdicts] == [1, 0, 0, 1]
    assert [v.reset_after for v in verdicts] == [5.0, 1.0, 0.5, 5.0]


def test_a_sliding_window_ends_with_now() -> None:
    window = SlidingWindow(2, 5.0)
    verdicts = [window.take(now) for now in (10.0, 14.0, 14.5, 15.0, 16.0)]
    assert [v.allowed for v in verdicts] == [True, True, False, True, False]
    assert verdicts[-1].reset_after == 3.0


# Faults.


async def test_an_answer_is_late() -> None:
    async with api() as call:
        call.server.faults.add(Slow(0.05), "POST", applied=True)
        began = time.monotonic()
        assert (await call.post())[0] == 200
        assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize(("applied", "shown"), [(False, []), (True, ["hello"])])
async def test_an_answer_never_comes(applied: bool, shown: list[str]) -> None:
    async with api() as call:
        call.server.faults.add(Hang(), "POST", "/channels/*", applied=applied)
        posting = asyncio.create_task(call.post())
        await until(lambda: call.server.record.calls)
        await asyncio.wait({posting}, timeout=0.1)
        assert not posting.done()
        assert call.server.record.shown() == shown
        posting.cancel()
        await asyncio.wait({posting})


async def test_a_fault_strikes_the_calls_that_it_was_meant_for() -> None:
    async with api() as call:
        call.server.faults.add(Refuse(503), "POST", "/channels/*/messages", skip=1, times=2)
        statuses = [(await call.post())[0] for _ in range(4)]
        assert statuses == [200, 503, 503, 200]
        assert (await call("GET", call.messages))[0] == 200


async def test_a_page_of_the_proxy_before_the_platform_has_no_json_and_no_via() -> None:
    async with api() as call:
        call.server.faults.add(Refuse(429, html=True))
        status, body, headers = await call.post()
        assert (status, body, headers["Content-Type"]) == (429, None, "text/html; charset=utf-8")
        assert "Via" not in headers


# The record.


async def test_the_record_tells_gaps_and_shrinking() -> None:
    async with api() as call:
        _, message, _ = await call.post("one")
        path = f"{call.messages}/{message['id']}"
        await call("PATCH", path, {"content": "one two"})
        await call("PATCH", path, {"content": "two"})
        record = call.server.record
        ((before, after),) = record.shrank(message["id"])
        assert (before.content, after.content) == ("one two", "two")
        assert 0 < record.largest_gap(message["id"]) < 5
        await call("DELETE", path)
        assert record.shown() == []
        assert record.history[message["id"]].content == "two"


# As a process of its own.
