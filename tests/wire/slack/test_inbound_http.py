"""Events, interactions and commands as signed requests over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from io import BytesIO
from urllib.parse import urlencode

import aiohttp
import pytest

from connectors.base import Asked, Pressed
from tests.doubles.slack import SIGNING_SECRET, Limits, Slack, sample, slack_server
from tests.doubles.slack.http_events import signed
from tests.wire.slack.ears import Ears, ears, http_ears

pytestmark = pytest.mark.real_time

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    """A Slack that sends again after a fifth of a second."""
    async with slack_server(limits=Limits().unmetered(), ack_seconds=0.2) as server:
        yield server


@pytest.fixture
async def hearing(slack: Slack) -> AsyncIterator[Ears]:
    """The inbound side, served."""
    async with http_ears(slack) as opened:
        yield opened


async def post(
    hearing: Ears,
    content: bytes,
    media_type: str = JSON,
    *,
    secret: str = SIGNING_SECRET,
    at: int | None = None,
    **headers: str,
) -> tuple[int, str]:
    """Sends a request; the answer's status and text."""
    made = {"Content-Type": media_type, **signed(secret, content, at or int(time.time()))}
    made |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{hearing.url}/slack/events", data=BytesIO(content), headers=made) as answer,
    ):
        return answer.status, await answer.text()


def question(**event: str) -> bytes:
    """A direct message."""
    body = sample("message_im")
    body["event"] |= event
    return json.dumps(body).encode()


async def test_a_question_is_answered_with_200_only_once_the_bot_has_it(
    slack: Slack, hearing: Ears
) -> None:
    asked = slack.ask("Hello", channel=slack.dm())
    incoming = await hearing.next()
    assert asked.deliveries[0].attempts[0].status == 0
    incoming.accept()
    assert await asked.settled()
    assert asked.deliveries[0].attempts[0].status == 200
    assert isinstance(incoming.event, Asked)


async def test_a_refused_question_is_answered_with_503_and_comes_again(
    slack: Slack, hearing: Ears
) -> None:
    asked = slack.ask("Hello", channel=slack.dm())
    first = await hearing.next()
    first.refuse()
    again = await hearing.next()
    again.accept()
    assert await asked.acknowledged()
    assert [attempt.status for attempt in asked.deliveries[0].attempts] == [503, 200]
    assert first.event == again.event


async def test_an_event_that_comes_three_times_is_one_question(slack: Slack, hearing: Ears) -> None:
    asked = slack.ask("Hello", channel=slack.dm())
    events = [await hearing.next() for _ in range(3)]
    for incoming in events:
        incoming.accept()
    assert await asked.acknowledged()
    assert len({incoming.event.message for incoming in events}) == 1


async def test_what_nobody_handles_is_answered_at_once(slack: Slack, hearing: Ears) -> None:
    deliveries = [
        *slack.say("Good morning").deliveries,
        *slack.join().deliveries,
        *slack.board.events.send("interactive", {"type": "something_new"}),
        *slack.board.events.send("interactive", sample("block_actions")),
    ]
    assert all(await asyncio.gather(*(each.settled() for each in deliveries)))
    assert hearing.heard == []


async def test_interactions_come_as_forms(slack: Slack, hearing: Ears) -> None:
    body = sample("block_actions")
    body["actions"][0]["action_id"] = "everytoken_retry"
    (delivery,) = slack.board.events.send("interactive", body)
    assert isinstance(await hearing.accept(), Pressed)
    assert await delivery.settled()


@pytest.mark.usefixtures("hearing")
async def test_a_command_is_answered_with_json(slack: Slack) -> None:
    helped = slack.command("help")
    assert await helped.settled()
    assert helped.response["response_type"] == "ephemeral"


async def test_a_command_may_speak_of_a_payload(slack: Slack, hearing: Ears) -> None:
    """Bolt takes a form in which that word occurs for one of another kind, and for empty."""
    slack.command("what is a payload?")
    event = await hearing.accept()
    assert isinstance(event, Asked)
    assert event.text == "what is a payload?"


