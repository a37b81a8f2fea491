"""How Slack's ids name a place and a message of ours."""

from __future__ import annotations

from connectors.base import MessageRef, Place


def place_of(team: str, channel: str, ts: str, thread_ts: str, *, threads_in_dms: bool) -> Place:
    """The conversation that a message belongs to; `thread_ts` is empty outside of threads.

    In a channel a message opens a thread: its answer stands there. Direct messages are one long
    conversation outside of threads, unless `threads_in_dms` (Slack's streams want a thread).
    """
    opens = threads_in_dms or not is_dm(channel)
    return Place("slack", team, channel, thread_ts or (ts if opens else ""))


def ref_of(team: str, channel: str, ts: str, thread_ts: str, *, threads_in_dms: bool) -> MessageRef:
    """A message, in the conversation that it belongs to."""
    return MessageRef(place_of(team, channel, ts, thread_ts, threads_in_dms=threads_in_dms), ts)


def is_dm(channel: str) -> bool:
    """Whether a channel is the direct messages of two."""
    return channel.startswith("D")
