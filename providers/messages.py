"""A request's turns as LangChain's messages, as JSON, and what all services need of their calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from providers.base import Image, Opaque, Request, ToolCall, Turn

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


def as_messages(turns: tuple[Turn, ...]) -> list[BaseMessage]:
    """The conversation as LangChain's message objects, without what is opaque."""
    return [as_message(turn) for turn in turns]


def as_message(turn: Turn, content: Any = None, **more: Any) -> BaseMessage:
    """A turn as LangChain's message object, with another content if one is given."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    content = content_of(turn) if content is None else content
    match turn.role:
        case "tool":
            status = "error" if turn.failed else "success"
            return ToolMessage(content, tool_call_id=turn.call_id, name=turn.name, status=status)
        case "assistant":
            calls = [
                {"type": "tool_call", "id": call.id, "name": call.name, "args": arguments_of(call)}
                for call in turn.calls
            ]
            return AIMessage(content, tool_calls=calls, **more)
        case "system":
            return SystemMessage(content)
        case _:
            return HumanMessage(content)


def content_of(turn: Turn) -> str | list[str | dict[str, Any]]:
    """A turn's content as Chat Completions takes it: text, or text and images."""
    if not turn.images:
        return turn.text
    return [{"type": "text", "text": turn.text}, *map(_picture, turn.images)]


def _picture(image: Image) -> dict[str, Any]:
    url = f"data:{image.media_type};base64,{image.base64}"
    return {"type": "image_url", "image_url": {"url": url}}


# Calls, as they are sent back.


UNREADABLE = "unreadable_arguments"
"""The field in which a model is sent back arguments that are no JSON object."""


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """A call's arguments as an object; what is none is a text in the field `UNREADABLE`.

    Most services refuse, or break at, a history with arguments that are no JSON object.
    """
    try:
        told = json.loads(call.arguments) if call.arguments.strip() else None
    except (ValueError, RecursionError):
        return {UNREADABLE: call.arguments}
    if told is None:
        return {}
    return told if isinstance(told, dict) else {UNREADABLE: call.arguments}


def arguments_text(call: ToolCall) -> str:
    """A call's arguments as the text of an object: as the model made them, if they are one."""
    told = arguments_of(call)
    as_made = told and UNREADABLE not in told
    return call.arguments if as_made else json.dumps(told, ensure_ascii=False)


_ANY_ID = re.compile(r"[\w.:-]{1,40}", re.A)
_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")


def id_for(service: str, call_id: str) -> str:
    """A call's id as a service takes it: the same if it can, so that its own ids come back.

    Mistral takes nine letters and digits only, others at most forty characters.
    """
    if (_SHORT_ID if service == "mistral" else _ANY_ID).fullmatch(call_id):
        return call_id
    made = sha256(call_id.encode()).hexdigest()
    return made[:9] if service == "mistral" else f"call_{made[:24]}"


def laid_out(turn: Turn, model: str) -> Iterator[str | ToolCall | Opaque]:
    """An assistant's turn in its order: its text, its calls, and what is opaque of this model.

    Where a call stands in the text is not known: text comes before the calls that follow it.
    """
    text, at, called = turn.text, 0, 0
    for item in (each for each in turn.opaque if each.model == model):
        if item.chars > at:
            yield text[at : item.chars]
            at = item.chars
        yield from turn.calls[called : item.calls]
        called = max(called, item.calls)
        yield item
    if text[at:]:
        yield text[at:]
    yield from turn.calls[called:]


def without_tools(request: Request) -> Request:
    """The request for a model that knows no tools: what others called is told in words."""
    turns = (_in_words(turn) for turn in request.turns)
    return replace(request, turns=tuple(turn for turn in turns if turn.text), tools=())


def _in_words(turn: Turn) -> Turn:
    if turn.role == "tool":
        return Turn("user", f"{turn.name}: {turn.text}")
    return Turn(turn.role, turn.text) if turn.calls else turn
