"""OpenAI's API and its dialects without LangChain: the openai client asks, we parse the stream."""

from __future__ import annotations

from providers.openai_stream.services import azure_provider, compatible_provider, openai_provider

__all__ = ["azure_provider", "compatible_provider", "openai_provider"]
