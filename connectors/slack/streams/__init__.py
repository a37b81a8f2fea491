"""Slack's native streaming: an answer that is written by appending to it."""

from connectors.slack.streams.streams import Streams

__all__ = ["Streams"]
