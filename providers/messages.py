"""A request's turns as LangChain's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.base import Image, Turn

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


def as_messages(turns: tuple[Turn, ...]) -> list[BaseMessage]:
    """The conversation as LangChain's message objects."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    kinds = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[turn.role](content=content_of(turn)) for turn in turns]


def content_of(turn: Turn) -> str | list[str | dict[str, Any]]:
    """A turn's content as Chat Completions takes it: text, or text and images."""
    if not turn.images:
        return turn.text
    return [{"type": "text", "text": turn.text}, *map(_picture, turn.images)]


def _picture(image: Image) -> dict[str, Any]:
    url = f"data:{image.media_type};base64,{image.base64}"
    return {"type": "image_url", "image_url": {"url": url}}
