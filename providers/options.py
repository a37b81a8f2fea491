"""Checks MODEL_OPTIONS, the operator's own fields of a request; imports optional packages."""

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
"""Fields that the bot sets: it has settings for them, or another value could not work."""
_CLIENTS = frozenset(
    {"api_key", "base_url", "extra_headers", "extra_query", "timeout", "max_retries", "streaming"}
)
"""Arguments of an SDK's client, which are no fields of a request."""


def checked(options: Mapping[str, Any] | None, model: str) -> dict[str, Any]:
    """The options as fields of a request. Those in `extra_body` are merged in, as SDKs do.

    Raises `Unusable` for an option that can't work. `model` is as in the setting MODEL.
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
    """The fields of a chat request under their names in the Responses API."""
    told = dict(fields)
    if (effort := told.pop("reasoning_effort", None)) is not None:
        told["reasoning"] = {"effort": effort, **(told.get("reasoning") or {})}
    if (verbosity := told.pop("verbosity", None)) is not None:
        told["text"] = {"verbosity": verbosity, **(told.get("text") or {})}
    return told


def _has_functions(tools: Any) -> bool:
    """Whether any of the tools would have to be run by the bot; services run their own tools."""
    listed = tools if isinstance(tools, list) else [tools]
    return any(not isinstance(tool, Mapping) or tool.get("type") == "function" for tool in listed)


# Packages that only some models need, imported when such a model is chosen.


Model = TypeVar("Model")

EXTRAS = {
    "anthropic": "langchain-anthropic",
    "google": "langchain-google-genai",
    "azure": "azure-identity",
    "socks": "socksio",
    "voice": "faster-whisper",
}
"""The extras of `everytoken[...]`, and the package that each one installs."""


def needed(module: str, extra: str, by: str) -> ModuleType:
    """Imports a module of ours that needs an extra's package; `by` is the setting that asks for it.

    Raises `Unusable`, which says how to install the extra, if that is missing.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("providers", "bot")):
            raise  # one of our own modules: no extra would bring it
        known = {"by": by, "package": EXTRAS[extra], "extra": extra}
        raise Unusable(cause="package_missing", params=known) from error


def made(kind: Callable[..., Model], options: Mapping[str, Any], by: str) -> Model:
    """Creates a LangChain model with its keyword arguments; raises `Unusable` if it refuses them.

    The message has only the arguments' names, because the error's own text may quote a key.
    """
    try:
        return kind(**options)
    except Exception as error:
        name = getattr(kind, "__name__", "the model")
        known = {"model": by, "name": name, "about": _about(error)}
        raise Unusable(cause="arguments_refused", params=known) from error


def _about(error: Exception) -> str:
    """Names of the wrong or missing arguments, if it is pydantic's error; else its class."""
    told = error.errors() if hasattr(error, "errors") else ()
    names = sorted({str(fault["loc"][0]) for fault in told if fault.get("loc")})
    return ", ".join(names) or type(error).__name__
