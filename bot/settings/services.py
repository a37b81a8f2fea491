"""Services that speak OpenAI's chat completions, by short names: one table.

`MODEL=qwen:qwen-plus` is `compatible:qwen-plus` at the right address, with a key of its own. The
documents are made from this table. A service that is not here is reached by `compatible:`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bot.settings.values import as_object, is_url


@dataclass(frozen=True, slots=True)
class Service:
    """One service: what it is, where it is, and how its dialect differs."""

    title: str
    base_url: str
    key: str
    """The setting that holds its key; empty where it wants none."""
    usage: bool = False
    """Whether it has to be asked to count (`stream_options`), and knows that field."""
    elsewhere: str = ""
    """Its address for other accounts, where it has two."""


SERVICES: Mapping[str, Service] = {
    "qwen": Service(
        "Alibaba's Qwen (Model Studio, DashScope)",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "dashscope_api_key",
        usage=True,
        elsewhere="https://dashscope.aliyuncs.com/compatible-mode/v1",
    ),
    "zhipu": Service(
        "Z.ai, Zhipu (GLM)",
        "https://api.z.ai/api/paas/v4",
        "zhipu_api_key",
        elsewhere="https://open.bigmodel.cn/api/paas/v4",
    ),
    "moonshot": Service(
        "Moonshot (Kimi)",
        "https://api.moonshot.ai/v1",
        "moonshot_api_key",
        elsewhere="https://api.moonshot.cn/v1",
    ),
    "deepseek": Service("DeepSeek", "https://api.deepseek.com/v1", "deepseek_api_key", usage=True),
    "minimax": Service(
        "MiniMax",
        "https://api.minimax.io/v1",
        "minimax_api_key",
        usage=True,
        elsewhere="https://api.minimaxi.com/v1",
    ),
    "mistral": Service("Mistral", "https://api.mistral.ai/v1", "mistral_api_key"),
    "groq": Service("Groq", "https://api.groq.com/openai/v1", "groq_api_key", usage=True),
    "xai": Service("xAI (Grok)", "https://api.x.ai/v1", "xai_api_key"),
    "openrouter": Service("OpenRouter", "https://openrouter.ai/api/v1", "openrouter_api_key"),
    "ollama": Service("Ollama", "http://127.0.0.1:11434/v1", "", usage=True),
}


class ServiceSettings(BaseSettings):
    """The keys of the services with a short name, and other addresses for them."""

    dashscope_api_key: SecretStr | None = Field(None, description="key for `qwen:`")
    zhipu_api_key: SecretStr | None = Field(None, description="key for `zhipu:`")
    moonshot_api_key: SecretStr | None = Field(None, description="key for `moonshot:`")
    deepseek_api_key: SecretStr | None = Field(None, description="key for `deepseek:`")
    minimax_api_key: SecretStr | None = Field(None, description="key for `minimax:`")
    mistral_api_key: SecretStr | None = Field(None, description="key for `mistral:`")
    groq_api_key: SecretStr | None = Field(None, description="key for `groq:`")
    xai_api_key: SecretStr | None = Field(None, description="key for `xai:`")
    openrouter_api_key: SecretStr | None = Field(None, description="key for `openrouter:`")
    base_urls: Annotated[dict[str, str], NoDecode] = Field(
        {},
        description="other addresses of the services with a short name, as JSON: "
        '`{"ollama": "http://gpu:11434/v1"}`',
    )

    @field_validator("base_urls", mode="before")
    @classmethod
    def _is_a_map(cls, value: Any) -> Any:
        return as_object(value)

    @field_validator("base_urls")
    @classmethod
    def _are_services_urls(cls, value: dict[str, str]) -> dict[str, str]:
        for name, url in value.items():
            if name not in SERVICES:
                raise ValueError(f"names {name}, which is none of {', '.join(SERVICES)}")
            is_url(url)
        return value

    def url_of(self, service: str) -> str:
        """The address of a service with a short name."""
        return self.base_urls.get(service, SERVICES[service].base_url)
