"""Tokens of Entra ID, through the real azure-identity at a managed identity's own address."""

from __future__ import annotations

import json
from time import time

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ClientSecretCredential

from bot.runs.outcomes import in_full
from providers.base import AuthFailed
from providers.entra import EntraTokens
from providers.errors import translate
from tests.doubles.openai import Answer, OpenAIServer

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No identity that the developer happens to have."""
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")


def _identity(monkeypatch: pytest.MonkeyPatch, server: OpenAIServer) -> None:
    """This machine has a managed identity, as Azure's App Service gives it."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.root}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header-secret")


def _token() -> Answer:
    body = {"access_token": "a-token", "expires_on": str(int(time()) + 3600), "resource": "r"}
    return Answer([json.dumps(body).encode()], 200, {"Content-Type": "application/json"})


def _no_token() -> Answer:
    body = {"statusCode": 400, "message": "about sk-secret"}
    return Answer([json.dumps(body).encode()], 400, {"Content-Type": "application/json"})


async def test_a_managed_identity_gives_tokens_and_they_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One request for an hour; the identity that is named is the one that is asked."""
    async with OpenAIServer(about=[_token()]) as server:
        _identity(monkeypatch, server)
        tokens = EntraTokens(None, "my-client", None)
        assert [await tokens(), await tokens()] == ["a-token", "a-token"]
        await tokens.aclose()
    asked = [exchange.path for exchange in server.asked]
    assert len(asked) == 1
    assert "resource=https%3A%2F%2Fcognitiveservices.azure.com" in asked[0].replace(
        "://", "%3A%2F%2F"
    )
    assert "client_id=my-client" in asked[0]


async def test_no_token_is_a_refusal_that_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a time-out, and none of what the sign-in service says."""
    async with OpenAIServer(about=[_no_token()]) as server:
        _identity(monkeypatch, server)
        tokens = EntraTokens(None, None, None)
        with pytest.raises(ClientAuthenticationError) as refusal:
            await tokens()
        await tokens.aclose()
    translated = translate(refusal.value)
    assert isinstance(translated, AuthFailed)
    assert "Cognitive Services OpenAI User" in in_full(translated)
    assert "sk-secret" not in in_full(translated)


async def test_an_application_signs_in_with_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """All three settings of it, and nothing that this machine happens to be."""
    made: list[tuple[str, ...]] = []
    original = ClientSecretCredential.__init__

    def noted(self: ClientSecretCredential, *args: str) -> None:
        made.append(args)
        original(self, *args)

    monkeypatch.setattr(ClientSecretCredential, "__init__", noted)
    await EntraTokens("11111111-1111-1111-1111-111111111111", "client", "secret").aclose()
    assert made == [("11111111-1111-1111-1111-111111111111", "client", "secret")]