async def test_slack_is_told_that_the_address_is_the_apps(slack: Slack, hearing: Ears) -> None:
    carrier = slack.deliver_to(f"{hearing.url}/slack/events")
    assert await carrier.verify("a challenge")
    assert hearing.heard == []


async def test_an_address_is_not_verified_for_somebody_else(hearing: Ears) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c"}).encode()
    assert (await post(hearing, body, secret="another"))[0] == 401


async def test_a_forged_signature_is_401_and_no_event(hearing: Ears) -> None:
    assert (await post(hearing, question(), secret="another"))[0] == 401
    assert (await post(hearing, question(), X_Slack_Signature="v0=é".encode().decode("latin-1")))[
        0
    ] == 401
    assert (await post(hearing, question(), X_Slack_Signature=""))[0] == 401
    assert (await post(hearing, b"ssl_check=1&command=%2Feverytoken", FORM, secret="another"))[
        0
    ] == 401
    assert hearing.heard == []


async def test_a_request_of_six_minutes_ago_is_401_and_no_event(hearing: Ears) -> None:
    now = int(time.time())
    assert (await post(hearing, question(), at=now - 360))[0] == 401
    assert (await post(hearing, question(), at=now + 360))[0] == 401
    assert hearing.heard == []


@pytest.mark.parametrize("at", ["", "soon", "-1", "1e9", "٣", "9" * 30])
async def test_a_time_that_is_none_is_401(hearing: Ears, at: str) -> None:
    stamp = at.encode().decode("latin-1")
    assert (await post(hearing, question(), X_Slack_Request_Timestamp=stamp))[0] == 401


async def test_bytes_that_are_no_text_are_401(hearing: Ears) -> None:
    assert (await post(hearing, b"\xff\xfe"))[0] == 401


async def test_a_request_that_is_too_large_is_413(hearing: Ears) -> None:
    assert (await post(hearing, b"x" * (5 * 1024 * 1024)))[0] == 413


@pytest.mark.parametrize("media_type", [JSON, FORM, "text/plain"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b"null", b"payload=%7B", b"payload=[]", b"a=b&a=b", b'{"event":' * 3000],
)
async def test_signed_content_of_any_kind_ends_nothing(
    hearing: Ears, content: bytes, media_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    assert (await post(hearing, content, media_type))[0] == 200
    sending = asyncio.create_task(post(hearing, question()))
    assert isinstance(await hearing.accept(), Asked)
    assert (await sending)[0] == 200


async def test_slacks_check_of_the_certificate_is_answered(hearing: Ears) -> None:
    assert (await post(hearing, urlencode({"ssl_check": "1"}).encode(), FORM))[0] == 200


async def test_only_posts_are_taken(hearing: Ears) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{hearing.url}/slack/events") as answer,
    ):
        assert answer.status == 405


async def test_there_is_no_address_without_a_signing_secret(slack: Slack) -> None:
    async with ears(slack, app_token=None) as hearing:
        assert list(hearing.inbound.routes()) == []
        assert not hearing.inbound.connected


async def test_events_can_come_in_where_requests_are_served(hearing: Ears) -> None:
    assert hearing.inbound.connected


async def test_events_are_refused_once_the_bot_closes(hearing: Ears) -> None:
    await hearing.inbound.aclose()
    assert (await post(hearing, question()))[0] == 503


async def test_bolt_takes_no_setting_from_the_environment(
    slack: Slack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("BOT_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "SIGNING_SECRET", "APP_TOKEN"):
        monkeypatch.setenv(f"SLACK_{name}", "of another app")
    async with http_ears(slack) as hearing:
        asked = slack.ask("Hello", channel=slack.dm())
        assert isinstance(await hearing.accept(), Asked)
        assert await asked.settled()
        assert (await post(hearing, question(), secret="of another app"))[0] == 401
    assert caplog.records == []
