"""Every failure of Slack's is one of ours, by one table, and says what mends it."""

from __future__ import annotations

import logging

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from connectors.base import (
    ConnectorError,
    Gone,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
    Unconfirmed,
)
from connectors.slack import api as api_module
from connectors.slack.api import Api, OneToken
from connectors.slack.errors import TABLE, code_of, failure, translated
from tests.doubles.slack.faults import Broken, Fault, Held, Reset, Says, TooMany
from tests.doubles.slack.people import Upload
from tests.doubles.slack.server import Slack


def said(
    error: str = "", *, status: int = 200, headers: dict[str, str] | None = None, **extra: object
) -> SlackApiError:
    """What the SDK raises for an answer."""
    data = {"ok": False, **({"error": error} if error else {}), **extra}
    response = AsyncSlackResponse(
        client=AsyncWebClient(),
        http_verb="POST",
        api_url="",
        req_args={},
        data=data,
        headers=headers or {},
        status_code=status,
    )
    return SlackApiError("no", response)  # type: ignore[no-untyped-call]  # the SDK's own


KINDS = {
    Gone: ["message_not_found", "thread_not_found", "file_deleted"],
    Refused: [
        "cant_update_message",
        "edit_window_closed",
        "block_mismatch",
        "is_archived",
        "is_inactive",
        "not_in_channel",
        "channel_not_found",
        "restricted_action",
        "token_revoked",
        "invalid_auth",
        "account_inactive",
        "missing_scope",
        "no_permission",
        "streaming_state_conflict",
        "message_not_in_streaming_state",
        "stopped_by_user",
        "invalid_blocks",
        "nobody_ever_heard_of_this",
    ],
    TooLarge: ["msg_too_long", "msg_blocks_too_long"],
    RateLimited: ["ratelimited", "rate_limited"],
    Unavailable: ["service_unavailable"],
    Unconfirmed: ["fatal_error", "internal_error", "request_timeout"],
}


@pytest.mark.parametrize(
    ("kind", "code"), [(kind, code) for kind, codes in KINDS.items() for code in codes]
)
def test_each_error_of_slacks_is_one_of_ours(kind: type[ConnectorError], code: str) -> None:
    assert type(failure("chat.update", said(code))) is kind


@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_error_names_itself_the_method_and_a_cure(code: str) -> None:
    error = failure("chat.update", said(code))
    assert str(error).endswith(f"(chat.update: {code})")
    assert len(str(error)) > len(f"(chat.update: {code})") + 10
    assert "{" not in str(error)


def test_a_missing_scope_is_named_with_the_step_that_mends_it() -> None:
    error = failure("chat.postMessage", said("missing_scope", needed="chat:write"))
    assert "chat:write" in str(error)
    assert "install it again" in str(error)


def test_slacks_own_name_of_an_error_is_kept() -> None:
    with pytest.raises(Refused) as raised, translated("chat.update"):
        raise said("streaming_state_conflict")
    assert code_of(raised.value) == "streaming_state_conflict"
    assert code_of(Unavailable("no name")) == ""


def test_a_429_says_how_long_to_wait() -> None:
    error = failure("chat.update", said("ratelimited", status=429, headers={"Retry-After": "17"}))
    assert isinstance(error, RateLimited)
    assert error.retry_after == 17.0


def test_a_429_that_does_not_say_how_long_is_waited_out_all_the_same() -> None:
    error = failure("chat.update", said("ratelimited", status=429))
    assert isinstance(error, RateLimited)
    assert error.retry_after > 0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again_whatever_it_says(status: int) -> None:
    """Only a 503 says that nothing was done."""
    kind = Unavailable if status == 503 else Unconfirmed
    assert type(failure("chat.update", said(status=status))) is kind
    assert type(failure("chat.update", said("is_archived", status=status))) is kind


def test_blocks_that_are_too_long_are_told_from_blocks_that_are_wrong() -> None:
    messages = ["[ERROR] must be less than 12001 characters [json-pointer:/blocks/0/text]"]
    long = said("invalid_blocks", response_metadata={"messages": messages})
    assert type(failure("chat.update", long)) is TooLarge


def test_an_unknown_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        failure("chat.update", said("nobody_ever_heard_of_this"))
        failure("chat.update", said("is_archived"))
    assert ["nobody_ever_heard_of_this" in record.getMessage() for record in caplog.records] == [
        True
    ]


