"""Slack's failures as ours: one table of what follows from each, and what mends it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError

from connectors.base import (
    ConnectorError,
    Gone,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
    Unconfirmed,
)

log = logging.getLogger(__name__)

_QUIET_S = 5.0
"""Seconds to wait where Slack limits a rate and does not say for how long."""

_REINSTALL = "Install the app in the workspace again and set SLACK_BOT_TOKEN to the token you get."
_WHICH = "Set SLACK_BOT_TOKEN to the bot's token: it begins with xoxb-."
_SCOPE = "Give the app the scope {needed} (OAuth & Permissions) and install it again."
_INVITE = "Invite the bot to the channel (/invite), or ask it elsewhere."
_POLICY = "An admin of the workspace has to allow it."
_CLIENT = "Set SLACK_CLIENT_ID and SLACK_CLIENT_SECRET to what Basic Information says."
_REDIRECT = "Add PUBLIC_URL/slack/oauth_redirect to the app's redirect URLs."
_NO_STREAM = "The answer goes on by edits."
_TRY_AGAIN = "It is tried again."
_SHORTER = "It has to be split."

TABLE: Mapping[str, tuple[type[ConnectorError], str]] = {
    # What was deleted. An edit stops there: the reader wanted it away.
    "message_not_found": (Gone, "The message was deleted."),
    "thread_not_found": (Gone, "The thread was deleted."),
    "file_deleted": (Gone, "The file was deleted."),
    "file_is_deleted": (Gone, "The file was deleted."),
    "file_not_found": (Gone, "The file was deleted, or the bot can't see it."),
    # Who the bot is.
    "not_authed": (Refused, _WHICH),
    "not_allowed_token_type": (Refused, _WHICH),
    "invalid_auth": (Refused, _REINSTALL),
    "token_revoked": (Refused, _REINSTALL),
    "token_expired": (Refused, _REINSTALL),
    "account_inactive": (Refused, _REINSTALL),
    "missing_scope": (Refused, _SCOPE),
    "no_permission": (Refused, _POLICY),
    "access_denied": (Refused, _POLICY),
    "app_access_restricted": (Refused, _POLICY),
    "ekm_access_denied": (Refused, _POLICY),
    "enterprise_is_restricted": (Refused, _POLICY),
    "org_login_required": (Refused, _POLICY),
    "team_access_not_granted": (Refused, _POLICY),
    "team_not_found": (Refused, _REINSTALL),
    # Where it may speak.
    "channel_not_found": (Refused, _INVITE),
    "not_in_channel": (Refused, _INVITE),
    "is_archived": (Refused, "The channel is archived."),
    "is_inactive": (Refused, "The channel is archived, frozen or deleted."),
    "cannot_reply_to_message": (Refused, "Slack allows no thread below this message."),
    "invalid_thread_ts": (Refused, "Slack knows no such thread."),
    "restricted_action": (Refused, _POLICY),
    "restricted_action_read_only_channel": (Refused, _POLICY),
    "restricted_action_thread_locked": (Refused, "The thread is locked."),
    "restricted_action_thread_only_channel": (Refused, "The channel takes replies only."),
    "restricted_action_non_threadable_channel": (Refused, "The channel has no threads."),
    "messages_tab_disabled": (Refused, "Turn on the messages tab in the app's home settings."),
    "message_limit_exceeded": (Refused, "The workspace has used up its plan's messages."),
    "user_not_in_channel": (Refused, "The person is not in the channel."),
    "user_not_found": (Refused, "The person is not in the workspace."),
    # What can't be changed any more. The rest of an answer goes into a new message.
    "cant_update_message": (Refused, "Slack does not let the bot change this message."),
    "edit_window_closed": (Refused, "The workspace does not allow an edit so late."),
    "block_mismatch": (Refused, "Slack does not let the bot change this message."),
    # Streams.
    "streaming_state_conflict": (Refused, "The message is still being streamed."),
    "message_not_in_streaming_state": (Refused, _NO_STREAM),
    "message_not_owned_by_app": (Refused, _NO_STREAM),
    "stopped_by_user": (Refused, "The reader stopped it."),
    "channel_type_not_supported": (Refused, _NO_STREAM),
    "method_not_supported_for_channel_type": (Refused, _NO_STREAM),
    "missing_recipient_user_id": (Refused, _NO_STREAM),
    "missing_recipient_team_id": (Refused, _NO_STREAM),
    "unknown_method": (Refused, "SLACK_API_URL names a server that lacks this method."),
    # Installations.
    "invalid_code": (Refused, "The code was used before, or is too old."),
    "code_already_used": (Refused, "The code was used before, or is too old."),
    "bad_redirect_uri": (Refused, _REDIRECT),
    "bad_client_secret": (Refused, _CLIENT),
    "invalid_client_id": (Refused, _CLIENT),
    "bot_not_found": (Refused, "Slack knows no such bot."),
    # Files of answers.
    "file_type_not_allowed": (Refused, _POLICY),
    "file_uploads_disabled": (Refused, _POLICY),
    "file_uploads_except_images_disabled": (Refused, _POLICY),
    "storage_limit_reached": (Refused, "The workspace has no room for more files."),
    "posting_to_channel_denied": (Refused, _POLICY),
    "file_update_failed": (Unavailable, _TRY_AGAIN),
    # Size.
    "file_upload_size_restricted": (TooLarge, "The workspace takes no file of this size."),
    "msg_too_long": (TooLarge, _SHORTER),
    "msg_blocks_too_long": (TooLarge, _SHORTER),
    "msg_blocks_too_many": (TooLarge, _SHORTER),
    "metadata_too_large": (TooLarge, _SHORTER),
    # Slack's own troubles. Of the first three it says that something may have been done.
    "fatal_error": (Unconfirmed, _TRY_AGAIN),
    "internal_error": (Unconfirmed, _TRY_AGAIN),
    "request_timeout": (Unconfirmed, _TRY_AGAIN),
    "service_unavailable": (Unavailable, _TRY_AGAIN),
    "update_failed": (Unavailable, _TRY_AGAIN),
    "messaging_processing_failed": (Unavailable, _TRY_AGAIN),
    "external_channel_migrating": (Unavailable, _TRY_AGAIN),
    "team_added_to_org": (Unavailable, _TRY_AGAIN),
}
"""What each error of Slack's is for us, and what mends it. Any other is `Refused`."""

