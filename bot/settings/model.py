"""Which model answers, and how its service is reached."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bot.settings.values import Key, as_object, as_pairs, is_url
from providers.registry import PROVIDERS, SERVICES


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


_SHORT_NAME = re.compile(r"[\w.-]{1,40}")
_CLASS = re.compile(r"\w+(\.\w+)*:\w+")


class ModelSettings(BaseSettings):
    """The model and its service."""

    model: str = Field(
        "local:smollm2-135m",
        description="`provider:model`: `local:…`, `openai:…`, `azure:<deployment>`, "
        "`compatible:…`, `anthropic:…`, `google:…`, `langchain:package.module:Class`, or a "
        "service's short name: " + ", ".join(f"`{name}:…`" for name in SERVICES) + "; "
        "several, separated by commas, are tried in order",
    )
    models: Annotated[dict[str, str], NoDecode] = Field(
        {},
        description="models that can be chosen for a channel, by short names: "
        "`fast=openai:gpt-4o-mini,deep=azure:prod`",
    )
    first_token_seconds: float = Field(
        120,
        gt=0,
        description="how long a model may be silent before its answer begins (five times as long "
        "for pro and research models, three times for others that think), and how long a failing "
        "one is tried again",
    )
    broken_answers: Literal["continue", "off"] = Field(
        "continue",
        description="whether the next model of `MODEL` goes on with an answer that broke off: "
        "`continue`, with a mark where, or `off`",
    )
    openai_api_key: Key = Field(
        None, description="key for `openai:`, and for `compatible:` where the server wants one"
    )
    openai_base_url: str | None = Field(
        None, description="base URL of the server, with `/v1`; `compatible:` needs it"
    )
    openai_api: Literal["auto", "chat", "responses"] = Field(
        "auto",
        description="protocol of `openai:` and `azure:`: Chat Completions (`chat`), or the "
        "Responses API (`responses`); `auto`: Chat Completions, where the model knows it",
    )
    openai_store: bool = Field(
        False,
        description="whether the service keeps answers of the Responses API, for its own console",
    )
    azure_openai_endpoint: str | None = Field(
        None, description="`https://<resource>.openai.azure.com`"
    )
    azure_openai_api_key: Key = Field(None, description="key for `azure:`")
    azure_openai_auth: Literal["key", "entra"] = Field(
        "key",
        description="how `azure:` is signed in to: with the key, or as an identity of Entra ID "
        "(a managed identity, the Azure CLI's, or the application of the next three)",
    )
    azure_tenant_id: str | None = Field(None, description="tenant of an Entra ID application")
    azure_client_id: str | None = Field(
        None, description="the application's id; alone, that of a user-assigned managed identity"
    )
    azure_client_secret: Key = Field(None, description="the application's secret")
    openai_api_version: str = Field(
        "2024-10-21", description="Azure's API version; `v1` for its newer endpoint"
    )
    anthropic_api_key: Key = Field(None, description="key for `anthropic:`")
    anthropic_base_url: str | None = Field(
        None, description="another server that speaks Anthropic's Messages API"
    )
    google_api_key: Key = Field(None, description="key for `google:` (Gemini)")
    google_gemini_base_url: str | None = Field(
        None, description="another server that speaks Gemini's API"
    )
    model_options: Annotated[dict[str, Any], NoDecode] = Field(
        {},
        repr=False,  # it may hold a key
        description="further fields of each request, as JSON: "
        '`{"reasoning_effort": "low", "temperature": 0.2}`; with `langchain:`, `anthropic:` and '
        "`google:` keyword arguments of the LangChain class; below a model's full name, for that "
        "one alone",
    )
    local_model_path: Path = Field(
        Path("models/SmolLM2-135M-Instruct.Q4_1.gguf"),
        description="GGUF file for `local:`; where the default one is not there, it is fetched "
        "once, into `~/.cache/everytoken`",
    )
    stream_reader: Literal["lean", "langchain"] = Field(
        "lean",
        description="how a stream is read: `lean` (raw, a fraction of the CPU) or `langchain`",
    )
    model_sees_images: bool | None = Field(
        None, description="whether the model takes images; unset: as is known of the model"
    )
    model_begins_thinking: bool | None = Field(
        None,
        description="whether answers of `compatible:` begin with reasoning that only a closing "
        "`</think>` ends; unset: as is known of the model",
    )

    @field_validator("model")
    @classmethod
    def _known_providers(cls, value: str) -> str:
        models = [model.strip() for model in value.split(",")]
        for model in models:
            provider, _, name = model.partition(":")
            if provider not in PROVIDERS or not name:
                known = ", ".join(f"{name}:…" for name in PROVIDERS)
                raise ValueError(f"is not one of {known}; for example openai:gpt-4o-mini")
            if provider == "langchain" and not _CLASS.fullmatch(name):
                raise ValueError(
                    "names no class; for example langchain:langchain_ollama:ChatOllama"
                )
        if len(set(models)) < len(models):
            raise ValueError("names a model twice")
        return ",".join(models)

    @field_validator("models", mode="before")
    @classmethod
    def _are_pairs(cls, value: Any) -> Any:
        return as_pairs(value)

    @field_validator("models")
    @classmethod
    def _are_known_models(cls, value: dict[str, str]) -> dict[str, str]:
        for name, model in value.items():
            if not _SHORT_NAME.fullmatch(name):
                raise ValueError(f"has the name {name}: letters, digits, . _ and - are possible")
            cls._known_providers(model)
            if "," in model:
                raise ValueError(f"gives {name} several models: a chain is set where it is chosen")
        return value

    @field_validator("model_options", mode="before")
    @classmethod
    def _is_an_object(cls, value: Any) -> Any:
        return as_object(value)

    @field_validator(
        "openai_base_url", "azure_openai_endpoint", "anthropic_base_url", "google_gemini_base_url"
    )
    @classmethod
    def _are_model_urls(cls, value: str | None) -> str | None:
        return is_url(value)

    @property
    def chain(self) -> tuple[str, ...]:
        """The models of MODEL, the first to be asked first."""
        return tuple(self.model.split(","))

    @property
    def provider(self) -> str:
        """The first model's part before the colon."""
        return self.model.partition(":")[0]

    @property
    def model_name(self) -> str:
        """The first model's part after the colon."""
        return self.chain[0].partition(":")[2]

    def options_of(self, model: str) -> dict[str, Any]:
        """What MODEL_OPTIONS gives to one of the models: what is for all, and what is its own."""
        of_models = {k for k in self.model_options if k.partition(":")[0] in PROVIDERS}
        shared = {k: v for k, v in self.model_options.items() if k not in of_models}
        own = self.model_options.get(model)
        return {**shared, **own} if isinstance(own, dict) else shared

    def missing_model_settings(self) -> list[str]:
        """What the models can't do without, each as a line that names the setting."""
        missing: dict[str, str] = {}
        setting = dict.fromkeys(self.models.values(), "MODELS") | dict.fromkeys(self.chain, "MODEL")
        for model in setting:
            for name in self._needed(model.partition(":")[0]):
                if getattr(self, name) is None:
                    line = f"{name.upper()} is missing: {setting[model]}={model} needs it"
                    missing.setdefault(name, line)
        return list(missing.values())

    def _needed(self, provider: str) -> tuple[str, ...]:
        by_key = provider == "azure" and self.azure_openai_auth == "key"
        return PROVIDERS[provider].needs + (("azure_openai_api_key",) if by_key else ())


def setting_names(provider: str) -> tuple[str, str]:
    """The settings that hold a provider's key and its address, as the operator knows them."""
    if provider == "langchain":
        return "the key in MODEL_OPTIONS", "the address in MODEL_OPTIONS"
    entry = PROVIDERS.get(provider)
    if entry is None:
        return "its key", "its address"
    address = "BASE_URLS" if entry.base_url else entry.address.upper()
    return entry.key.upper() or "its key", address or "its address"
