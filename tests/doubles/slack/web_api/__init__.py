"""The methods of Slack's Web API."""

from tests.doubles.slack.web_api import (
    agents,
    assistant,
    auth,
    chat,
    conversations,
    files,
    people,
    streams,
    views,
)
from tests.doubles.slack.web_api.method import METHODS, ApiError, Request

__all__ = [
    "METHODS",
    "ApiError",
    "Request",
    "agents",
    "assistant",
    "auth",
    "chat",
    "conversations",
    "files",
    "people",
    "streams",
    "views",
]
