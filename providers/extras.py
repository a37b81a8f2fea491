"""Packages that only some models need: imported when one of these is chosen, and not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from providers.base import Unusable

Model = TypeVar("Model")

EXTRAS = {
    "anthropic": "langchain-anthropic",
    "google": "langchain-google-genai",
    "azure": "azure-identity",
    "socks": "socksio",
}
"""The extras of `everytoken[...]`, and the package that each stands for."""


def needed(module: str, extra: str, by: str) -> ModuleType:
    """Our own module, which imports what an extra brings; `by` is the setting that wants it.

    Raises `Unusable` with the cure where the extra is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("providers", "bot")):
            raise
        known = {"by": by, "package": EXTRAS[extra], "extra": extra}
        raise Unusable(cause="package_missing", params=known) from error


def made(kind: Callable[..., Model], options: Mapping[str, Any], by: str) -> Model:
    """A LangChain model with its keyword arguments; raises `Unusable` where it refuses them.

    The message only names the arguments: what else the error says may quote a key.
    """
    try:
        return kind(**options)
    except Exception as error:
        name = getattr(kind, "__name__", "the model")
        known = {"model": by, "name": name, "about": _about(error)}
        raise Unusable(cause="arguments_refused", params=known) from error


def _about(error: Exception) -> str:
    """The names of the arguments that are wrong or missing, where the error tells them."""
    told = error.errors() if hasattr(error, "errors") else ()
    names = sorted({str(fault["loc"][0]) for fault in told if fault.get("loc")})
    return ", ".join(names) or type(error).__name__
