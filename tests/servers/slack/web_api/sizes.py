"""What a message may hold: Slack refuses the whole call otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.servers.slack import visible
from tests.servers.slack.limits import Limits
from tests.servers.slack.web_api.method import ApiError

Blocks = Sequence[Mapping[str, Any]]

_COUNTED = {"text", "url", "value"}


def check_content(text: str, blocks: Blocks | None, longest: int, limits: Limits) -> None:
    """A text no longer than `longest` and blocks that Slack takes; one of them at least."""
    if not text and not blocks:
        raise ApiError("no_text")
    if len(text) > longest:
        raise ApiError("msg_too_long")
    check_blocks(blocks or (), limits)


def check_blocks(blocks: Blocks, limits: Limits) -> None:
    """Slack's limits on blocks, each and all together."""
    if not isinstance(blocks, list | tuple) or any("type" not in each for each in blocks):
        raise ApiError("invalid_blocks_format")
    if len(blocks) > limits.blocks:
        raise _invalid(f"no more than {limits.blocks} items allowed [json-pointer:/blocks]")
    for number, block in enumerate(blocks):
        _check_block(number, block, limits)
    markdown = sum(len(each["text"]) for each in blocks if each["type"] == "markdown")
    total = sum(_characters(each) + limits.block_overhead for each in blocks)
    if markdown > limits.markdown or total - limits.block_overhead > limits.blocks_text:
        raise ApiError("msg_blocks_too_long")


def check_markdown(text: str, limits: Limits) -> None:
    """A `markdown_text` argument."""
    if len(text) > limits.markdown:
        raise ApiError("msg_too_long")


def check_metadata(metadata: Any, limits: Limits) -> None:
    """An event type and a small payload, or nothing at all."""
    if not metadata:
        return
    if not isinstance(metadata, Mapping):
        raise ApiError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or "event_payload" not in metadata:
        raise ApiError("invalid_metadata_schema")
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > limits.metadata:
        raise ApiError("metadata_too_large")


def _check_block(number: int, block: Mapping[str, Any], limits: Limits) -> None:
    where = f"[json-pointer:/blocks/{number}"
    if block["type"] == "markdown":
        if not block.get("text"):
            raise _invalid(f"must be more than 0 characters {where}/text]")
        if len(block["text"]) > limits.markdown:
            raise _invalid(f"must be less than {limits.markdown + 1} characters {where}/text]")
    if block["type"] == "section" and len(block.get("text", {}).get("text", "")) > 3_000:
        raise _invalid(f"must be less than 3001 characters {where}/text/text]")
    for _, button in visible.buttons([block]):
        if len(button.get("value", "")) > limits.button_value:
            too_long = f"must be less than {limits.button_value + 1} characters"
            raise _invalid(f"{too_long} {where}/elements/value]")
    if block["type"] == "actions":
        _check_actions(block, where)


def _check_actions(block: Mapping[str, Any], where: str) -> None:
    ids = [each.get("action_id") for each in block["elements"] if each.get("action_id")]
    if not block["elements"] or len(block["elements"]) > 25:
        raise _invalid(f"between 1 and 25 items allowed {where}/elements]")
    if len(ids) != len(set(ids)):
        raise _invalid(f"`action_id` already exists {where}/elements]")


def _invalid(message: str) -> ApiError:
    return ApiError("invalid_blocks", response_metadata={"messages": [f"[ERROR] {message}"]})


def _characters(node: Any, key: str = "") -> int:
    return sum(len(each) for each in _strings(node, key))


def _strings(node: Any, key: str) -> Iterator[str]:
    """The strings within a block that have a length to speak of."""
    if isinstance(node, str):
        if key in _COUNTED:
            yield node
    elif isinstance(node, Mapping):
        for name, each in node.items():
            yield from _strings(each, name)
    elif isinstance(node, list | tuple):
        for each in node:
            yield from _strings(each, key)
