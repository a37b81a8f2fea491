"""views.open: a modal, for whoever just did something; refused where Slack's limits refuse it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.doubles.slack import shapes
from tests.doubles.slack.web_api.method import ApiError, Json, Request, method

TRIGGER_S = 3.0
"""A trigger_id opens a modal for so long."""
MOST_BLOCKS = 100
_MOST_BYTES = 250_000
_MOST_METADATA = 3_000
_MOST_ID = 255
_MOST_TITLE = 24
_MOST_LABEL = 2_000
_MOST_SECTION = 3_000
_MOST_INPUT = 3_000
_MOST_PLACEHOLDER = 150
_MOST_OPTIONS = 100
_MOST_OPTION = 75
_MOST_VALUE = 150


@method("views.open")
def open_view(request: Request) -> Json:
    """Opens a modal with a trigger_id, each of which serves once and for three seconds."""
    trigger, platform = str(request.required("trigger_id")), request.platform
    if trigger in platform.exchanged:
        raise ApiError("exchanged_trigger_id")
    if trigger not in platform.triggers:
        raise ApiError("invalid_trigger_id")
    if time.monotonic() - platform.triggers[trigger] > TRIGGER_S:
        raise ApiError("expired_trigger_id")
    sent = dict(request.required("view"))
    if len(str(sent)) > _MOST_BYTES:
        raise ApiError("view_too_large")
    if wrong := list(_wrong(sent)):
        raise ApiError("invalid_arguments", response_metadata={"messages": wrong})
    del platform.triggers[trigger]
    platform.exchanged.add(trigger)
    view = shapes.sample("view_submission")["view"] | sent
    name = request.platform.new_id("V")
    view |= {"id": name, "root_view_id": name, "team_id": request.workspace.id}
    view |= {"state": {"values": {}}, "bot_id": request.workspace.bot_id}
    view["app_installed_team_id"] = request.workspace.id
    request.platform.views.append(view)
    return {"view": view}


def _wrong(view: Json) -> Iterator[str]:
    """What Slack refuses in a modal, a line each."""
    for name in {"type", "title", "blocks"} - view.keys():
        yield f"missing required field: {name}"
    for name in ("title", "submit", "close"):
        if name in view:
            yield from _text(view[name], _MOST_TITLE, name)
    blocks = view.get("blocks") or []
    if not 1 <= len(blocks) <= MOST_BLOCKS:
        yield f"must have 1 to {MOST_BLOCKS} items [blocks]"
    yield from _wrong_ids(view, blocks)
    for block in blocks:
        yield from _of_block(block)


def _wrong_ids(view: Json, blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(ids)) < len(ids) or any(not 0 < len(id_) <= _MOST_ID for id_ in ids):
        yield "block_id is invalid or not unique"
    if any(block["type"] == "input" for block in blocks) and "submit" not in view:
        yield "a modal with inputs needs submit"
    if len(view.get("private_metadata", "")) > _MOST_METADATA:
        yield "must be less than 3001 characters [private_metadata]"
    if len(view.get("callback_id", "")) > _MOST_ID:
        yield "must be less than 256 characters [callback_id]"


def _of_block(block: Mapping[str, Any]) -> Iterator[str]:
    match block["type"]:
        case "section":
            kind = block["text"].get("type")
            if kind not in ("plain_text", "mrkdwn") or not block["text"].get("text"):
                yield "a section needs a text"
            elif len(block["text"]["text"]) > _MOST_SECTION:
                yield "must be less than 3001 characters [text]"
        case "input":
            yield from _text(block.get("label") or {}, _MOST_LABEL, "label")
            if "hint" in block:
                yield from _text(block["hint"], _MOST_LABEL, "hint")
            yield from _of_element(block["element"])
        case "divider" | "context" | "header":
            return
        case other:
            yield f"unsupported type: {other}"


def _of_element(element: Mapping[str, Any]) -> Iterator[str]:
    if not 0 < len(element.get("action_id", "")) <= _MOST_ID:
        yield "must be 1 to 255 characters [action_id]"
    if "placeholder" in element:
        yield from _text(element["placeholder"], _MOST_PLACEHOLDER, "placeholder")
    match element["type"]:
        case "plain_text_input":
            most = element.get("max_length", _MOST_INPUT)
            if not 1 <= most <= _MOST_INPUT:
                yield "must be 1 to 3000 [max_length]"
            if "initial_value" in element and not 0 < len(element["initial_value"]) <= most:
                yield "is longer than max_length, or empty [initial_value]"
        case "static_select" | "multi_static_select":
            yield from _of_select(element)
        case other:
            yield f"unsupported type: {other}"


def _of_select(element: Mapping[str, Any]) -> Iterator[str]:
    options = element.get("options") or []
    if not 1 <= len(options) <= _MOST_OPTIONS:
        yield "must have 1 to 100 items [options]"
    for option in options:
        yield from _text(option["text"], _MOST_OPTION, "option")
        if not 0 < len(option.get("value", "")) <= _MOST_VALUE:
            yield "must be 1 to 150 characters [value]"
    if len({option.get("value") for option in options}) < len(options):
        yield "two options have one value"
    initial = element.get("initial_options", [])
    if "initial_option" in element:
        initial = [element["initial_option"]]
    if ("initial_options" in element and not initial) or any(i not in options for i in initial):
        yield "is none of the options [initial_option]"


def _text(text: Mapping[str, Any], most: int, name: str) -> Iterator[str]:
    if text.get("type") != "plain_text" or not 0 < len(text.get("text", "")) <= most:
        yield f"must be plain text of 1 to {most} characters [{name}]"
