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
        description="`provider:model`: `local:…`, `openai:…`, `azure:<deployment>`, `compatible:…`",
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
    def _known_provider(cls, value: str) -> str:
        provider, _, name = value.partition(":")
        if "," in value:
            raise ValueError("takes one model for now; name one, like openai:gpt-4o-mini")
        if provider not in PROVIDERS or not name:
            known = ", ".join(f"{name}:…" for name in PROVIDERS)
            raise ValueError(f"is not one of {known}; for example openai:gpt-4o-mini")
        return value

    @field_validator("openai_base_url", "azure_openai_endpoint")
    @classmethod
    def _are_model_urls(cls, value: str | None) -> str | None:
        return is_url(value)

    @property
    def provider(self) -> str:
        """The part of MODEL before the colon."""
        return self.model.partition(":")[0]

    @property
    def model_name(self) -> str:
        """The part of MODEL after the colon."""
        return self.model.partition(":")[2]

    def missing_model_settings(self) -> list[str]:
        """What the model can't do without, each as a line that names the setting."""
        return [
            f"{name.upper()} is missing: MODEL={self.model} needs it"
            for name in _NEEDED.get(self.provider, ())
            if getattr(self, name) is None
        ]


_NEEDED: dict[str, tuple[str, ...]] = {
    "openai": ("openai_api_key",),
    "azure": ("azure_openai_endpoint", "azure_openai_api_key"),
    "compatible": ("openai_base_url",),
}
