"""What a method of the Web API is: a function of a request, with the scopes that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.doubles.slack.board import Board
from tests.doubles.slack.platform import Platform
from tests.doubles.slack.records import Message
from tests.doubles.slack.workspaces import Channel, Workspace

Json = dict[str, Any]


class ApiError(Exception):
    """The answer is `ok: false` with this error."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra


@dataclass(frozen=True, slots=True)
class Request:
    """A call with its arguments, of an app in a workspace."""

    board: Board
    workspace: Workspace
    args: Mapping[str, Any]

    @property
    def platform(self) -> Platform:
        """The state of the double."""
        return self.board.platform

    def required(self, name: str, error: str = "invalid_arguments") -> Any:
        """An argument; the error where it is missing or empty."""
        value = self.args.get(name)
        if not value:
            raise ApiError(error)
        return value

    def flag(self, name: str) -> bool:
        """An argument that is a boolean, in whatever way it was sent."""
        return str(self.args.get(name, "")).lower() in {"1", "true"}

    def channel(self, name: str = "channel") -> Channel:
        """The channel that is named; a person's id means their direct messages."""
        given = str(self.required(name, "channel_not_found"))
        if given in self.workspace.users:
            return self.workspace.dm(given)
        if given not in self.workspace.channels:
            raise ApiError("channel_not_found")
        return self.workspace.channels[given]

    def own_message(self, error: str) -> Message:
        """The bot's own message that `channel` and `ts` name; `error` if it is another's."""
        channel = self.channel()
        message = self.platform.there(channel.id, str(self.args.get("ts", "")))
        if message is None:
            raise ApiError("message_not_found")
        if message.user != self.workspace.bot_user:
            raise ApiError(error)
        return message


Function = Callable[[Request], Json]


@dataclass(frozen=True, slots=True)
class Method:
    """A function and the scopes of which the token needs one."""

    function: Function
    scopes: Callable[[Request], tuple[str, ...]]


METHODS: dict[str, Method] = {}
"""By the name in the address."""


def method(name: str, *scopes: str) -> Callable[[Function], Function]:
    """Serves a function under a name, to tokens that have one of the scopes."""

    def register(function: Function) -> Function:
        METHODS[name] = Method(function, lambda _request: scopes)
        return function

    return register


def of_channel(name: str, right: str) -> Callable[[Function], Function]:
    """The same, where the scope depends on the kind of the channel: `im:history`, for one."""

    def scopes(request: Request) -> tuple[str, ...]:
        kinds = {"im": "im", "group": "groups", "channel": "channels"}
        return (f"{kinds[request.channel().type]}:{right}",)

    def register(function: Function) -> Function:
        METHODS[name] = Method(function, scopes)
        return function

    return register
