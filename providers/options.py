"""MODEL_OPTIONS, checked: what a request may carry besides its own; and the packages that only
some models need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from providers.base import Unusable

_OURS = frozenset(
    {
        "model", "messages", "input", "instructions", "stream", "stream_options", "n", "store",
        "max_tokens", "max_completion_tokens", "max_output_tokens", "previous_response_id",
        "functions", "function_call", "tool_choice", "background", "conversation",
    }
)  # fmt: skip
"""What the bot decides itself: by settings of its own, or because another value can't work."""
_CLIENTS = frozenset(
    {"api_key", "base_url", "extra_headers", "extra_query", "timeout", "max_retries", "streaming"}
)
"""What is no part of a request's body."""


def checked(options: Mapping[str, Any] | None, model: str) -> dict[str, Any]:
    """The options as fields of a request; what stands in `extra_body` is one of them, as in SDKs.

    Raises `Unusable` for one that can't work; `model` is as in the setting MODEL.
    """
    given = dict(options or {})
    further = given.pop("extra_body", {})
    fields = {**given, **further} if isinstance(further, Mapping) else {"extra_body": further}
    for name, value in fields.items():
        known = name in _OURS | _CLIENTS or name == "extra_body"
        if known or (name == "tools" and _has_functions(value)):
            raise Unusable(cause="option_refused", params={"model": model, "option": name})
    return fields


def for_responses(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields as the Responses API calls them."""
    told = dict(fields)
    if (effort := told.pop("reasoning_effort", None)) is not None:
        told["reasoning"] = {"effort": effort, **(told.get("reasoning") or {})}
    if (verbosity := told.pop("verbosity", None)) is not None:
        told["text"] = {"verbosity": verbosity, **(told.get("text") or {})}
    return told


def _has_functions(tools: Any) -> bool:
    """Whether tools are among them that the bot would have to call; the service's own are not."""
    listed = tools if isinstance(tools, list) else [tools]
    return any(not isinstance(tool, Mapping) or tool.get("type") == "function" for tool in listed)


# Packages that only some models need: imported when one of these is chosen, and not before.


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
