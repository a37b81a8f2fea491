"""The adapters, each in its ways: through LangChain, and lean where it has such a one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal, get_args

from providers.base import Provider
from providers.registry import SERVICES
from tests.contract.provider import LONG_STALL
from tests.doubles.openai import OpenAIServer

Way = Literal["langchain", "lean"]
Adapter = Literal[
    "openai", "azure", "compatible", "anthropic", "google",
    "qwen", "zhipu", "moonshot", "deepseek", "minimax", "mistral", "groq", "xai", "openrouter",
    "ollama",
]  # fmt: skip

WAYS: tuple[Way, ...] = ("langchain", "lean")
DIALECTS: tuple[Adapter, ...] = ("openai", "azure", "compatible")
"""The adapters of OpenAI's dialects, which are read both ways."""
NAMED: tuple[Adapter, ...] = get_args(Adapter)[5:]
"""The services with short names: compatible, each as the table of services has it."""
ADAPTERS: tuple[Adapter, ...] = (*DIALECTS, "anthropic", "google", *NAMED)

_MODULES: Mapping[Way, Mapping[Adapter, str]] = {
    "langchain": {
        "openai": "openai",
        "azure": "azure",
        "compatible": "openai",
        "anthropic": "anthropic",
        "google": "google",
        **dict.fromkeys(NAMED, "openai"),
    },
    "lean": {
        "openai": "openai_stream",
        "azure": "openai_stream",
        "compatible": "openai_stream",
        **dict.fromkeys(NAMED, "openai_stream"),
    },
}


def ways_of(adapter: Adapter) -> tuple[Way, ...]:
    """How the adapter can read a stream."""
    return tuple(way for way in WAYS if adapter in _MODULES[way])


RESPONSES = "gpt-5-pro"
"""The model whose recorded streams speak the Responses API."""


def built(
    way: Way,
    adapter: Adapter,
    root: str,
    *,
    model: str = "gpt-4o-mini",
    stall_seconds: float = LONG_STALL,
    **options: Any,
) -> Provider:
    """A provider for a service whose address begins with `root`."""
    # Each brings its SDK along: imported when a test wants it, not when tests are collected.
    module = import_module(f"providers.{_MODULES[way][adapter]}")
    known: dict[str, Any] = {"stall_seconds": stall_seconds, **options}
    if model == RESPONSES and adapter == "openai":
        # What a service says of the protocol that it wants is tested in test_protocols.py.
        known.setdefault("api", "responses")
    key = known.pop("api_key", "sk-secret")
    provider: Provider
    match adapter:
        case "openai":
            provider = module.openai_provider(model, api_key=key, base_url=f"{root}/v1", **known)
        case "azure":
            known = {"secret": "azure-key", **known}
            provider = module.azure_provider(model, endpoint=root, **known)
        case "compatible":
            provider = module.compatible_provider(model, base_url=f"{root}/v1", **known)
        case "anthropic":
            provider = module.anthropic_provider(model, api_key=key, base_url=root, **known)
        case "google":
            known["options"] = {"max_retries": 1}  # the wait before another would be a second
            provider = module.google_provider(model, api_key=key, base_url=root, **known)
        case _:
            known |= {"service": adapter, "usage": SERVICES[adapter].usage}
            provider = module.compatible_provider(model, base_url=f"{root}/v1", **known)
    return provider


def at(server: OpenAIServer, way: Way, adapter: Adapter, **options: Any) -> Provider:
    """A provider at a server on loopback."""
    return built(way, adapter, server.root, **options)
