"""Entra ID tokens for Azure OpenAI, requested when needed and cached while they are valid."""

from __future__ import annotations

from azure.identity.aio import (
    ClientSecretCredential,
    DefaultAzureCredential,
    get_bearer_token_provider,
)

SCOPE = "https://cognitiveservices.azure.com/.default"
"""The scope of the tokens. The identity needs the role Cognitive Services OpenAI User."""


class EntraTokens:
    """Returns a valid token for each request. Close it after use.

    With tenant, client id and secret it signs in as that application. Otherwise it uses what the
    machine has: a workload identity, a managed identity (the one with `client_id` if that is
    given), or the developer who is signed in with the Azure CLI.
    """

    def __init__(
        self, tenant_id: str | None, client_id: str | None, client_secret: str | None
    ) -> None:
        self._credential: ClientSecretCredential | DefaultAzureCredential
        if tenant_id and client_id and client_secret:
            self._credential = ClientSecretCredential(tenant_id, client_id, client_secret)
        else:
            self._credential = DefaultAzureCredential(managed_identity_client_id=client_id)
        self._tokens = get_bearer_token_provider(self._credential, SCOPE)

    async def __call__(self) -> str:
        """A valid token. Raises azure-core's `ClientAuthenticationError`."""
        return await self._tokens()

    async def aclose(self) -> None:
        """Closes the connections to the sign-in service."""
        await self._credential.close()
