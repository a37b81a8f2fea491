"""A request's turns as LangChain's messages."""

from __future__ import annotations

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from providers.base import Turn

_BY_ROLE: dict[str, type[BaseMessage]] = {
    "system": SystemMessage,
    "user": HumanMessage,
    "assistant": AIMessage,
}


def as_messages(turns: tuple[Turn, ...]) -> list[BaseMessage]:
    """The conversation as LangChain models take it."""
    return [_BY_ROLE[turn.role](content=turn.text) for turn in turns]
