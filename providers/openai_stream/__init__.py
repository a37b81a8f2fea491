"""OpenAI's API and its dialects, without LangChain and without the SDK: asked and read by us."""

from __future__ import annotations

from providers.openai_stream.services import azure_provider, compatible_provider, openai_provider

__all__ = ["azure_provider", "compatible_provider", "openai_provider"]
