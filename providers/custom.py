"""Any LangChain chat model, named by its module and class."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from langchain_core.language_models import BaseChatModel

from providers.base import Unusable
from providers.extras import made
from providers.langchain import LangChainProvider


def langchain_provider(
    path: str,
    *,
    options: Mapping[str, Any] | None = None,
    stall_seconds: float = 60.0,
    first_seconds: float | None = None,
    room: int | None = None,
    sees: bool | None = None,
) -> LangChainProvider:
    """`langchain:PACKAGE.MODULE:CLASS`, made with the keyword arguments of `options`.

    Raises `Unusable` where there is no such chat model, or it doesn't take its arguments.
    """
    chat = made(_class(path), options or {}, f"langchain:{path}")
    return LangChainProvider(
        chat,
        name=f"langchain:{path}",
        room=room,
        sees=sees,
        stall_seconds=stall_seconds,
        first_seconds=first_seconds,
        limit=None,  # each class calls it something else: it belongs into its arguments
    )


def _class(path: str) -> type[BaseChatModel]:
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        known = {"model": f"langchain:{path}", "module": str(error.name)}
        raise Unusable(cause="module_missing", params=known) from error
    except AttributeError as error:
        known = {"model": f"langchain:{path}", "module": module, "name": name}
        raise Unusable(cause="class_missing", params=known) from error
    if not (isinstance(found, type) and issubclass(found, BaseChatModel)):
        known = {"model": f"langchain:{path}", "name": name}
        raise Unusable(cause="no_chat_model", params=known)
    return found
