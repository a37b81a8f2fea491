"""Tokens of Entra ID for Azure OpenAI: asked for when one is needed, and kept while it is good."""

from __future__ import annotations

from azure.identity.aio import (
    ClientSecretCredential,
    DefaultAzureCredential,
    get_bearer_token_provider,
)

SCOPE = "https://cognitiveservices.azure.com/.default"
"""What the token is for. The identity needs the role Cognitive Services OpenAI User."""


class EntraTokens:
    """Gives a token for each request; to be closed.

    With tenant, client and secret it signs in as that application. Otherwise as whoever this
    machine is: a workload's or a managed identity (the one with the client's id, where that is
    given), or the developer that is signed in with the Azure CLI.
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
        """A token that is good for now. Raises azure-core's `ClientAuthenticationError`."""
        return await self._tokens()

    async def aclose(self) -> None:
        """Closes the connections to the sign-in service."""
        await self._credential.close()
