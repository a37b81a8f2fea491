"""The record as JSON: what a benchmark reads at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.doubles.discord.interactions import Interaction
from tests.doubles.discord.model import Message
from tests.doubles.discord.record import Record

if TYPE_CHECKING:
    from tests.doubles.discord.server import DiscordServer


def report(server: DiscordServer) -> dict[str, Any]:
    """Counts, and the bot's messages without their versions. Times in seconds."""
    record = server.record
    statuses: dict[str, int] = {}
    for call in record.calls:
        statuses[str(call.status)] = statuses.get(str(call.status), 0) + 1
    return {
        "calls": len(record.calls),
        "statuses": statuses,
        "rate_limited": [_call(call.at, call.method, call.path) for call in record.rate_limited],
        "unknown": [_call(call.at, call.method, call.path) for call in record.unknown],
        "pinged": [list(ping) for ping in record.pinged()],
        "writing": [message.id for message in record.writing()],
        "typing": [{"at": each.at, "channel": each.channel_id} for each in record.typing],
        "identified": len(record.linked("identify")),
        "resumed": len(record.linked("resume")),
        "connected": server.gateway.connected,
        "messages": [message_report(record, each) for each in record.messages(by_bot=True)],
    }


def _call(at: float, method: str, path: str) -> dict[str, Any]:
    return {"at": at, "method": method, "path": path}


def message_report(record: Record, of: Message, *, versions: bool = False) -> dict[str, Any]:
    """A message and what became of it."""
    body: dict[str, Any] = {
        "id": of.id,
        "channel": of.channel_id,
        "author": of.author.id,
        "reply_to": (of.reference or {}).get("message_id"),
        "content": of.content,
        "at": of.at,
        "changed": of.now.at,
        "deleted": of.deleted,
        "edits": len(of.versions) - 1,
        "shrank": len(record.shrank(of.id)),
        "largest_gap": record.largest_gap(of.id),
        "writing": of.writing,
        "buttons": [button.get("label") or button.get("custom_id") for button in of.now.buttons],
    }
    if versions:
        body["versions"] = [
            {
                "at": version.at,
                "content": version.content,
                "components": list(version.components),
                "flags": int(version.flags),
                "pings": list(version.mentions.pings),
            }
            for version in of.versions
        ]
    return body


def interaction_report(of: Interaction) -> dict[str, Any]:
    """An interaction, and how the bot answered it."""
    answer = of.answer
    return {
        "id": of.id,
        "at": of.at,
        "answer": answer and {"at": answer.at, "type": int(answer.type), "data": answer.data},
        "original": of.original_id,
        "followups": of.followups,
    }
