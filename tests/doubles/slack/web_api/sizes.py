"""What a message may hold: Slack refuses the whole call otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.doubles.slack import visible
from tests.doubles.slack.limits import Limits
from tests.doubles.slack.web_api.method import ApiError

Blocks = Sequence[Mapping[str, Any]]
Block = Mapping[str, Any]

_COUNTED = {"text", "url", "value"}


def check_text(text: str, longest: int) -> None:
    """The text of an edit, in UTF-8 bytes."""
    if _bytes(text) > longest:
        raise ApiError("msg_too_long")


def check_blocks(sent: Blocks, limits: Limits) -> None:
    """Each block as it was sent."""
    if not isinstance(sent, list | tuple) or any("type" not in each for each in sent):
        raise ApiError("invalid_blocks_format")
    for number, block in enumerate(sent):
        _check_block(number, block, limits)
    if sum(block["type"] == "table" for block in sent) > limits.tables:
        raise _invalid("only_one_table_allowed [json-pointer:/blocks]")


def check_drawn(sent: Blocks, drawn: Blocks, limits: Limits) -> None:
    """All blocks together, as they were sent and as they are drawn."""
    markdown = "".join(each["text"] for each in sent if each["type"] == "markdown")
    if _too_much(markdown, limits.markdown, limits):
        raise ApiError("msg_blocks_too_long")
    for blocks in (sent, drawn):
        if _too_much("".join(_strings(blocks)), limits.blocks_text, limits):
            raise ApiError("msg_blocks_too_long")
    if len(drawn) > limits.items:
        raise _invalid(f"no more than {limits.items} items allowed [json-pointer:/blocks]")
    _check_tables([block for block in drawn if block["type"] == "table"], limits)


def check_markdown(text: str, limits: Limits) -> None:
    """A `markdown_text` argument, or the text of a markdown block."""
    if _too_much(text, limits.markdown, limits):
        raise ApiError("msg_too_long")


def check_stream(markdown: str, limits: Limits) -> None:
    """All that one stream was sent, in UTF-8 bytes."""
    if _bytes(markdown) > limits.stream:
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


def _too_much(text: str, most: int, limits: Limits) -> bool:
    return (_bytes(text) if limits.in_bytes else len(text)) > most


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _check_block(number: int, block: Block, limits: Limits) -> None:
    where = f"[json-pointer:/blocks/{number}"
    match block["type"]:
        case "markdown":
            if not block.get("text"):
                raise _invalid(f"must be more than 0 characters {where}/text]")
            check_markdown(block["text"], limits)
        case "section":
            _check_length(block.get("text", {}).get("text", ""), 3_000, f"{where}/text/text]")
        case "header":
            _check_length(block["text"]["text"], 150, f"{where}/text/text]")
        case "actions":
            _check_actions(block, where)
        case "table":
            _check_cells(block["rows"], where)
    for _, button in visible.buttons([block]):
        _check_length(button.get("value", ""), limits.button_value, f"{where}/elements/value]")


def _check_length(text: str, most: int, where: str) -> None:
    if len(text) > most:
        raise _invalid(f"must be less than {most + 1} characters {where}")


def _check_actions(block: Block, where: str) -> None:
    ids = [each.get("action_id") for each in block["elements"] if each.get("action_id")]
    if not block["elements"] or len(block["elements"]) > 25:
        raise _invalid(f"between 1 and 25 items allowed {where}/elements]")
    if len(ids) != len(set(ids)):
        raise _invalid(f"`action_id` already exists {where}/elements]")


def _check_cells(rows: Sequence[Sequence[Block]], where: str) -> None:
    """A table block that is sent: no row has fewer cells than another, no cell is empty."""
    if len({len(row) for row in rows}) != 1:
        raise _invalid(f"missing required field {where}/rows]")
    for row in rows:
        for cell in row:
            if not "".join(_strings(cell)):
                raise _invalid(f"must be more than 0 characters {where}/rows]")


def _check_tables(tables: Blocks, limits: Limits) -> None:
    rows = sum(len(table["rows"]) for table in tables)
    if rows > limits.table_rows:
        raise _invalid(f"no more than {limits.table_rows} items allowed [json-pointer:/blocks]")
    if any(len(row) > limits.table_columns for table in tables for row in table["rows"]):
        raise _invalid(f"no more than {limits.table_columns} items allowed [json-pointer:/blocks]")
    cells = "".join(text for table in tables for text in _strings(table["rows"]))
    if _too_much(cells, limits.table_text, limits):
        too_long = f"must be less than {limits.table_text + 1} characters"
        raise _invalid(f"{too_long} [json-pointer:/blocks]")


def _invalid(message: str) -> ApiError:
    return ApiError("invalid_blocks", response_metadata={"messages": [f"[ERROR] {message}"]})


def _strings(node: Any, key: str = "") -> Iterator[str]:
    """The strings within blocks that have a length to speak of."""
    if isinstance(node, str):
        if key in _COUNTED:
            yield node
    elif isinstance(node, Mapping):
        for name, each in node.items():
            yield from _strings(each, name)
    elif isinstance(node, list | tuple):
        for each in node:
            yield from _strings(each, key)