_NOT_TAKEN = 503
"""The status of a server that has not taken a call; of others that fail nobody knows."""
_RATE = {"ratelimited", "rate_limited"}
_LENGTH = "must be less than"
"""How Slack begins to say, of blocks that are invalid, that something in them is too long."""


def code_of(error: ConnectorError) -> str:
    """Slack's name for a failure, as in "streaming_state_conflict"; empty where it has none."""
    return _code(error.__cause__) if isinstance(error.__cause__, SlackApiError) else ""


@contextmanager
def translated(method: str) -> Iterator[None]:
    """Every failure of a call becomes a `ConnectorError`, with its cause kept."""
    try:
        yield
    except SlackApiError as error:
        raise failure(method, error) from error
    except (aiohttp.ClientError, SlackRequestError, TimeoutError, OSError) as error:
        kind = Unavailable if isinstance(error, aiohttp.ClientConnectorError) else Unconfirmed
        raise kind(f"Slack could not be reached for {method}: {_name(error)}.") from error
    except (AttributeError, ValueError) as error:
        # What the SDK stumbles over: a 200 whose body is neither JSON nor HTML.
        raise Unconfirmed(f"The answer to {method} is not Slack's: {_name(error)}.") from error


def failure(method: str, error: SlackApiError) -> ConnectorError:
    """What it means for the bot that Slack said no."""
    code, status = _code(error), _status(error)
    if status == 429 or code in _RATE:
        return RateLimited(f"Slack limits the rate of {method}.", _retry_after(error))
    if status >= 500 or not code:
        unsure = Unavailable if status == _NOT_TAKEN else Unconfirmed
        return unsure(f"Slack did not do {method}: {code or f'HTTP {status}'}.")
    if code == "invalid_blocks" and _LENGTH in str(_data(error).get("response_metadata")):
        return TooLarge(f"{_SHORTER} ({method}: {code})")
    if code not in TABLE:
        log.warning("slack refused %s for a reason that is not in the table: %s", method, code)
    kind, cure = TABLE.get(code, (Refused, "Slack refused."))
    cure = cure.format(needed=_data(error).get("needed", "it lacks"))
    return kind(f"{cure} ({method}: {code})")


def _data(error: SlackApiError) -> Mapping[str, Any]:
    data = getattr(error.response, "data", None)
    return data if isinstance(data, dict) else {}


def _code(error: SlackApiError) -> str:
    return str(_data(error).get("error") or "")


def _status(error: SlackApiError) -> int:
    # Where the body can't be read the SDK hands over aiohttp's answer instead of its own.
    response = error.response
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0))


def _retry_after(error: SlackApiError) -> float:
    value = str(getattr(error.response, "headers", {}).get("Retry-After", ""))
    return float(value) if value.isdecimal() else _QUIET_S


def _name(error: BaseException) -> str:
    return type(error).__name__
