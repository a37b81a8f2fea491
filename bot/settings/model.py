"""Which model answers, and how it is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from bot.settings.values import is_url

PROVIDERS = ("local", "openai", "azure", "compatible")


class ModelSettings(BaseSettings):
    """The model and its service."""

    model: str = Field(
        "local:smollm2-135m",
        description="`provider:model`: `local:…`, `openai:…`, `azure:<deployment>`, `compatible:…`"
        "; several, separated by commas, are tried in order",
    )
    first_token_seconds: float = Field(
        120,
        gt=0,
        description="how long a failing model is tried again, and others instead, "
        "until a token comes",
    )
    broken_answers: Literal["continue", "off"] = Field(
        "continue",
        description="whether the next model of `MODEL` goes on with an answer that broke off: "
        "`continue`, with a mark where, or `off`",
    )
    openai_api_key: SecretStr | None = Field(
        None, description="key for `openai:`, and for `compatible:` where the server wants one"
    )
    openai_base_url: str | None = Field(
        None, description="base URL of the server, with `/v1`; `compatible:` needs it"
    )
    azure_openai_endpoint: str | None = Field(
        None, description="`https://<resource>.openai.azure.com`"
    )
    azure_openai_api_key: SecretStr | None = Field(None, description="key for `azure:`")
    openai_api_version: str = Field("2024-10-21", description="Azure's API version")
    local_model_path: Path = Field(
        Path("models/SmolLM2-135M-Instruct.Q4_1.gguf"),
        description="GGUF file for `local:`; `make setup` fetches the default one",
    )
    stream_reader: Literal["lean", "langchain"] = Field(
        "lean",
        description="how a stream is read: `lean` (raw, a fraction of the CPU) or `langchain`",
    )
    model_sees_images: bool | None = Field(
        None, description="whether the model takes images; unset: as is known of the model"
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
        if len(set(models)) < len(models):
            raise ValueError("names a model twice")
        return ",".join(models)

    @field_validator("openai_base_url", "azure_openai_endpoint")
    @classmethod
    def _are_model_urls(cls, value: str | None) -> str | None:
        return is_url(value)

    @property
    def models(self) -> tuple[str, ...]:
        """The models of MODEL, the first to be asked first."""
        return tuple(self.model.split(","))

    @property
    def provider(self) -> str:
        """The first model's part before the colon."""
        return self.model.partition(":")[0]

    @property
    def model_name(self) -> str:
        """The first model's part after the colon."""
        return self.models[0].partition(":")[2]

    def missing_model_settings(self) -> list[str]:
        """What the models can't do without, each as a line that names the setting."""
        missing: dict[str, str] = {}
        for model in self.models:
            for name in _NEEDED.get(model.partition(":")[0], ()):
                if getattr(self, name) is None:
                    line = f"{name.upper()} is missing: MODEL={model} needs it"
                    missing.setdefault(name, line)
        return list(missing.values())


_NEEDED: dict[str, tuple[str, ...]] = {
    "openai": ("openai_api_key",),
    "azure": ("azure_openai_endpoint", "azure_openai_api_key"),
    "compatible": ("openai_base_url",),
}