@pytest.mark.parametrize(
    "error", [aiohttp.ServerDisconnectedError(), TimeoutError(), ConnectionResetError()]
)
def test_a_lost_connection_is_tried_again(error: Exception) -> None:
    with pytest.raises(Unavailable) as raised, translated("chat.update"):
        raise error
    assert raised.value.__cause__ is error


def test_the_token_is_in_no_message() -> None:
    for error in (failure("auth.test", said("invalid_auth")), failure("auth.test", said())):
        assert "xoxb-test" not in str(error)


# Over the wire.


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (TooMany(3), RateLimited),
        (Says("is_archived"), Refused),
        (Says("message_not_found"), Gone),
        (Says("fatal_error"), Unavailable),
        (Broken(500), Unavailable),
        (Broken(503), Unavailable),
        (Broken(200), Unavailable),
        (Reset(), Unavailable),
        (Held(5.0), Unavailable),
    ],
    ids=str,
)
async def test_whatever_the_wire_brings_is_one_of_our_errors(
    slack: Slack,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    kind: type[ConnectorError],
) -> None:
    monkeypatch.setattr(api_module, "_CALL_TIMEOUT_S", 0.3)
    slack.fault("auth.test", fault)
    with pytest.raises(kind) as raised:
        await api.call(slack.workspace.id, "auth.test")
    assert len(slack.called("auth.test")) == 1
    assert slack.bot_token not in str(raised.value)
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == 3.0


@pytest.mark.real_time
async def test_a_server_that_is_not_there_is_unavailable() -> None:
    nobody = Api("http://127.0.0.1:9/api/", OneToken("xoxb-test"))
    try:
        with pytest.raises(Unavailable):
            await nobody.call("T1", "auth.test")
    finally:
        await nobody.aclose()


@pytest.mark.real_time
async def test_a_read_waits_out_a_short_rate_limit_once(slack: Slack, api: Api) -> None:
    slack.fault("auth.test", TooMany(1))
    assert (await api.identity(slack.workspace.id)).user == slack.workspace.bot_user
    slack.fault("auth.test", TooMany(30))
    with pytest.raises(RateLimited):
        await api.look_up(slack.workspace.id, "auth.test")


@pytest.mark.real_time
async def test_who_the_bot_is_is_asked_once(slack: Slack, api: Api) -> None:
    first = await api.identity(slack.workspace.id)
    assert await api.identity(slack.workspace.id) == first
    assert (first.team, first.bot) == (slack.workspace.id, slack.workspace.bot_id)
    assert len(slack.called("auth.test")) == 1
    api.forget(slack.workspace.id)
    await api.identity(slack.workspace.id)
    assert len(slack.called("auth.test")) == 2


@pytest.mark.real_time
async def test_after_closing_nothing_is_called(slack: Slack, api: Api) -> None:
    await api.call(slack.workspace.id, "auth.test")
    await api.aclose()
    with pytest.raises(Unavailable):
        await api.call(slack.workspace.id, "auth.test")


@pytest.mark.real_time
async def test_a_file_of_slacks_is_downloaded(slack: Slack, api: Api) -> None:
    address = upload(slack, b"content")
    assert await api.download(slack.workspace.id, address, 7) == b"content"


@pytest.mark.real_time
async def test_a_file_that_is_too_large_is_not_read_to_its_end(slack: Slack, api: Api) -> None:
    address = upload(slack, b"x" * 100_000)
    with pytest.raises(TooLarge):
        await api.download(slack.workspace.id, address, 1000)


@pytest.mark.real_time
async def test_a_page_to_sign_in_is_not_taken_for_a_file(slack: Slack, api: Api) -> None:
    address = upload(slack, b"content")
    slack.workspace.scopes = ("chat:write",)
    with pytest.raises(Refused, match="files:read"):
        await api.download(slack.workspace.id, address, 1000)


@pytest.mark.real_time
@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/file",
        "http://files.slack.com/file",
        "https://slack.com.example.com/file",
        "https://notslack.com/file",
        "file:///etc/passwd",
        "/relative",
    ],
)
async def test_the_token_goes_to_slacks_own_hosts_only(api: Api, address: str) -> None:
    with pytest.raises(Refused):
        await api.download("T1", address, 1000)


def upload(slack: Slack, content: bytes) -> str:
    """Somebody shares a file; its address."""
    slack.say("Look", files=[Upload("a.txt", content)])
    (stored,) = slack.board.platform.files.values()
    return str(stored.about["url_private"])
