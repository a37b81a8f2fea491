"""Discord's failures as ours: one table of what follows from each, and what mends it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import aiohttp
import discord

from connectors.base import (
    ConnectorError,
    Gone,
    MessageLimited,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
    Unconfirmed,
)

log = logging.getLogger(__name__)

QUIET_S = 5.0
"""Seconds to wait where Discord limits a rate and does not say for how long."""

BANNED_S = 60.0
"""Seconds to wait where the proxy before Discord turns calls away, and does not say how long."""

_TOKEN = "Reset the token in the Developer Portal (Bot) and set DISCORD_TOKEN to the one you get."  # noqa: S105 - it tells where to find one
_SEE = "Give the bot View Channels and Read Message History in the channel."
_MAY = "Give the bot the permissions of its invitation in the channel, or invite it again."
_ANEW = "The answer goes on in a new message."
_LATE = "The answer goes on as an ordinary message."
_WORDS = "The server's rules do not allow what it says."
_THREADS = "Ask in the channel itself, or close some threads."

TABLE: Mapping[int, tuple[type[ConnectorError], str]] = {
    # What was deleted. An edit stops there: the reader wanted it away.
    10003: (Gone, "The channel was deleted."),
    10008: (Gone, "The message was deleted."),
    # Where it may speak, and who may be addressed.
    10004: (Refused, "The bot is not in the server: invite it."),
    50001: (Refused, _SEE),
    50007: (Refused, "The person takes no direct messages from the bot."),
    50008: (Refused, "The channel takes no messages."),
    50013: (Refused, _MAY),
    160002: (Refused, _SEE),
    # What it may not say.
    40005: (TooLarge, "It is too large."),
    50006: (Refused, "Discord shows no empty message."),
    50035: (Refused, "Discord does not take the message as it is."),
    200000: (Refused, _WORDS),
    200001: (Refused, "The server's rules do not allow the thread's name."),
    240000: (Refused, _WORDS),
    # What can't be changed any more. The rest of an answer goes into a new message.
    30046: (Refused, f"Discord lets old messages be changed only so often. {_ANEW}"),
    50005: (Refused, f"The message is not the bot's own. {_ANEW}"),
    50021: (Refused, f"The message is Discord's own. {_ANEW}"),
    50083: (Refused, f"The thread is archived. {_ANEW} If it is locked, a moderator can open it."),
    # Interactions: they live for a quarter of an hour, and are answered once.
    10015: (Refused, _LATE),
    10062: (Refused, _LATE),
    40060: (Refused, _LATE),
    50027: (Refused, _LATE),
    # Threads.
    160004: (Refused, "The message has a thread already."),
    160005: (Refused, "The thread is locked: a moderator can open it."),
    160006: (Refused, f"The server has as many threads as it may. {_THREADS}"),
    160007: (Refused, f"The server has as many announcement threads as it may. {_THREADS}"),
    # Passing.
    130000: (Unavailable, "Discord has too much to do."),
}
"""What follows from an error, by Discord's number for it."""

_STATUSES: Mapping[int, tuple[type[ConnectorError], str]] = {
    401: (Refused, _TOKEN),
    403: (Refused, _MAY),
    404: (Refused, "Discord knows no such address: see DISCORD_API_URL."),
    408: (Unconfirmed, "Discord waited too long."),
    413: (TooLarge, "It is too large."),
}
_NOT_TAKEN = 503
"""The status of a server that has not taken a call; of others that fail nobody knows."""
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"
_ANNOUNCEMENT = 20022
"""Discord's number for a message of an announcement channel that was changed too often."""
_LENGTH = "or fewer in length"
"""What Discord says of a field that is too long."""


class Limited(discord.HTTPException):
    """A 429. `retry_after` is in seconds; `everywhere` where it holds for all that the bot does."""

    retry_after: float
    everywhere: bool = False
    banned: bool = False
    """The proxy before Discord turned the call away: it would any other, too."""
    scope: str = ""
    """Whose limit it is, as Discord says: `user`, `global` or `shared`."""


@contextmanager
def translated(call: str) -> Iterator[None]:
    """Raises what goes wrong in the block as a `ConnectorError` that names the call."""
    try:
        yield
    except discord.LoginFailure as error:
        raise Refused(f"{_TOKEN} ({call})") from error
    except discord.HTTPException as error:
        raise failure(call, error) from error
    except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
        why = str(error) or type(error).__name__
        kind = Unavailable if isinstance(error, aiohttp.ClientConnectorError) else Unconfirmed
        raise kind(f"Discord did not answer: {why} ({call})") from error


def failure(call: str, error: discord.HTTPException) -> ConnectorError:
    """What follows from an answer with an error."""
    about = f"({call}: {error.status} {error.code})"
    kind, cure = _entry(call, error)
    if issubclass(kind, RateLimited):
        return kind(f"{cure} {about}", getattr(error, "retry_after", QUIET_S))
    return kind(f"{cure} {about}")


def code_of(error: ConnectorError) -> int:
    """Discord's number for what went wrong; 0 where it has none."""
    return error.__cause__.code if isinstance(error.__cause__, discord.HTTPException) else 0


def _limit(call: str, error: discord.HTTPException) -> type[RateLimited]:
    """A limit that a message shares with everybody concerns no other of its channel."""
    shared = getattr(error, "scope", "") == "shared" and call.startswith(f"PATCH {_MESSAGE}")
    return MessageLimited if shared or error.code == _ANNOUNCEMENT else RateLimited


def _entry(call: str, error: discord.HTTPException) -> tuple[type[ConnectorError], str]:
    if error.code == 50035 and _LENGTH in error.text:
        return TooLarge, "It has to be split."
    if error.code in TABLE:
        return TABLE[error.code]
    if error.status == 429:
        return (_limit(call, error), "Too many calls.")
    if error.status >= 500:
        return (Unavailable if error.status == _NOT_TAKEN else Unconfirmed), "Discord has a fault."
    log.warning("discord refused %s: %s %s", call, error.status, error.code)
    return _STATUSES.get(error.status, (Refused, "Discord refused."))
