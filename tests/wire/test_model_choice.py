"""MODEL and what belongs to it come to the provider that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.app.models import make_provider
from bot.settings import Settings, load_settings
from providers.base import Provider, Unusable
from tests.contract.provider import ask
from tests.doubles.openai import OpenAIServer, recorded

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def _made(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Provider:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return make_provider(load_settings())


AZURE = {"MODEL": "azure:dep", "AZURE_OPENAI_API_KEY": "azure-key"}
OPENAI = {"MODEL": "openai:gpt-4o", "OPENAI_API_KEY": "k"}


@pytest.mark.parametrize("reader", ["lean", "langchain"])
@pytest.mark.parametrize(
    ("settings", "path", "header"),
    [
        (AZURE, "/openai/deployments/dep/chat/completions?api-version=2024-10-21", "api-key"),
        ({**AZURE, "OPENAI_API_VERSION": "v1"}, "/openai/v1/chat/completions", "authorization"),
        (OPENAI, "/v1/chat/completions", "authorization"),
        ({**OPENAI, "OPENAI_API": "responses"}, "/v1/responses", "authorization"),
        (
            {**OPENAI, "MODEL": "openai:gpt-5-pro", "OPENAI_API": "chat"},
            "/v1/chat/completions",
            "authorization",
        ),
    ],
)
async def test_the_settings_decide_where_the_question_goes(
    settings: dict[str, str], path: str, header: str, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Path, query, and the header with the key, the same both ways."""
    stream = "responses.sse" if path.endswith("responses") else "openai.sse"
    async with OpenAIServer(recorded(stream)) as server:
        url = {"AZURE_OPENAI_ENDPOINT": server.root}
        if settings["MODEL"].startswith("openai"):
            url = {"OPENAI_BASE_URL": server.url}
        provider = _made(monkeypatch, **settings, **url, STREAM_READER=reader)
        told = await ask(provider)
        await provider.aclose()
    assert told.error is None
    assert server.exchanges[0].path == path
    assert header in server.exchanges[0].headers


async def test_an_identity_of_entra_id_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity is asked for only when a question is."""
    settings = {"MODEL": "azure:dep", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}
    provider = _made(monkeypatch, **settings, AZURE_OPENAI_AUTH="entra")
    assert provider.name == "azure:dep"
    await provider.aclose()


@pytest.mark.parametrize(
    "settings",
    [
        {"MODEL": "anthropic:claude-haiku-4-5", "ANTHROPIC_API_KEY": "k"},
        {"MODEL": "google:gemini-2.5-flash", "GOOGLE_API_KEY": "k"},
    ],
)
async def test_the_extras_models_are_made_with_their_options(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no argument of the class is said at start."""
    provider = _made(monkeypatch, **settings, CONTEXT_TOKENS="5000")
    assert (provider.name, provider.room) == (settings["MODEL"], 5000)
    await provider.aclose()
    with pytest.raises(Unusable, match="temperature"):
        _made(monkeypatch, **settings, MODEL_OPTIONS='{"temperature": "hot"}')


async def test_any_langchain_class_is_made_with_its_arguments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are JSON, so a list is a list."""
    model = "langchain:langchain_core.language_models.fake_chat_models:FakeListChatModel"
    provider: Any = _made(monkeypatch, MODEL=model, MODEL_OPTIONS='{"responses": ["Hi."]}')
    assert (await ask(provider)).generation.text == "Hi."
