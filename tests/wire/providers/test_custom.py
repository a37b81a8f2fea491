"""Any LangChain chat model by its module and class."""

from __future__ import annotations

import pytest

from bot.runs.outcomes import in_full
from providers.base import Unusable
from providers.langchain import langchain_provider
from tests.contract.provider import ask
from tests.doubles.openai import OpenAIServer, recorded

FAKE = "langchain_core.language_models.fake_chat_models"


async def test_a_class_of_a_package_answers() -> None:
    """LangChain's own double gives no finish reason, so it is cut; but every token is heard."""
    provider = langchain_provider(f"{FAKE}:FakeListChatModel", options={"responses": ["Hi."]})
    told = await ask(provider)
    assert told.generation.text == told.heard.text == "Hi."
    assert provider.name == f"langchain:{FAKE}:FakeListChatModel"


@pytest.mark.real_time
async def test_its_arguments_are_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real package's class, at a server on loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with OpenAIServer(recorded("openai.sse")) as server:
        options = {"model": "m", "api_key": "k", "base_url": server.url, "temperature": 0.5}
        provider = langchain_provider("langchain_openai:ChatOpenAI", options=options)
        told = await ask(provider)
        await provider.aclose()
    assert told.error is None
    assert told.generation.text == "Hello there."
    assert server.exchanges[0].body["temperature"] == 0.5


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("langchain_nobody:Chat", "there is no module langchain_nobody"),
        ("langchain_core.nothing:Chat", "there is no module langchain_core.nothing"),
        ("langchain_core:Nothing", "the module langchain_core has no Nothing"),
        ("langchain_core.messages:AIMessage", "AIMessage is no LangChain chat model"),
        (f"{FAKE}:FakeListChatModel", "does not take its arguments (responses)"),
    ],
)
def test_what_can_not_be_made_is_said_with_the_cure(path: str, said: str) -> None:
    """Each in one line that names the setting."""
    with pytest.raises(Unusable) as refusal:
        langchain_provider(path)
    told = in_full(refusal.value)
    assert said in told
    assert f"MODEL=langchain:{path}" in told
