"""The record as JSON, for a process that drives the double from outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from tests.doubles.slack.platform import Platform
from tests.doubles.slack.queries import Queries
from tests.doubles.slack.records import Delivery, Message, Version

Json = dict[str, Any]


def report(slack: Queries, platform: Platform, *, text: bool) -> Json:
    """Everything that was recorded; the texts of messages only where they are asked for."""
    return {
        "calls": _calls(slack),
        "rate_limited": [asdict(each) for each in slack.rate_limited],
        "pinged": [asdict(each) for each in slack.pinged()],
        "writing": [each.ts for each in slack.writing()],
        "statuses": slack.statuses,
        "messages": [message(slack, each, text=text) for each in platform.messages.values()],
        "deliveries": [_delivery(each) for each in platform.deliveries],
    }


def message(slack: Queries, each: Message, *, text: bool) -> Json:
    """A message with its versions."""
    return {
        "workspace": each.workspace,
        "channel": each.channel,
        "ts": each.ts,
        "thread_ts": each.thread_ts,
        "user": each.user,
        "by_bot": each.by_bot,
        "to": each.to,
        "deleted": each.deleted,
        "writing": each.writing,
        "shrank": len(slack.shrank(each.ts)),
        "largest_gap": slack.largest_gap(each.ts),
        "versions": [_version(version, text=text) for version in each.versions],
    }


def _version(version: Version, *, text: bool) -> Json:
    visible = version.visible
    made: Json = {"at": version.at, "length": len(visible), "stop": version.stop}
    made["live"] = version.live
    if text:
        made |= {"visible": visible, "text": version.text, "metadata": version.metadata}
        made |= {"blocks": list(version.blocks), "pings": version.pings}
    return made


def _calls(slack: Queries) -> Json:
    """By method: when each came, how long it took, and how it ended."""
    methods = Counter(call.method for call in slack.calls)
    return {
        name: [
            {
                "at": call.at,
                "seconds": call.answered_at - call.at,
                "status": call.status,
                "error": call.error,
            }
            for call in slack.called(name)
        ]
        for name in methods
    }


def _delivery(delivery: Delivery) -> Json:
    event = delivery.payload.get("event", {})
    return {
        "kind": delivery.kind,
        "type": event.get("type") or delivery.payload.get("type") or delivery.kind,
        "subtype": event.get("subtype", ""),
        "ts": event.get("ts", ""),
        "attempts": [asdict(attempt) for attempt in delivery.attempts],
    }
