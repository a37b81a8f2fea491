"""The table of all providers, by the prefix that they have in the setting MODEL.

Settings, start, self-test and documentation are made from it. Functions are given by name, so that
reading the table imports no SDK. To add a provider, see docs/howto-provider.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Dialect = Literal["", "openai", "azure", "compatible", "local"]
"""Which further keywords a provider's function takes; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEntry:
    """One provider: the function that makes it, and the settings it is made from.

    `make` is that function, written `module:function`; `make_langchain`, if there is one, replaces
    it with STREAM_READER=langchain. The function takes the model's name and, as keywords,
    `stall_seconds`, `first_seconds`, `sees`, `options`, `room` if it is set, `api_key` if there is
    a `key`, `base_url` if another address is set, and what its dialect needs (`bot/app/models.py`).
    """

    title: str
    make: str
    make_langchain: str = ""
    dialect: Dialect = ""
    key: str = ""
    """The setting with its key; empty if it takes none."""
    needs_key: bool = True
    """Whether it can't be used without a key."""
    address: str = ""
    """The setting with its address; empty if that is in BASE_URLS, or can't be set."""
    needs_address: bool = False
    """Whether it can't be used without an address."""
    extra: str = ""
    """The extra of `everytoken[...]` that installs its package."""
    base_url: str = ""
    """The default address of a named service, which BASE_URLS can replace."""
    elsewhere: str = ""
    """The service's other address, for accounts of another region."""
    usage: bool = False
    """Whether it reports usage only if asked with `stream_options`; others may refuse the field."""
    recorded: str = ""
    """A recorded stream in `bot/app/streams` for the self-test; empty if there is none."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The settings that it can't be used without."""
        key = (self.key,) if self.key and self.needs_key else ()
        return key + ((self.address,) if self.needs_address else ())


def _service(
    title: str,
    base_url: str,
    recorded: str,
    *,
    key: str = "",
    usage: bool = False,
    elsewhere: str = "",
) -> ProviderEntry:
    """A named service with OpenAI's Chat Completions."""
    return ProviderEntry(
        title=title,
        make="providers.openai_stream:compatible_provider",
        make_langchain="providers.openai:compatible_provider",
        dialect="compatible",
        key=key,
        base_url=base_url,
        elsewhere=elsewhere,
        usage=usage,
        recorded=recorded,
    )


PROVIDERS: Mapping[str, ProviderEntry] = {
    "local": ProviderEntry(
        title="the embedded model",
        make="providers.local:local_provider",
        dialect="local",
        recorded="llama_cpp.sse",
    ),
    "openai": ProviderEntry(
        title="OpenAI",
        make="providers.openai_stream:openai_provider",
        make_langchain="providers.openai:openai_provider",
        dialect="openai",
        key="openai_api_key",
        address="openai_base_url",
        recorded="openai.sse",
    ),
    "azure": ProviderEntry(
        title="Azure OpenAI",
        make="providers.openai_stream:azure_provider",
        make_langchain="providers.azure:azure_provider",
        dialect="azure",
        key="azure_openai_api_key",
        needs_key=False,  # with AZURE_OPENAI_AUTH=entra it needs none
        address="azure_openai_endpoint",
        needs_address=True,
        recorded="azure.sse",
    ),
    "compatible": ProviderEntry(
        title="any server that speaks OpenAI's chat completions",
        make="providers.openai_stream:compatible_provider",
        make_langchain="providers.openai:compatible_provider",
        dialect="compatible",
        key="openai_api_key",
        needs_key=False,
        address="openai_base_url",
        needs_address=True,
        recorded="vllm.sse",
    ),
    "anthropic": ProviderEntry(
        title="Anthropic",
        make="providers.anthropic:anthropic_provider",
        key="anthropic_api_key",
        address="anthropic_base_url",
        extra="anthropic",
        recorded="anthropic_thinking.sse",
    ),
    "google": ProviderEntry(
        title="Google's Gemini",
        make="providers.google:google_provider",
        key="google_api_key",
        address="google_gemini_base_url",
        extra="google",
        recorded="google_thoughts.http",
    ),
    "langchain": ProviderEntry(
        title="any LangChain chat model", make="providers.langchain:langchain_provider"
    ),
    "qwen": _service(
        "Alibaba's Qwen (Model Studio, DashScope)",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "qwen.sse",
        key="dashscope_api_key",
        usage=True,
        elsewhere="https://dashscope.aliyuncs.com/compatible-mode/v1",
    ),
    "zhipu": _service(
        "Z.ai, Zhipu (GLM)",
        "https://api.z.ai/api/paas/v4",
        "zai.sse",
        key="zhipu_api_key",
        elsewhere="https://open.bigmodel.cn/api/paas/v4",
    ),
    "moonshot": _service(
        "Moonshot (Kimi)",
        "https://api.moonshot.ai/v1",
        "moonshot.sse",
        key="moonshot_api_key",
        elsewhere="https://api.moonshot.cn/v1",
    ),
    "deepseek": _service(
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "deepseek.sse",
        key="deepseek_api_key",
        usage=True,
    ),
    "minimax": _service(
        "MiniMax",
        "https://api.minimax.io/v1",
        "minimax.sse",
        key="minimax_api_key",
        usage=True,
        elsewhere="https://api.minimaxi.com/v1",
    ),
    "mistral": _service(
        "Mistral", "https://api.mistral.ai/v1", "content_blocks.sse", key="mistral_api_key"
    ),
    "groq": _service(
        "Groq", "https://api.groq.com/openai/v1", "groq.sse", key="groq_api_key", usage=True
    ),
    "xai": _service("xAI (Grok)", "https://api.x.ai/v1", "xai.sse", key="xai_api_key"),
    "openrouter": _service(
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "reasoning_openrouter.sse",
        key="openrouter_api_key",
    ),
    "ollama": _service("Ollama", "http://127.0.0.1:11434/v1", "ollama.sse", usage=True),
}

SERVICES: Mapping[str, ProviderEntry] = {k: v for k, v in PROVIDERS.items() if v.base_url}
"""The named services: `MODEL=qwen:qwen-plus` is `compatible:qwen-plus` with the service's address
and a key of its own."""

MASKED_KINDS = ("email", "phone", "ip", "card", "iban", "id")
"""The kinds of values that `providers.masking` knows by a name of their own."""
